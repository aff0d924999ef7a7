"""The application: ``uvicorn --factory server.app:create_app``, or ``python -m server``."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from dynamicnet import __version__
from server.engine.engine import Engine
from server.http import errors
from server.http.files import Files
from server.http.middleware import BodyLimit, Head, Parts, Policy
from server.http.routes import health, infer, metrics, models, pages, sweep
from server.http.schemas import ALPHA, TOLD, Documented
from server.http.thumbnails import Thumbnails
from server.operations.admission import Admission
from server.operations.logs import HEADER, Requests
from server.operations.metrics import Counted, Metrics
from server.sessions import session
from server.settings import STATIC, Settings, read_settings

LAST_WORDS = 2.0
"""Seconds that there are, when the server ends, for telling those whose requests were cut off."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; its models are loaded when it starts.

    Args:
        settings: how to set it up; from the environment if left out.
    """
    settings = settings or read_settings()

    counts = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = Engine(settings.device, settings.prepared_bytes, settings.models_bytes, counts)
        await engine.load(settings.weights)
        gc.collect()
        gc.freeze()  # what imports made stays: to search it for cycles would hold up all frames for 0.1 to 0.2 s
        looking = asyncio.create_task(engine.shelf.keep_looking(settings.weights))
        app.state.engine = engine
        app.state.thumbnails = Thumbnails(engine, STATIC / "samples")
        yield
        looking.cancel()
        if app.state.answering:
            await asyncio.wait(app.state.answering, timeout=LAST_WORDS)
        engine.close()

    app = Documented(
        title="Dynamic-Net",
        version=__version__,
        description="Tune what a trained network does, with a slider. Interactive sessions are at /ws.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's loads its files from elsewhere
        redoc_url=None,
        servers=[{"url": "."}],  # where the document is
        redirect_slashes=False,  # to an absolute address, which behind a proxy is another
        generate_unique_id_function=lambda route: route.name,  # what generators of clients call their functions
    )
    app.state.settings = settings
    app.state.metrics = counts
    app.state.answering = set[asyncio.Task[Any]]()
    app.state.admission = admission = Admission(settings)
    counts.sessions.set_function(lambda: admission.sessions)
    counts.in_flight.set_function(lambda: admission.requests)
    errors.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes)
    app.add_middleware(GZipMiddleware, compresslevel=6)  # of text; pictures are compressed already
    app.add_middleware(Policy)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization"],
            expose_headers=[*TOLD, ALPHA, "Retry-After", HEADER],
        )
    app.add_middleware(Counted, metrics=counts)
    app.add_middleware(Head)
    app.add_middleware(Requests)
    app.add_middleware(Parts)
    for routes in (pages, health, metrics, models, infer, sweep, session):
        app.include_router(routes.router)
    app.state.files = files = Files(STATIC)
    app.mount("/static", files, name="static")
    app.mount("/docs/files", StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-files")
    return app
