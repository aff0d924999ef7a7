"""GET /health: whether the server is up, at any load. GET /ready: whether it has anything to serve."""

from fastapi import APIRouter

from dynamicnet import __version__
from server.http.dependencies import EngineDep
from server.http.schemas import Health, problems

router = APIRouter(tags=["health"])


@router.get("/health", responses=problems())
async def health(engine: EngineDep) -> Health:
    """The state of the server; answers at once, whatever is being rendered."""
    count = len(engine.models)
    return Health(status="ok" if count else "no-models", device=str(engine.device), models=count, version=__version__)


@router.get("/ready", responses=problems(503))
async def ready(engine: EngineDep) -> Health:
    """The same once there are models, and 503 until then: for load balancers, not for what restarts the server."""
    engine.model(None)
    return await health(engine)
