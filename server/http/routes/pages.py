"""GET /: the page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from server.http.dependencies import SettingsDep
from server.settings import TEMPLATES

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(TEMPLATES)


@router.get("/", response_class=HTMLResponse)
async def index(request: Request, settings: SettingsDep) -> Response:
    """The page; everything it shows it fetches."""
    max_bytes = min(settings.max_upload_bytes, settings.max_message_bytes)
    return templates.TemplateResponse(request, "index.html", {"max_bytes": max_bytes})
