"""What tests of the page do: open it, wait for its pictures, and look at them."""

import base64
import io
import re
import shutil
import time
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


PATIENCE = 60
"""Seconds that something is waited for before it counts as missing: a machine may have much else to do."""

expect.set_options(1000 * PATIENCE)


READY = re.compile("^Ready")


ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera whose picture moves
    "--use-fake-ui-for-media-stream",  # and may be used
]


# What a canvas shows, small enough to compare: 32×32 RGBA, without alpha. Nothing while it is empty or covered.
PIXELS = """
(canvas) => {
  if (canvas.closest(".unrendered") && canvas.id === "rendered") return [];
  const small = new OffscreenCanvas(32, 32).getContext("2d");
  small.imageSmoothingQuality = "high";
  small.drawImage(canvas, 0, 0, 32, 32);
  return [...small.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 < 3);
}
"""


def pixels(page: Page, canvas="#rendered") -> list[int]:
    return page.locator(canvas).evaluate(PIXELS)


def difference(one: list[int], other: list[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def changed(page: Page, before: list[int]) -> list[int]:
    """Wait until the picture, not a preview, differs visibly from what it was."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now = pixels(page)
        if now and (not before or difference(now, before) > 1) and page.locator("#preview").is_hidden():
            return pixels(page)
        page.wait_for_timeout(50)
    raise AssertionError("the picture stays as it was")


def ready(page: Page) -> None:
    """Wait until the newest frame is there."""
    expect(page.locator("#status")).to_have_text(READY)


def launch(playwright: Playwright, args=tuple(ARGS)) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=args)


def visit(page: Page, address="") -> list[int]:
    """Open the page and wait for its first picture."""
    page.goto(f"/{address}")
    changed(page, [])
    ready(page)
    return pixels(page)


def slider(page: Page):
    return page.locator("#axes input[type=range]").first


def alpha(page: Page) -> float:
    """What the number beside the first slider says."""
    return float(page.locator("#axes input[type=number]").first.input_value())


def far_end(page: Page) -> int:
    """The end of the first slider that is farther from where it stands, 0 or 1."""
    return int(float(slider(page).input_value()) < 0.5)


def model_that_takes(models: list[dict], field: str) -> dict:
    """Of these the one with the most axes."""
    found = [model for model in models if field in model["takes"]]
    return max(found, key=lambda model: len(model["axes"]), default=None) or pytest.skip(f"no model takes {field}")


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def small(file: bytes) -> list[int]:
    """A picture file as PIXELS gives it."""
    with Image.open(io.BytesIO(file)) as picture:
        return list(picture.convert("RGB").resize((32, 32), Image.Resampling.BOX).tobytes())


def until(page: Page, holds, what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(50)


DROP = """
([kind, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "mine.jpg", { type: "image/jpeg" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}
"""


def size(page: Page, canvas: str) -> tuple[int, int]:
    return tuple(page.locator(canvas).evaluate("({ width, height }) => [width, height]"))


def seen(page: Page, canvas: str) -> Image.Image:
    """All that a canvas shows."""
    data = page.locator(canvas).evaluate("(canvas) => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size, in levels of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def parts(shown: list[int]) -> dict[tuple[int, int], list[int]]:
    """The pixels of a canvas by column and row."""
    return {(i % 32, i // 32): shown[3 * i : 3 * i + 3] for i in range(32 * 32)}


def inside_and_outside(one: list[int], other: list[int], box: tuple[float, float, float, float]) -> tuple[float, float]:
    """How much two pictures differ within a box (left, top, right, bottom, as parts of a side) and, most, outside."""
    first, second = parts(one), parts(other)
    apart = {at: difference(first[at], second[at]) for at in first}
    left, top, right, bottom = (32 * side for side in box)
    inner = [at for at in apart if left + 1 <= at[0] < right - 2 and top + 1 <= at[1] < bottom - 2]
    outer = [at for at in apart if not (left - 2 <= at[0] < right + 1 and top - 2 <= at[1] < bottom + 1)]
    return sum(apart[at] for at in inner) / len(inner), max(apart[at] for at in outer)


STROKE = ((0.3, 0.35), (0.55, 0.35))


BRUSH = 20  # percent of the side


AROUND = (0.2, 0.25, 0.65, 0.45)


def paint(page: Page, *points: tuple[float, float]) -> None:
    """Draw a stroke, and wait for what is made of it."""
    box = page.locator("#picture").bounding_box()
    for index, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=1 if index == 0 else 8)
        if index == 0:
            page.mouse.down()
    expect(page.locator("#hole")).to_be_visible()
    page.mouse.up()
    filled(page)


def filled(page: Page) -> list[int]:
    """Wait until what was painted has been filled in."""
    expect(page.locator("#picture.unfilled")).to_have_count(0)
    expect(page.locator("#hole")).to_be_hidden()
    return pixels(page)


def visit_without_hole(page: Page, mender: dict) -> list[int]:
    """Open a square photograph in a model that fills holes, take away the hole it begins with; what is shown then."""
    page.goto(f"/#model={mender['id']}&photo=astronaut")
    changed(page, [])
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("slider", name="Size of the brush").fill(str(BRUSH))
    expect(page.locator("#original")).to_be_visible()
    return pixels(page, "#original")


NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A page that no test may leave with an error in its console or a request to another origin."""
    page = browser.new_context(
        base_url=server, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    ).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    troubles: list[str] = []
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: request.url.startswith((server, "blob:")) or troubles.append(request.url))
    page.on(
        "websocket", lambda socket: socket.url.startswith(server.replace("http", "ws")) or troubles.append(socket.url)
    )
    yield page
    page.context.close()
    assert not troubles


@pytest.fixture(scope="module")
def all_models(http: httpx.Client) -> list[dict]:
    return http.get("/models").json()["models"]


@pytest.fixture
def mender(all_models: list[dict]) -> dict:
    """A model that fills holes."""
    return model_that_takes(all_models, "mask")


@pytest.fixture
def sower(all_models: list[dict]) -> dict:
    """A model that makes pictures from seeds."""
    return model_that_takes(all_models, "seed")
