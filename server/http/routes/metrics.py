"""GET /metrics: what Prometheus counts."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from server.http.dependencies import admitted

router = APIRouter(include_in_schema=False)


@router.get("/metrics", dependencies=[Depends(admitted)])
async def metrics(request: Request) -> Response:
    """The counts, in Prometheus's text format."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
