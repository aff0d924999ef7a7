"""GET /health: whether the server is up, at any load."""

from importlib.metadata import version

from fastapi import APIRouter

from server.dependencies import EngineDep
from server.schemas import Health, problems

router = APIRouter(tags=["health"])

VERSION = version("dynamic-net")


@router.get("/health", responses=problems())
async def health(engine: EngineDep) -> Health:
    """How the server is; answers at once, whatever is being rendered."""
    count = len(engine.models)
    return Health(status="ok" if count else "no-models", device=str(engine.device), models=count, version=VERSION)
