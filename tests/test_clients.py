"""Clients that others write, or have written for them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pages
import pytest
from conftest import ELSEWHERE
from pages import difference, pixels, until
from PIL import Image
from playwright.sync_api import Browser, Page

from server.settings import ROOT

browser = pages.browser  # a fixture


def test_a_generated_client_renders_a_picture(http, models, photo, tmp_path, monkeypatch):
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{http.base_url}/openapi.json"),
        *("--config", ROOT / "docs/openapi-python-client.yaml", "--output-path", tmp_path / "made"),
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where ruff is, by which it formats what it makes
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "arning" not in said

    monkeypatch.syspath_prepend(tmp_path / "made")
    made = import_module("dynamic_net_client")
    infer, sweep, listed, thumbnail = (
        import_module(f"dynamic_net_client.api.{name}")
        for name in ("infer.infer", "sweep.sweep", "models.models", "models.thumbnail")
    )
    types, forms = import_module("dynamic_net_client.types"), import_module("dynamic_net_client.models")
    client = made.Client(f"{http.base_url}", timeout=60)
    model = next(model for model in listed.sync(client=client).models if "image" in model.takes)
    assert thumbnail.sync(model.id, client=client).payload.read(2) == b"\xff\xd8"

    fields = {"model": model.id, "alpha": "0", "max_side": 64}
    with photo.open("rb") as file:
        form = forms.BodyInfer(image=types.File(file, photo.name), format_=forms.BodyInferFormat.PNG, **fields)
        picture = infer.sync(client=client, body=form)
    reply = http.post("/infer", files={"image": photo.read_bytes()}, data=fields | {"format": "png"})
    assert picture.payload.read() == reply.content
    problem = sweep.sync(client=client, body=forms.BodySweep(model="no-such-model"))
    assert (problem.status, problem.code) == (404, "model-unknown")


def examples(document: str, language: str, server: str) -> list[str]:
    """What a document has people write, for a server at another address."""
    found = re.findall(rf"```{language}\n(.+?)```", (ROOT / document).read_text(), re.DOTALL)
    return [example.replace("http://localhost:8000", server) for example in found if "Session" in example]


@pytest.mark.parametrize("document", ["README.md", "docs/protocol.md"])
def test_what_python_programmers_are_told_to_write_works(document, server, http, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(photo, "photo.jpg")
    (example,) = examples(document, "python", server)
    exec(example, shown := {})
    assert Image.open("out.png").size == Image.open(photo).size
    header, picture = shown["header"], shown["picture"]
    assert header["exact"]
    form = {"alpha": header["alpha"]["strength"], "model": "starry-night", "max_side": 640, "format": header["format"]}
    reply = http.post("/infer", files={"image": photo.read_bytes()}, data=form | {"quality": 85})
    assert picture == reply.content


@pytest.fixture
def theirs(browser: Browser, server: str, photo: Path) -> Iterator[Callable[[str, str], Page]]:
    """Shows a page of somebody else at an address, with a photograph beside it."""
    page = browser.new_page(permissions=["local-network-access"])  # which a page that is made up here is not in
    page.set_default_timeout(20_000)
    troubles: list[str] = []
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))

    def show(address: str, html: str) -> Page:
        page.route(f"{address}/theirs/", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.route(f"{address}/theirs/photo.jpg", lambda route: route.fulfill(path=photo))
        page.route(f"{address}/favicon.ico", lambda route: route.fulfill(body=""))
        page.goto(f"{address}/theirs/")
        return page

    yield show
    page.close()
    assert not troubles, troubles


def moved(page: Page, picture: str, position: float) -> None:
    """Wait for a picture, then for another when the slider is elsewhere."""
    shown = f"({picture}) => {picture}.complete && {picture}.naturalWidth > 0"
    until(page, lambda: page.locator(f"#{picture}").evaluate(shown), "there is no picture")
    before = pixels(page, f"#{picture}")
    page.locator("#slider").fill(str(position))
    until(page, lambda: difference(pixels(page, f"#{picture}"), before) > 1, "the picture stays as it was")


@pages.NEEDED
def test_a_page_from_elsewhere_has_the_slider_in_a_few_lines(theirs, server):
    (html,) = examples("docs/protocol.md", "html", server)
    moved(theirs(ELSEWHERE, html), "picture", 1)


@pages.NEEDED
def test_what_javascript_programmers_are_told_to_write_works(theirs, server):
    (example,) = examples("README.md", "js", server)
    photo = "const photo = await (await fetch('photo.jpg')).blob();"
    html = "<img id=made><img id=live><input id=slider type=range min=0 max=1 step=0.1>"
    page = theirs(server, f"{html}<script type=module>{photo}\n{example}</script>")
    moved(page, "live", 1)
    assert page.locator("#made").evaluate("(made) => made.naturalWidth") == 451
