"""GET /: the page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from server.settings import TEMPLATES

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(TEMPLATES)


@router.get("/", response_class=HTMLResponse)
async def index(request: Request) -> Response:
    """The page; everything it shows it fetches."""
    return templates.TemplateResponse(request, "index.html")
