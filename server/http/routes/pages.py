"""GET /: the page. GET /docs: the API, to read and to try."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from PIL import Image
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from dynamicnet.files.plugins import FORMATS
from server.http.dependencies import EngineDep, SettingsDep
from server.http.routes.models import thumbnail_of
from server.settings import STATIC, TEMPLATES

ACCEPTED = [Image.MIME[kind] for kind in FORMATS] + [end for end, kind in Image.EXTENSION.items() if kind in FORMATS]
if "HEIF" in FORMATS:
    ACCEPTED.append("image/heic")

MODULES = sorted(file.name for file in (STATIC / "js").iterdir())
SEEN_FIRST = 4  # thumbnails, on a phone; fetched before the scripts ask for them

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(TEMPLATES)


@router.get("/", response_class=HTMLResponse)
async def index(request: Request, engine: EngineDep, settings: SettingsDep) -> Response:
    """The page; everything it shows it fetches."""
    known = {
        "files": _files(request),
        "modules": MODULES,
        "models": "models",
        "thumbnails": [thumbnail_of(model) for model in engine.models.values()][:SEEN_FIRST],
        "accept": ",".join(ACCEPTED),
        "max_bytes": min(settings.max_upload_bytes, settings.max_message_bytes),
    }
    return templates.TemplateResponse(request, "index.html", known)


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> Response:
    """Swagger UI, whose own files are below it."""
    return templates.TemplateResponse(request, "docs.html", {"files": _files(request)})


def _files(request: Request) -> str:
    """Where our files are, seen from the page."""
    return f"static/{request.app.state.files.version}"
