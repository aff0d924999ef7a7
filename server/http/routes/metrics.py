"""GET /metrics: what Prometheus counts."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from server.http.dependencies import Guarded

router = APIRouter(include_in_schema=False, route_class=Guarded)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The counts, in Prometheus's text format."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
