"""The application: ``uvicorn --factory server.app:create_app``, or ``python -m server``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from server import errors
from server.engine import Engine
from server.middleware import BodyLimit, NoSniff
from server.routes import health, infer, models, pages, session, sweep
from server.settings import STATIC, Settings
from server.thumbnails import Thumbnails


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; its models are loaded when it starts.

    Args:
        settings: how to set it up; from the environment if left out.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = Engine(settings.device, settings.prepared_bytes, settings.models_bytes)
        await engine.load(settings.weights)
        app.state.engine = engine
        app.state.thumbnails = Thumbnails(engine, STATIC / "samples")
        yield
        engine.close()

    app = FastAPI(
        title="Dynamic-Net",
        version=health.VERSION,
        description="Tune what a trained network does, with a slider. Interactive sessions are at /ws.",
        lifespan=lifespan,
        docs_url=None,  # the viewers load their scripts from elsewhere; /openapi.json is served
        redoc_url=None,
    )
    app.state.settings = settings
    errors.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes)
    app.add_middleware(NoSniff)
    for routes in (pages, health, models, infer, sweep, session):
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
