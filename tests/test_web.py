"""The page without a server shows what the server does, run in the browser."""

import io
import subprocess
import sys
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from pages import ARGS, NEEDED, launch, ready, seen, until
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from bench.web import Files
from dynamicnet import Inputs, Model, package, precision
from dynamicnet.sweep import ONE_WAY
from server.settings import ROOT, STATIC, Settings
from web.__main__ import WASM, WEBGPU

RUNTIME = ROOT / "web" / "node_modules"
pytestmark = [NEEDED, pytest.mark.slow, pytest.mark.skipif(not RUNTIME.exists(), reason="make web-test brings it")]
SAMPLE = STATIC / "samples" / "chelsea.jpg"
SWIFTSHADER = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")  # WebGPU in software
SENT = """
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...more) {
  window.where = message?.given?.fields?.where ?? window.where;
  return post.call(this, message, ...more);
};
"""
LOST = """
export const env = { wasm: {} };
export class Tensor {}
const run = async ({ inputs }) => (inputs ? {} : Promise.reject(new Error("The card is lost.")));
export const InferenceSession = { create: async () => ({ run }) };
"""


def first(application):
    every = package.find(Settings().weights)
    return next(path for path in every if package.read_manifest(path).application == application)


@pytest.fixture(autouse=True)
def precise(monkeypatch):
    """The server in float32, as on processors without bfloat16: with it, it is up to 3 of 255 from that by itself."""
    monkeypatch.setattr(precision, "_has_units", lambda: False)


@pytest.fixture(scope="module")
def models():
    """One that paints and one that restores."""
    return [Model.load(first(name), "cpu") for name in ("style", "restoration")]


@pytest.fixture(scope="module")
def site(tmp_path_factory, models):
    """Its address, as a host of files serves it."""
    folder = tmp_path_factory.mktemp("site")
    names = [model.id for model in models]
    subprocess.run([sys.executable, "-m", "web", folder, *names], cwd=ROOT, check=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def page(playwright):
    browser = launch(playwright)
    page = browser.new_page()
    page.set_default_timeout(120_000)
    yield page
    browser.close()


@pytest.fixture
def with_webgpu(playwright):
    """A page that has WebGPU, in software, and only small samples; and names of the files that it asked for."""
    browser = launch(playwright, [*(arg for arg in ARGS if arg != "--disable-gpu"), *SWIFTSHADER])
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.route("**/samples/**", lambda route: route.fulfill(body=photo(48, 32), content_type="image/png"))
    yield page, asked
    browser.close()


def photo(width, height):
    """A photograph in a file that every program reads alike."""
    out = io.BytesIO()
    Image.open(SAMPLE).convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def off(one, other):
    """How far apart two pictures are at most, in levels of 255."""
    assert one.size == other.size
    return np.abs(np.asarray(one.convert("RGB"), int) - np.asarray(other.convert("RGB"), int)).max()


def made(model, file, alpha):
    """What the server makes of a file."""
    return model.render(model.prepare(model.encode(Inputs(image=file))), alpha)


def show(page, site, model, file):
    page.goto(f"{site}#model={model.id}")
    ready(page)
    page.locator("#file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": file})
    with Image.open(io.BytesIO(file)) as picture:
        expect(page.locator("#status")).to_have_text(f"Ready. {picture.width} × {picture.height} pixels.")


def compare(page, model, file, seconds=20):
    """Wait for what the server makes of a file, at several α."""
    axis = model.manifest.axes[0]
    for alpha in (axis.range[0], 0.0, 0.6, axis.range[1]):
        number = page.locator("#axes input[type=number]").first
        number.fill(f"{alpha:g}")
        number.press("Enter")
        wanted = made(model, file, {**{one.id: one.default for one in model.manifest.axes}, axis.id: alpha})
        until(page, lambda wanted=wanted: off(seen(page, "#rendered"), wanted) <= 2, f"alpha {alpha}", seconds)


@pytest.mark.parametrize("index", [0, 1], ids=["style", "restoration"])
def test_the_browser_shows_what_the_server_does(page, site, models, index):
    model, file = models[index], photo(201, 134)
    show(page, site, model, file)
    compare(page, model, file)


@pytest.mark.parametrize("index", [0, 1], ids=["style", "restoration"])
def test_webgpu_shows_what_the_server_does(with_webgpu, site, models, index):
    page, asked = with_webgpu
    page.goto(f"{site}?engine=webgpu#model={models[index].id}")
    expect(page.locator("#status")).to_have_text("Ready. 48 × 32 pixels.", timeout=120_000)
    compare(page, models[index], photo(48, 32), seconds=60)
    assert {*WEBGPU} <= {*asked}
    assert not {*WASM} & {*asked}  # which would have done it, had WebGPU failed


def test_webgpu_in_software_is_slower_and_not_used(with_webgpu, site, models):
    page, asked = with_webgpu
    page.goto(f"{site}#model={models[0].id}")
    ready(page)
    assert {*WASM} <= {*asked}
    assert not {*WEBGPU} & {*asked}


def test_webassembly_goes_on_where_webgpu_fails(with_webgpu, site, models):
    page, asked = with_webgpu
    page.route(f"**/{WEBGPU[0]}", lambda route: route.fulfill(body=LOST, content_type="text/javascript"))
    page.goto(f"{site}?engine=webgpu#model={models[0].id}")
    ready(page)
    compare(page, models[0], photo(48, 32))
    assert {WEBGPU[0], *WASM} <= {*asked}


def test_a_larger_photograph_is_saved_as_the_server_saves_it(page, site, models):
    file = photo(703, 468)  # larger than a style works at
    show(page, site, models[0], file)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    axis = models[0].manifest.axes[0]
    with Image.open(download.value.path()) as saved:
        assert off(saved, made(models[0], file, {axis.id: axis.default})) <= 2
    assert download.value.suggested_filename == f"mine-{models[0].id}-{axis.default:g}.png"


def test_a_part_of_a_photograph_is_painted_as_the_server_paints_it(page, site, models):
    model, file = models[0], photo(700, 467)
    show(page, site, model, file)
    page.evaluate(f"() => {{{SENT}}}")
    page.locator("#area").click()
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.35 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    page.mouse.up()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    where = bytes(page.evaluate("async () => [...new Uint8Array(await window.where.arrayBuffer())]"))
    axis = model.manifest.axes[0]
    with Image.open(download.value.path()) as saved:
        encoded = model.encode(Inputs(image=file, where=where))
        wanted = model.render(model.prepare(encoded), {axis.id: axis.default})
        assert off(saved, wanted) <= 2
        assert off(saved, Image.open(io.BytesIO(file))) > 10


def test_small_pictures_are_refused_as_the_server_refuses_them(page, site, models):
    show(page, site, models[0], photo(64, 48))
    page.locator("#file").set_input_files({"name": "small.png", "mimeType": "image/png", "buffer": photo(100, 15)})
    expect(page.locator("#status")).to_have_text("The picture is 100×15; both sides must be at least 32.")


def test_sweeps_are_saved(page, site, models):
    show(page, site, models[0], photo(64, 48))
    for button, kind, frames in (("animation", "webp", 22), ("sheet", "jpeg", 1)):
        with page.expect_download() as download:
            page.locator(f"#{button}").click()
        assert download.value.suggested_filename == f"mine-{models[0].id}.{kind}"
        with Image.open(download.value.path()) as picture:
            assert (picture.format, getattr(picture, "n_frames", 1)) == (kind.upper(), frames)
            first = picture.convert("RGB")
            if frames > 1:
                picture.seek(11)
                assert off(first, picture) > 20
                assert picture.info["duration"] == pytest.approx(ONE_WAY / 11, abs=1)


def test_nothing_but_files_is_asked_of_the_host(page, site, models):
    asked, missing = [], []
    page.on("request", lambda request: asked.append((request.method, request.url, request.post_data)))
    page.on("response", lambda response: missing.append(response.url) if response.status >= 400 else None)
    show(page, site, models[1], photo(64, 48))
    assert asked
    assert not missing
    assert page.evaluate("getComputedStyle(document.querySelector('.astray')).display") == "none"  # there are styles
    assert {(method, body) for method, url, body in asked if url.startswith("http")} == {("GET", None)}
    assert all(url.startswith((site, "blob:", "data:")) for _, url, _ in asked)
