"""The page's own files, which browsers keep for as long as they stay what they are."""

from hashlib import blake2b
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STYLES = ("base", "buttons", "layout", "picture", "compare", "brush", "seeds", "under", "tiles", "sliders", "contrast")
"""The files of css/, in the order in which later ones win; css/page.css is all of them, for one trip to the server."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"  # kept, and used again once the server has said that it is still the same


class Files(StaticFiles):
    """A folder, and the same folder under a name that changes with anything in it: scripts find each other in both.

    Attributes:
        version: that name. What is asked for below it may be kept for ever.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self.version = _digest(folder)
        self._styles = styles(folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, and how long it may be kept."""
        name = path.removeprefix(f"{self.version}/")
        if name == "css/page.css" and scope["method"] in ("GET", "HEAD"):
            response = Response(self._styles, media_type="text/css")
        else:
            response = await super().get_response(name, scope)
        response.headers["Cache-Control"] = ASK_AGAIN if name == path else FOR_EVER
        return response


def styles(folder: Path) -> bytes:
    """What css/page.css is, of a folder of the page's files."""
    return b"\n".join((folder / "css" / f"{name}.css").read_bytes() for name in STYLES)


def _digest(folder: Path) -> str:
    digest = blake2b(digest_size=8)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        digest.update(b"%s %d " % (file.relative_to(folder).as_posix().encode(), len(data)) + data)
    return digest.hexdigest()
