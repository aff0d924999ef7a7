"""GET /: the page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from PIL import Image
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from dynamicnet.files.plugins import FORMATS
from server.http.dependencies import SettingsDep
from server.settings import TEMPLATES

ACCEPTED = [Image.MIME[kind] for kind in FORMATS] + [end for end, kind in Image.EXTENSION.items() if kind in FORMATS]
if "HEIF" in FORMATS:
    ACCEPTED.append("image/heic")

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(TEMPLATES)


@router.get("/", response_class=HTMLResponse)
async def index(request: Request, settings: SettingsDep) -> Response:
    """The page; everything it shows it fetches."""
    limits = {
        "accept": ",".join(ACCEPTED),
        "max_bytes": min(settings.max_upload_bytes, settings.max_message_bytes),
    }
    return templates.TemplateResponse(request, "index.html", limits)
