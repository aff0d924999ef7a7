"""The page, in a real browser against a real server: from what a person does to the pixels they see."""

import io
import json
import re
import shutil
import time
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")

READY = re.compile("^Ready")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What a canvas shows, small enough to compare: 32×32 RGBA, without alpha. Nothing while it is empty or covered.
PIXELS = """
(name) => {
  const shown = document.getElementById(name);
  if (document.querySelector(".unrendered") && name === "rendered") return [];
  const small = new OffscreenCanvas(32, 32).getContext("2d");
  small.imageSmoothingQuality = "high";
  small.drawImage(shown, 0, 0, 32, 32);
  return [...small.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 < 3);
}
"""
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket { constructor(url) { super(url); window.sockets.push(this); } };
"""
STRICT = """
new MutationObserver((_, observer) => {
  if (!document.head) return;
  observer.disconnect();
  const policy = document.createElement("meta");
  [policy.httpEquiv, policy.content] = ["Content-Security-Policy", "default-src 'self'"];
  document.head.prepend(policy);
}).observe(document, { childList: true, subtree: true });
"""
MEASURE_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def pixels(page: Page, canvas="rendered") -> list[int]:
    return page.evaluate(PIXELS, canvas)


def difference(one: list[int], other: list[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def changed(page: Page, before: list[int]) -> list[int]:
    """Wait until the picture differs visibly from what it was."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = pixels(page)
        if now and (not before or difference(now, before) > 1):
            return now
        page.wait_for_timeout(50)
    raise AssertionError("the picture stays as it was")


def ready(page: Page) -> None:
    """Wait until the newest frame is there."""
    expect(page.locator("#status")).to_have_text(READY, timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A page that no test may leave with an error in its console or a request to another origin."""
    page = browser.new_context(base_url=server, viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(20_000)
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


def visit(page: Page, address="") -> list[int]:
    """Open the page and wait for its first picture."""
    page.goto(f"/{address}")
    changed(page, [])
    ready(page)
    return pixels(page)


def slider(page: Page):
    return page.locator("#axes input[type=range]").first


def model_with(models: list[dict], axes: int) -> dict:
    found = next((model for model in models if len(model["axes"]) >= axes), None)
    return found or pytest.skip(f"no model with {axes} axes")


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_first_picture_appears_rendered_by_the_first_model(page, models):
    shown = visit(page)
    assert page.locator("#models :checked").get_attribute("value") == models[0]["id"]
    assert page.locator("#models input").count() == len(models)
    original = pixels(page, "original")
    assert difference(shown, original) > 1


def test_slider_changes_the_picture(page, models):
    visit(page)
    low, high = models[0]["axes"][0]["range"]
    default = pixels(page)
    slider(page).fill(str(high))
    at_high = changed(page, default)
    slider(page).fill(str(low))
    changed(page, at_high)


def test_dragging_asks_for_one_frame_at_a_time_and_shows_the_last(page):
    under_way, most = set(), 0
    sent: list[dict] = []

    def asked(payload: str | bytes) -> None:
        nonlocal most
        message = json.loads(payload) if isinstance(payload, str) else {}
        if message.get("type") == "alpha":
            sent.append(message)
            under_way.add(message["seq"])
            most = max(most, len(under_way))

    def answered(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            under_way.clear()

    def watch(socket) -> None:
        socket.on("framesent", asked)
        socket.on("framereceived", answered)

    page.on("websocket", watch)
    visit(page)
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 120), box["y"] + box["height"] / 2)
    page.mouse.up()
    ready(page)
    page.wait_for_timeout(500)
    assert most == 1
    assert [message["seq"] for message in sent] == sorted(message["seq"] for message in sent)
    assert next(iter(sent[-1]["alpha"].values())) == float(slider(page).input_value())


def test_keys_move_the_slider(page, models):
    before = visit(page)
    axis = models[0]["axes"][0]
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    assert float(slider(page).input_value()) == pytest.approx(min(axis["default"] + 0.01, axis["range"][1]))
    page.keyboard.press("End" if axis["default"] < axis["range"][1] else "Home")
    changed(page, before)


def test_number_can_be_typed_and_is_kept_in_range(page, models):
    visit(page)
    low, high = models[0]["axes"][0]["range"]
    number = page.locator("#axes input[type=number]").first
    number.fill(str(high + 5))
    number.press("Enter")
    assert float(slider(page).input_value()) == high
    number.fill("")
    number.press("Enter")
    assert float(number.input_value()) == high
    number.fill(f"{(low + high) / 2 + 0.1:.2f}")
    number.press("Tab")
    assert float(slider(page).input_value()) == pytest.approx((low + high) / 2 + 0.1)


def test_double_click_and_reset_bring_the_default_back(page, models):
    visit(page)
    axis = models[0]["axes"][0]
    other = axis["range"][0] if axis["default"] != axis["range"][0] else axis["range"][1]
    slider(page).fill(str(other))
    slider(page).dblclick(position={"x": 20 if other == axis["range"][0] else 200, "y": 22})
    assert float(slider(page).input_value()) == axis["default"]
    slider(page).fill(str(other))
    page.get_by_role("button", name="Reset").click()
    assert float(slider(page).input_value()) == axis["default"]


def test_another_model_changes_picture_and_sliders(page, models):
    if len(models) < 2:
        pytest.skip("only one model")
    before = visit(page)
    page.locator("#models :checked").focus()
    page.keyboard.press("ArrowRight")
    changed(page, before)
    assert page.locator("#title").inner_text() == models[1]["title"]
    assert [group.get_attribute("aria-label") for group in page.locator(".axis").all()] == [
        axis["title"] for axis in models[1]["axes"]
    ]
    assert page.locator(".axis .ends span").all_inner_texts() == [e for axis in models[1]["axes"] for e in axis["ends"]]


def test_every_axis_of_a_model_has_its_own_slider(page, models):
    model = model_with(models, axes=2)
    shown = visit(page, f"#model={model['id']}")
    assert page.locator("#axes input[type=range]").count() == len(model["axes"])
    for index, axis in enumerate(model["axes"]):
        far = axis["range"][1] if axis["default"] < sum(axis["range"]) / 2 else axis["range"][0]
        page.locator("#axes input[type=range]").nth(index).fill(str(far))
        shown = changed(page, shown)


def test_fine_control_has_a_slider_per_insertion_point(page, models):
    shown = visit(page)
    axes = models[0]["axes"]
    page.get_by_role("switch", name="Fine control").check()
    sliders = page.locator("#axes input[type=range]")
    assert sliders.count() == sum(len(axis["blocks"]) for axis in axes)
    value = float(sliders.first.input_value())
    far = max(axes[0]["range"], key=lambda end: abs(end - value))
    sliders.first.fill(str(far))
    changed(page, shown)
    page.get_by_role("switch", name="Fine control").uncheck()
    count = len(axes[0]["blocks"])
    assert float(slider(page).input_value()) == pytest.approx((value * (count - 1) + far) / count, abs=0.006)


def test_reload_brings_everything_back(page, models):
    visit(page)
    page.locator(".samples input").nth(2).check()
    page.locator("#models input").last.check()
    ready(page)
    page.get_by_role("switch", name="Fine control").check()
    points = page.locator("#axes input[type=range]")
    low, high = models[-1]["axes"][0]["range"]
    points.nth(0).fill(str(low))
    points.nth(1).fill(str(high))
    page.wait_for_url(lambda url: f"{low:g}_{high:g}" in url)
    values = [each.input_value() for each in points.all()]
    page.reload()
    changed(page, [])
    assert page.locator("#models :checked").get_attribute("value") == models[-1]["id"]
    assert page.locator(".samples input").nth(2).is_checked()
    assert [each.input_value() for each in points.all()] == values


def test_opened_file_is_shown_small_and_saved_at_full_size(page, models):
    before = visit(page)
    page.locator("#file").set_input_files({"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": jpeg(1300, 900)})
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. Shown at 1024 × 709, saved at 1300 × 900.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == f"holiday-{models[0]['id']}.png"
    with Image.open(download.value.path()) as saved:
        assert (saved.format, saved.size) == ("PNG", (1300, 900))
    expect(page.locator("#status")).to_have_text("Saved.")


def test_saved_picture_is_the_one_on_the_screen(page, models):
    before = visit(page)
    axis = models[0]["axes"][0]
    slider(page).fill(str(axis["range"][axis["default"] < axis["range"][1]]))
    shown = changed(page, before)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    with Image.open(download.value.path()) as saved:
        small = list(saved.resize((32, 32), Image.Resampling.BOX).tobytes())
    assert difference(small, shown) < difference(small, before)


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


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photograph_can_be_dropped_or_pasted(page, kind):
    before = visit(page)
    page.evaluate(DROP, [kind, list(jpeg(96, 64))])
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. 96 × 64 pixels.")
    assert page.get_by_label("Your photograph").is_checked()


def test_format_the_browser_cannot_show_still_works(page):
    before = visit(page)
    out = io.BytesIO()
    Image.linear_gradient("L").resize((120, 80)).convert("RGB").save(out, "TIFF")
    page.locator("#file").set_input_files({"name": "scan.tiff", "mimeType": "image/tiff", "buffer": out.getvalue()})
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. 120 × 80 pixels.")
    expect(page.locator("#compare")).to_be_disabled()


def test_refused_photograph_is_explained_and_the_last_one_stays(page, models):
    shown = visit(page)
    page.locator("#file").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    expect(page.locator("#status.failed")).to_have_text(re.compile("not a picture"))
    expect(page.locator(".samples input").first).to_be_checked()
    page.wait_for_timeout(500)
    assert page.locator("#status.failed").count() == 1
    value = float(slider(page).input_value())
    slider(page).fill(str(max(models[0]["axes"][0]["range"], key=lambda end: abs(end - value))))
    changed(page, shown)


def test_holding_shows_the_original(page):
    visit(page)
    original = page.locator("#original")
    expect(original).to_be_hidden()
    for target in ("#picture", "#hold"):
        page.locator(target).hover()
        page.mouse.down()
        expect(original).to_be_visible()
        page.mouse.up()
        expect(original).to_be_hidden()
    page.locator("#picture").focus()
    for key in ("Space", "b"):
        page.keyboard.down(key)
        expect(original).to_be_visible()
        page.keyboard.up(key)
        expect(original).to_be_hidden()


def test_divider_follows_pointer_and_keys(page):
    visit(page)
    page.locator("#compare").focus()
    page.keyboard.press("Enter")
    split = page.locator("#split")
    expect(split).to_be_focused()
    page.keyboard.press("ArrowLeft")
    assert split.input_value() == "49"
    box = page.locator("#picture").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.up()
    assert split.input_value() == "25"
    clip = page.locator("#original").evaluate("(canvas) => getComputedStyle(canvas).clipPath")
    assert clip == "inset(0px 75% 0px 0px)"
    page.locator("#compare").click()
    expect(page.locator("#original")).to_be_hidden()


def test_lost_connection_is_made_again(page, models):
    page.add_init_script(KEEP_SOCKETS)
    shown = visit(page)
    page.evaluate("sockets.at(-1).close()")
    expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    value = float(slider(page).input_value())
    slider(page).fill(str(max(models[0]["axes"][0]["range"], key=lambda end: abs(end - value))))
    changed(page, shown)
    ready(page)
    assert page.evaluate("sockets.length") == 2


@pytest.mark.parametrize("width", [320, 390, 820, 1440])
def test_nothing_moves_or_overflows(page, models, width):
    page.add_init_script(MEASURE_SHIFTS)
    page.set_viewport_size({"width": width, "height": 844})
    visit(page, f"#model={max(models, key=lambda model: len(model['axes']))['id']}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("shifted") < 0.01


def test_works_under_a_strict_content_security_policy(page):
    page.add_init_script(STRICT)
    visit(page)
    page.locator("#compare").click()
    page.get_by_role("switch", name="Fine control").check()
    with page.expect_download():
        page.get_by_role("button", name="Save").click()
