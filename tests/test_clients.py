"""Clients that others write, or have written for them."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pages
import pytest
from conftest import ELSEWHERE, running_server
from pages import difference, pixels, until
from PIL import Image
from playwright.sync_api import Browser, Page

from dynamicnet import DynamicNetError, pictures
from dynamicnet.client import Session
from server.settings import ROOT

browser = pages.browser  # a fixture

TOO_LARGE = """async (server) => {
  const { Session } = await import(`${server}/static/js/session.js`);
  let sent = 0;
  const said = {};
  const come = (name) => new Promise((resolve) => (said[name] = resolve));
  const [refused, ready] = [come("refused"), come("ready")];
  const sending = () => sent++;
  const on = { sending, refused: said.refused, ready: (_, answer) => said.ready(answer) };
  const session = new Session(on, `${server}/`);
  const canvas = new OffscreenCanvas(64, 48);
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  const open = (image) => session.open({ model: "starry-night", fields: { image } }, { strength: 0 });
  open(new Blob([new Uint8Array(8_000_000)]));
  const sentence = await refused;
  const before = sent;
  open(await canvas.convertToBlob());
  const { width, height } = await ready;
  return { refused: sentence, sent: before, then: [width, height] };
}"""


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


def test_our_client_takes_numpys_numbers_and_goes_on_after_what_it_does_not(server, photo):
    with Session(server, timeout=20) as session:
        with pytest.raises(TypeError, match="image is a picture file's bytes, such as"):
            session.open(photo)
        session.open(photo.read_bytes(), model="starry-night", max_side=64)
        with pytest.raises(TypeError, match="is no number"):
            session.set(object())
        frame = session.render(np.float32(0.5))
    assert frame.header["alpha"]["strength"] == 0.5


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that takes short messages alone, and does not wait for long."""
    folder = tmp_path_factory.mktemp("narrow")
    with running_server(folder, max_message_bytes=100_000, idle_seconds=6, origins=ELSEWHERE) as running:
        yield running.url


def test_our_client_says_why_it_was_cut_off(narrow, photo):
    small = pictures.write(pictures.read(photo.read_bytes(), 64), "jpeg")
    with Session(narrow) as session:
        session.open(small)
        time.sleep(8)
        for _ in range(2):
            with pytest.raises(DynamicNetError, match="asked for") as refusal:
                session.render(0.5)
            assert refusal.value.code == "session-idle"
    for size in (100_001, 8_000_000):
        with Session(narrow) as session, pytest.raises(DynamicNetError, match="larger than") as refusal:
            session.open(bytes(size))
        assert refusal.value.code == "connection-lost"


@pages.NEEDED
def test_a_page_from_elsewhere_does_not_send_again_and_again_what_is_too_large(browser, narrow):
    page = browser.new_page(permissions=["local-network-access"])
    page.route(f"{ELSEWHERE}/theirs/", lambda route: route.fulfill(body="<p>Theirs", content_type="text/html"))
    page.goto(f"{ELSEWHERE}/theirs/")
    told = page.evaluate(TOO_LARGE, narrow)
    assert told["refused"] == "The connection is lost whenever this is sent. It may be larger than the server takes."
    assert told["sent"] <= 3
    assert told["then"] == [64, 48]
    page.close()


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
