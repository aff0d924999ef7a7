"""The page, in a real browser against a real server: from what a person does to the pixels they see."""

import base64
import io
import json
import re
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import running_server
from independent import PROFILES, encoded
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageStat
from playwright.sync_api import Browser, Page, Playwright, WebSocketRoute, expect, sync_playwright

from dynamicnet.files import icc
from dynamicnet.files.plugins import FORMATS
from server.settings import STATIC, Settings

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


def pixels(page: Page, canvas="#rendered") -> list[int]:
    return page.locator(canvas).evaluate(PIXELS)


def difference(one: list[int], other: list[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def changed(page: Page, before: list[int]) -> list[int]:
    """Wait until the picture, not a preview, differs visibly from what it was."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = pixels(page)
        if now and (not before or difference(now, before) > 1) and page.locator("#preview").is_hidden():
            return pixels(page)
        page.wait_for_timeout(50)
    raise AssertionError("the picture stays as it was")


def test_what_is_left_to_the_server_moves_the_slider(page: Page) -> None:
    page.goto("/#model=starry-night&a.strength=1")
    ready(page)
    before = pixels(page)
    button = page.get_by_role("button", name="Choose Strength for me")
    button.click()
    changed(page, before)
    number = page.locator(".slider input[type=number]").first
    assert -1 < float(number.input_value()) < 1  # it was at 1
    expect(button).to_be_focused()


def ready(page: Page) -> None:
    """Wait until the newest frame is there."""
    expect(page.locator("#status")).to_have_text(READY, timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright, args=tuple(ARGS)) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=args)


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A page that no test may leave with an error in its console or a request to another origin."""
    page = browser.new_context(
        base_url=server, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    ).new_page()
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


def alpha(page: Page) -> float:
    """What the number beside the first slider says."""
    return float(page.locator("#axes input[type=number]").first.input_value())


def far_end(page: Page) -> int:
    """The end of the first slider that is farther from where it stands, 0 or 1."""
    return int(float(slider(page).input_value()) < 0.5)


def model_with(models: list[dict], axes: int) -> dict:
    found = next((model for model in models if len(model["axes"]) >= axes), None)
    return found or pytest.skip(f"no model with {axes} axes")


@pytest.fixture(scope="module")
def all_models(http: httpx.Client) -> list[dict]:
    return http.get("/models").json()["models"]


def model_that_takes(models: list[dict], field: str) -> dict:
    """Of these the one with the most axes."""
    found = [model for model in models if field in model["takes"]]
    return max(found, key=lambda model: len(model["axes"]), default=None) or pytest.skip(f"no model takes {field}")


@pytest.fixture
def mender(all_models: list[dict]) -> dict:
    """A model that fills holes."""
    return model_that_takes(all_models, "mask")


@pytest.fixture
def sower(all_models: list[dict]) -> dict:
    """A model that makes pictures from seeds."""
    return model_that_takes(all_models, "seed")


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_first_picture_appears_rendered_by_the_first_model(page, all_models):
    shown = visit(page)
    assert page.locator("#models :checked").get_attribute("value") == all_models[0]["id"]
    assert page.locator("#models input").count() == len(all_models)
    original = pixels(page, "#original")
    assert difference(shown, original) > 1


def test_first_visit_shows_the_slider_moving_until_it_is_touched(page, models):
    page.emulate_media(reduced_motion="no-preference")
    page.goto("/")
    expect(page.locator("#picture:not(.unrendered)")).to_be_visible(timeout=20_000)
    values, shown = [], []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and len(set(values)) < 8:
        values.append(float(slider(page).input_value()))
        shown.append(pixels(page))
        page.wait_for_timeout(100)
    assert max(difference(one, shown[0]) for one in shown) > 1
    page.keyboard.press("Tab")
    rest = float(slider(page).input_value())
    page.wait_for_timeout(500)
    assert float(slider(page).input_value()) == rest

    page.reload()  # a link, or a reload, is shown as it was left
    changed(page, [])
    page.wait_for_timeout(500)
    assert float(slider(page).input_value()) == pytest.approx(rest, abs=0.005)


def test_slider_changes_the_picture(page, models):
    visit(page)
    default = pixels(page)
    slider(page).fill("1")
    at_high = changed(page, default)
    assert alpha(page) == models[0]["axes"][0]["range"][1]
    slider(page).fill("0")
    changed(page, at_high)


def test_dragging_has_one_frame_in_flight_and_ends_with_the_exact_last(page):
    sent: list[dict] = []
    frames: list[dict] = []
    unanswered: list[int] = []

    def told(payload: str | bytes) -> None:
        message = json.loads(payload) if isinstance(payload, str) else {}
        if message.get("type") == "alpha":
            sent.append(message)
        elif message.get("type") == "ack":
            unanswered.append(len(frames) - message["frame"])

    def came(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            (length,) = struct.unpack(">I", payload[:4])
            header = json.loads(payload[4 : 4 + length])
            if "frame" in header:
                frames.append(header)

    def watch(socket) -> None:
        socket.on("framesent", told)
        socket.on("framereceived", came)

    page.on("websocket", watch)
    visit(page)
    size = page.evaluate("(({ width, height }) => [width, height])(document.getElementById('rendered'))")
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 120), box["y"] + box["height"] / 2)
    page.mouse.up()
    ready(page)
    page.wait_for_timeout(1500)
    assert set(unanswered) == {0}
    assert [frame["seq"] for frame in frames] == sorted(frame["seq"] for frame in frames)
    assert round(next(iter(sent[-1]["alpha"].values())), 2) == alpha(page)
    assert (frames[-1]["seq"], frames[-1]["exact"]) == (sent[-1]["seq"], True)
    assert page.evaluate("(({ width, height }) => [width, height])(document.getElementById('rendered'))") == size
    expect(page.locator("#preview")).to_be_hidden()


def test_keys_move_the_slider(page, models):
    before = visit(page)
    axis = models[0]["axes"][0]
    slider(page).focus()
    for key, by in {"ArrowRight": 0.05, "Shift+ArrowLeft": -0.01, "ArrowDown": -0.05, "Shift+ArrowUp": 0.01}.items():
        value = float(slider(page).input_value())
        page.keyboard.press(key)
        assert float(slider(page).input_value()) == pytest.approx(min(max(value + by, 0), 1), abs=0.003)
    page.keyboard.press("End" if axis["default"] < axis["range"][1] else "Home")
    changed(page, before)


def test_number_can_be_typed_and_is_kept_in_range(page, models):
    visit(page)
    low, high = models[0]["axes"][0]["range"]
    number = page.locator("#axes input[type=number]").first
    number.fill(str(high + 5))
    number.press("Enter")
    assert float(slider(page).input_value()) == 1
    number.fill("")
    number.press("Enter")
    assert float(number.input_value()) == high
    number.fill(f"{(low + high) / 2 + 0.1:.2f}")
    number.press("Tab")
    assert alpha(page) == pytest.approx((low + high) / 2 + 0.1)


def test_double_click_and_reset_bring_the_default_back(page, models):
    visit(page)
    axis = models[0]["axes"][0]
    other = 0 if axis["default"] != axis["range"][0] else 1
    slider(page).fill(str(other))
    slider(page).dblclick(position={"x": 200 if other else 20, "y": 22})
    assert alpha(page) == axis["default"]
    slider(page).fill(str(other))
    page.get_by_role("button", name="Reset").click()
    assert alpha(page) == axis["default"]


def strip_of(page: Page) -> list[list[int]]:
    """What the pictures under the first slider show, once all are there."""
    film = page.locator("#axes .film").first.locator("canvas")
    expect(film).to_have_count(7)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and film.evaluate_all("(all) => all.some((each) => !each.width)"):
        page.wait_for_timeout(50)
    return [each.evaluate(PIXELS) for each in film.all()]


def test_strip_shows_what_the_slider_leads_to_and_takes_one_there(page, models):
    visit(page)
    low, high = models[0]["axes"][0]["range"]
    strip = strip_of(page)
    steps = [difference(strip[0], other) for other in strip]
    assert steps[6] > steps[3] > steps[0] == 0
    for index, value in ((6, high), (0, low)):
        before = pixels(page)
        page.locator("#axes .film button").nth(index).click()
        assert alpha(page) == value
        after = changed(page, before)
        assert difference(after, strip[index]) < difference(after, strip[6 - index])
    before = pixels(page)
    page.locator("#photos input").nth(1).check()
    changed(page, before)
    assert difference(strip_of(page)[0], strip[0]) > 5


def tile(page: Page, model: dict) -> list[int]:
    """What the picture of a model shows."""
    return page.locator(f"#models .tile:has([value='{model['id']}']) :is(img, canvas)").evaluate(PIXELS)


def small(file: bytes) -> list[int]:
    """A picture file as PIXELS gives it."""
    with Image.open(io.BytesIO(file)) as picture:
        return list(picture.convert("RGB").resize((32, 32), Image.Resampling.BOX).tobytes())


def until(page: Page, holds, what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(50)


def is_shown_on(page: Page, http: httpx.Client, model: dict, photo: bytes) -> bool:
    """Whether the picture of a model is nearer to what it makes of a photograph than to its own thumbnail."""
    axis = model["axes"][0]
    alpha = json.dumps({axis["id"]: axis["default"] or axis["range"][1]})
    form = {"model": model["id"], "max_side": 192, "alpha": alpha}
    expected = small(http.post("/infer", files={"image": photo}, data=form).content)
    shown, own = tile(page, model), small(http.get(model["thumbnail"]).content)
    return difference(shown, expected) < difference(shown, own) / 3


def test_models_are_shown_on_the_photograph_in_use(page, http, models, sower, photo):
    before = visit(page)
    page.evaluate(DROP, ["drop", list(photo.read_bytes())])
    changed(page, before)
    until(
        page,
        lambda: all(is_shown_on(page, http, model, photo.read_bytes()) for model in models),
        "not all models are shown on the photograph",
    )
    own = small(http.get(sower["thumbnail"]).content)
    assert difference(tile(page, sower), own) < 5


def test_small_pictures_wait_for_the_hand_to_rest(page):
    begun: list[str] = []
    page.on("request", lambda request: request.url.endswith("/infer") and begun.append(request.url))
    visit(page)
    until(page, lambda: begun, "no small picture is made")
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.evaluate("1")  # the page knows of it
    count = len(begun)
    for step in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.4 + step / 120), box["y"] + box["height"] / 2)
        page.wait_for_timeout(25)
    assert len(begun) == count
    page.mouse.up()
    until(page, lambda: len(begun) > count, "they are not gone on with")


def test_alpha_is_kept_where_another_model_means_the_same_by_it(page, models):
    def means(axis: dict) -> tuple:
        return axis["id"], axis["ends"], axis["range"]

    pairs = [(one, other) for one in models for other in models if one is not other]
    one, same = next(pair for pair in pairs if means(pair[0]["axes"][0]) == means(pair[1]["axes"][0]))
    other = next(model for model in models if means(model["axes"][0]) != means(one["axes"][0]))
    low, high = one["axes"][0]["range"]
    wanted = round(low + 0.8 * (high - low), 2)
    visit(page, f"#model={one['id']}&a.{one['axes'][0]['id']}={wanted}")
    for model, value in ((same, wanted), (other, other["axes"][0]["default"])):
        before = pixels(page)
        page.locator(f"#models input[value='{model['id']}']").check()
        changed(page, before)
        assert alpha(page) == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize("application", ["style", "generation", "completion"])
def test_dot_moves_along_the_measured_curve_as_the_slider_does(page, http, application):
    model = next(model for model in http.get("/models").json()["models"] if model["application"] == application)
    axis = model["axes"][0]
    page.goto(f"/#model={model['id']}")
    ready(page)
    page.locator(".curve summary").first.click()
    drawing = page.locator(".curve").first
    expect(drawing).to_contain_text(axis["ends"][1])

    def dot() -> tuple[float, float]:
        circle = drawing.locator("circle")
        return float(circle.get_attribute("cx")), float(circle.get_attribute("cy"))

    corners = [point.split(",") for point in drawing.locator("polyline").get_attribute("points").split()]
    places = []
    for position, corner in (("0", corners[0]), ("0.5", None), ("1", corners[-1])):
        slider(page).fill(position)
        places.append(dot())
        assert corner is None or dot() == pytest.approx([float(each) for each in corner])
    assert places[0][0] < places[1][0] < places[2][0]  # away from the low end
    lower = [y for _, y in places]  # towards the high end: down
    if application == "completion":  # the slider goes further than the α that ψ was trained with
        lower[1:] = [min(lower[1:])]
    assert lower == sorted(set(lower))


def test_networks_trained_for_one_mixture_are_crosses_beside_the_curve(page, models):
    model, axis = next((m, a) for m in models for a in m["axes"] if a["fixed"])
    visit(page, f"#model={model['id']}")
    page.locator(".curve summary").first.click()
    drawing = page.locator(".curve").first
    crosses = [path.get_attribute("d") for path in drawing.locator("path.fixed").all()]
    assert len(crosses) == len(axis["fixed"]) == 5
    corner = drawing.locator("polyline").get_attribute("points").split()[0].split(",")
    start = re.match(r"M([\d.]+) ([\d.]+)l8 8", crosses[0]).groups()  # θ, with which the curve begins too
    assert [float(each) + 4 for each in start] == pytest.approx([float(each) for each in corner], abs=0.5)
    expect(drawing).to_contain_text("Crosses")


def test_slider_counts_where_was_painted(page, models):
    model = next((model for model in models if model["axes"][0]["id"] == "strength"), models[0])
    before = visit(page, f"#model={model['id']}")
    slider(page).press("End")
    tuned = changed(page, before)
    page.locator("#area").click()
    expect(page.locator("#brush")).to_be_visible()
    page.locator("#brush [name=size]").fill("40")
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + box["height"], steps=8)
    page.mouse.up()
    within = changed(page, tuned)
    page.locator("#brush [name=clear]").click()
    assert difference(changed(page, within), tuned) < 1  # nothing painted: everywhere
    number = page.locator("#axes input[type=number]").first
    number.fill("0")
    number.press("Enter")
    main = changed(page, tuned)

    def apart(one: list[int], other: list[int], columns: range) -> float:
        places = [3 * (32 * row + column) for row in range(32) for column in columns]
        return sum(abs(one[place + i] - other[place + i]) for place in places for i in range(3)) / len(places)

    painted, rest = range(4, 9), range(24, 32)
    assert apart(within, tuned, painted) < apart(within, main, painted) / 2
    assert apart(within, main, rest) < apart(within, tuned, rest) / 2


def test_another_model_changes_picture_and_sliders(page, models):
    first, second = models[:2]
    before = visit(page, f"#model={first['id']}")
    page.locator("#models :checked").focus()
    page.keyboard.press("ArrowRight")
    changed(page, before)
    assert page.locator("#title").inner_text() == second["title"]
    assert [group.get_attribute("aria-label") for group in page.locator(".axis").all()] == [
        axis["title"] for axis in second["axes"]
    ]
    assert page.locator(".axis .ends span").all_inner_texts() == [e for axis in second["axes"] for e in axis["ends"]]


def test_every_axis_of_a_model_has_its_own_slider(page, models):
    model = model_with(models, axes=2)
    shown = visit(page, f"#model={model['id']}")
    assert page.locator("#axes input[type=range]").count() == len(model["axes"])
    for index, axis in enumerate(model["axes"]):
        far = int(axis["default"] < sum(axis["range"]) / 2)
        page.locator("#axes input[type=range]").nth(index).fill(str(far))
        shown = changed(page, shown)


def test_pad_moves_both_axes_at_once(page, models):
    model = next((model for model in models if len(model["axes"]) == 2), None) or pytest.skip("no model with two axes")
    before = visit(page, f"#model={model['id']}")
    box = page.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.1 * box["height"], steps=4)
    page.mouse.up()
    changed(page, before)
    tracks = page.locator("#axes input[type=range]")
    assert [float(track.input_value()) for track in tracks.all()] == pytest.approx([0.75, 0.9], abs=0.02)
    tracks.first.fill("0")
    assert page.locator(".pad i").evaluate("(dot) => dot.style.getPropertyValue('--x')") == "0"


def test_fine_control_has_a_slider_per_insertion_point(page, models):
    shown = visit(page)
    axes = models[0]["axes"]
    page.get_by_role("switch", name="Fine control").check()
    sliders = page.locator("#axes input[type=range]")
    assert sliders.count() == sum(len(axis["blocks"]) for axis in axes)
    value, (far, _) = alpha(page), axes[0]["range"]
    sliders.first.fill("0")
    changed(page, shown)
    page.get_by_role("switch", name="Fine control").uncheck()
    count = len(axes[0]["blocks"])
    assert alpha(page) == pytest.approx((value * (count - 1) + far) / count, abs=0.006)


def test_reload_brings_everything_back(page, models):
    model = models[-1]
    visit(page)
    page.locator(".samples input").nth(2).check()
    page.locator(f"#models input[value='{model['id']}']").check()
    ready(page)
    page.get_by_role("switch", name="Fine control").check()
    points = page.locator("#axes input[type=range]")
    low, high = model["axes"][0]["range"]
    points.nth(0).fill("0")
    points.nth(1).fill("1")
    page.wait_for_url(lambda url: f"{low:g}_{high:g}" in url)
    values = [each.input_value() for each in points.all()]
    page.reload()
    changed(page, [])
    assert page.locator("#models :checked").get_attribute("value") == model["id"]
    assert page.locator(".samples input").nth(2).is_checked()
    assert [each.input_value() for each in points.all()] == values


def test_opened_file_is_shown_small_and_saved_at_full_size(page, models):
    before = visit(page)
    page.locator("#file").set_input_files({"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": jpeg(1300, 900)})
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. Shown at 1024 × 709, saved at 1300 × 900.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == f"holiday-{models[0]['id']}.png"
    with Image.open(download.value.path()) as saved:
        assert (saved.format, saved.size) == ("PNG", (1300, 900))
    expect(page.locator("#status")).to_have_text("Saved.")


def test_saved_picture_is_the_one_on_the_screen(page, models):
    before = visit(page)
    axis = models[0]["axes"][0]
    slider(page).fill(str(int(axis["default"] < axis["range"][1])))
    shown = changed(page, before)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
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


def test_sweeps_are_saved_as_animation_and_contact_sheet(page, models):
    visit(page)
    for button, kind, frames in (("animation", "webp", 22), ("sheet", "jpeg", 1)):
        with page.expect_download() as download:
            page.locator(f"#{button}").click()
        assert download.value.suggested_filename == f"coffee-{models[0]['id']}.{kind}"
        with Image.open(download.value.path()) as picture:
            assert (picture.format, getattr(picture, "n_frames", 1)) == (kind.upper(), frames)
            if frames > 1:
                first = picture.convert("RGB")
                picture.seek(11)
                assert sum(ImageStat.Stat(ImageChops.difference(first, picture.convert("RGB"))).mean) > 6
        expect(page.locator("#status")).to_have_text("Saved.")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photograph_can_be_dropped_or_pasted(page, kind):
    before = visit(page)
    page.evaluate(DROP, [kind, list(jpeg(96, 64))])
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. 96 × 64 pixels.")
    assert page.get_by_label("Your photograph").is_checked()


def size(page: Page, canvas: str) -> tuple[int, int]:
    return tuple(page.locator(canvas).evaluate("({ width, height }) => [width, height]"))


def seen(page: Page, canvas: str) -> Image.Image:
    """All that a canvas shows."""
    data = page.locator(canvas).evaluate("(canvas) => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size, in levels of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def upload(page: Page, data: bytes) -> None:
    page.locator("#file").set_input_files({"name": "mine", "mimeType": "", "buffer": data})


@pytest.mark.parametrize("sides", [(3200, 96), (96, 3200)])
def test_panorama_is_shown_turned_and_saved(page, sides):
    before = visit(page)
    upload(page, jpeg(*sides))
    shown = changed(page, before)
    small = (1067, 32) if sides[0] > sides[1] else (32, 1067)
    sizes = "Ready. Shown at {} × {}, saved at {} × {}."
    expect(page.locator("#status")).to_have_text(sizes.format(*small, *sides))
    assert size(page, "#rendered") == size(page, "#original") == small
    slider(page).fill(str(far_end(page)))
    changed(page, shown)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    with Image.open(download.value.path()) as saved:
        assert saved.size == sides


def test_format_that_only_the_browser_reads_works_too(page):
    before = visit(page)
    icon = encoded(Image.linear_gradient("L").resize((120, 120)), "ICO", sizes=[(120, 120)])
    page.locator("#file").set_input_files({"name": "small.ico", "mimeType": "image/x-icon", "buffer": icon})
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. 120 × 120 pixels.")


def test_photograph_that_is_cut_off_says_so(page, photo):
    before = visit(page)
    upload(page, photo.read_bytes()[:-3000])
    changed(page, before)
    expect(page.locator("#status")).to_have_text(re.compile("^Ready. 451 × 300 pixels. The file is cut off: the last"))


def test_refused_photograph_is_explained_and_the_last_one_stays(page, models):
    shown = visit(page)
    page.locator("#file").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    expect(page.locator("#status.failed")).to_have_text(re.compile("we can read"))
    expect(page.locator(".samples input").first).to_be_checked()
    page.wait_for_timeout(500)
    assert page.locator("#status.failed").count() == 1
    slider(page).fill(str(far_end(page)))
    changed(page, shown)


def large() -> bytes:
    """More pixels than are decoded, even where they are made fewer."""
    out = io.BytesIO()
    Image.new("1", (12_001, 10_000)).save(out, "PNG")
    return out.getvalue()


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        pytest.param(lambda: list(HEIC), "HEIC.*as PNG or JPEG", id="heic"),
        pytest.param(lambda: list(large()), "12001×10000.*send a smaller one", id="pixels"),
        pytest.param(lambda: 20_000_001, "over 20 MB; choose a smaller one", id="bytes"),
        pytest.param(lambda: 33_000_000, "over 20 MB; choose a smaller one", id="message"),
    ],
)
def test_photograph_that_cannot_be_taken_is_explained_and_the_last_one_stays(page, file, sentence):
    shown = visit(page)
    page.evaluate(DROP, ["drop", file()])  # a number is so many bytes, all zero
    expect(page.locator("#status.failed")).to_have_text(re.compile(sentence), timeout=20_000)
    expect(page.locator("#photos input").first).to_be_checked()
    expect(page.locator("#own")).to_be_hidden()
    page.wait_for_timeout(500)
    assert difference(changed(page, []), shown) < 0.5
    assert page.locator("#status.failed").count() == 1


HEARD = """
window.heard = [];
document.addEventListener("DOMContentLoaded", () => {
  const status = document.getElementById("status");
  new MutationObserver(() => window.heard.push(status.textContent)).observe(status, { childList: true });
});
"""


def test_what_takes_long_is_said(page):
    held: list = []

    def slow(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: held.append((socket, message)))

    def let_go() -> None:
        until(page, lambda: held, "nothing comes from the server")
        socket, message = held.pop(0)
        socket.send(message)

    page.route_web_socket(re.compile("/ws$"), slow)
    page.add_init_script(HEARD)
    page.goto("/")
    for sentence in ("Reading the photograph…", "Warming up…", "Rendering…"):
        expect(page.locator("#status")).to_have_text(sentence)
        expect(page.locator("#original")).to_be_visible()
        let_go()
    ready(page)
    expect(page.locator("#original")).to_be_hidden()
    assert page.evaluate("heard.filter(Boolean)[0]") == "Sending the photograph…"


def test_previews_are_marked_until_the_exact_picture_is_there(page):
    before = visit(page)
    page.evaluate(DROP, ["drop", list(jpeg(1024, 1024))])
    changed(page, before)
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = False
    deadline = time.monotonic() + 20
    while not seen and time.monotonic() < deadline:
        for share in (0.3, 0.4, 0.6, 0.7):
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
            page.wait_for_timeout(15)
            seen = seen or page.locator("#preview").is_visible()
    page.mouse.up()
    assert seen
    expect(page.locator("#preview")).to_be_hidden()
    ready(page)


@pytest.fixture
def two(models, tmp_path) -> Path:
    """A folder of two models, the second of them damaged."""
    weights = tmp_path / "weights"
    for model in models[:2]:
        shutil.copytree(Settings().weights / model["id"], weights / model["id"])
    (weights / models[1]["id"] / "model.json").write_text("{}")
    return weights


def test_model_that_could_not_be_loaded_is_named(browser, models, two, tmp_path):
    first, damaged = models[:2]
    with running_server(tmp_path, weights=two) as running:
        page = browser.new_context(base_url=running.url).new_page()
        visit(page)
        expect(page.locator("#models")).to_contain_text(re.compile(f"Could not be loaded.*{damaged['id']}", re.S))
        expect(page.locator("#models input")).to_have_count(1)
        page.goto(f"/#model={damaged['id']}")
        sentence = (
            f"The model {damaged['id']} could not be loaded; the server's log says why. This is {first['title']}."
        )
        expect(page.locator("#status.failed")).to_have_text(sentence)
        changed(page, [])
        page.context.close()


def test_server_that_went_and_came_back_goes_on_where_it_was(browser, two, tmp_path):
    with running_server(tmp_path, weights=two) as running:
        page = browser.new_context(base_url=running.url, reduced_motion="reduce").new_page()
        shown = visit(page, "#photo=rocket")
    expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#status.failed")).to_have_text(re.compile("cannot be reached"))
    slider(page).fill(str(far_end(page)))
    with running_server(tmp_path, weights=two, port=running.url.rpartition(":")[2]):
        after = changed(page, shown)
        ready(page)
        page.get_by_role("button", name="Reset").click()
        assert difference(changed(page, after), shown) < 0.5
        page.context.close()


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


def test_wheel_and_keys_look_closer_and_dragging_moves_the_picture(page):
    visit(page)
    frame, level = page.locator(".frame"), page.locator("#zoom")
    fitted = frame.bounding_box()
    expect(level).to_be_hidden()
    x, y = fitted["x"] + 0.25 * fitted["width"], fitted["y"] + 0.5 * fitted["height"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    expect(level).to_be_visible()
    near = frame.bounding_box()
    assert near["width"] > 2 * fitted["width"]
    assert (x - near["x"]) / near["width"] == pytest.approx(0.25, abs=0.01)  # what is pointed at stays where it is
    page.mouse.down()
    expect(page.locator("#original")).to_be_hidden()
    page.mouse.move(x + 30, y - 20)
    page.mouse.up()
    moved = frame.bounding_box()
    assert (moved["x"] - near["x"], moved["y"] - near["y"]) == pytest.approx((30, -20), abs=1)
    page.locator("#compare").click()
    sides = [page.locator(canvas).bounding_box() for canvas in ("#rendered", "#original")]
    assert sides[0] == sides[1] == moved
    level.click()
    assert frame.bounding_box() == fitted
    page.locator("#compare").click()
    page.locator("#picture").focus()
    page.keyboard.press("+")
    assert frame.bounding_box()["width"] == pytest.approx(1.25 * fitted["width"], rel=0.01)
    page.keyboard.press("0")
    assert frame.bounding_box() == fitted


def test_lost_connection_is_made_again(page, models):
    page.add_init_script(KEEP_SOCKETS)
    shown = visit(page)
    page.evaluate("sockets.at(-1).close()")
    expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    slider(page).fill(str(far_end(page)))
    changed(page, shown)
    ready(page)
    assert page.evaluate("sockets.length") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("field", ["image", "mask", "seed"])
def test_everyone_can_use_it(page, all_models, field, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"/#model={model_that_takes(all_models, field)['id']}")
    ready(page)
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 820, 1440])
@pytest.mark.parametrize("field", ["image", "mask", "seed"])
def test_nothing_moves_or_overflows(page, all_models, field, width):
    page.add_init_script(MEASURE_SHIFTS)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/#model={model_that_takes(all_models, field)['id']}")
    ready(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("shifted") < 0.01


def test_works_under_a_strict_content_security_policy(page):
    page.add_init_script(STRICT)
    visit(page)
    page.locator("#compare").click()
    page.get_by_role("switch", name="Fine control").check()
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()


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
    expect(page.locator("#picture.unfilled")).to_have_count(0, timeout=20_000)
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


def test_sample_begins_with_a_hole_that_is_filled(page, mender):
    shown = visit(page, f"#model={mender['id']}")
    original = parts(pixels(page, "#original"))
    apart = [difference(now, original[at]) for at, now in parts(shown).items()]
    assert max(apart) > 10
    assert sorted(apart)[len(apart) * 3 // 4] < 5


def test_painted_hole_is_filled_and_the_rest_stays(page, mender):
    original = visit_without_hole(page, mender)
    paint(page, *STROKE)
    within, without = inside_and_outside(pixels(page), original, AROUND)
    assert within > 5
    assert without < 8  # JPEG


def test_without_a_hole_the_photograph_waits_to_be_painted(page, mender):
    visit_without_hole(page, mender)
    expect(page.locator(".invite")).to_be_visible()
    expect(page.locator("#status:not(.failed)")).to_have_text(re.compile("^There is no hole yet"))
    for name in ("Save", "Compare side by side", "Hold to see the original", "Clear"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    page.get_by_role("button", name="Hole in the centre").press("Enter")
    changed(page, [])
    expect(page.locator(".invite")).to_be_hidden()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()


def test_strokes_are_undone_one_by_one_and_clearing_too(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    first = pixels(page)
    paint(page, (0.2, 0.7), (0.6, 0.7))
    assert inside_and_outside(pixels(page), first, (0.1, 0.6, 0.7, 0.8))[0] > 3
    page.keyboard.press("Control+z")
    assert difference(filled(page), first) < 0.5
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".invite")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    assert difference(changed(page, []), first) < 0.5
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".invite")).to_be_visible()


def test_eraser_gives_the_picture_back(page, mender):
    original = visit_without_hole(page, mender)
    page.get_by_role("button", name="Hole in the centre").click()
    filled(page)
    eraser = page.get_by_role("button", name="Eraser")
    eraser.click()
    expect(page.locator("#hole")).to_be_visible()
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    page.mouse.up()
    eraser.click()
    shown, was = parts(filled(page)), parts(original)
    band = [difference(shown[x, y], was[x, y]) for x in range(12, 20) for y in (15, 16)]
    rest = [difference(shown[x, y], was[x, y]) for x in range(13, 19) for y in (11, 20)]
    assert max(band) < 8 < sum(rest) / len(rest)


def test_keys_change_the_sidesof_the_brush(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    page.mouse.move(0, 0)
    size = page.get_by_role("slider", name="Size of the brush")
    before, area = float(size.input_value()), page.evaluate(TINTED)
    page.keyboard.press("]")
    page.keyboard.press("]")
    assert float(size.input_value()) > 1.4 * before
    page.keyboard.press("Control+z")
    paint(page, *STROKE)
    assert page.evaluate(TINTED) > 1.3 * area
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert float(size.input_value()) == pytest.approx(before, rel=0.01)


TINTED = """
() => {
  const canvas = document.getElementById("hole");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 60).length;
}
"""


def test_slider_changes_what_fills_the_hole_and_nothing_else(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    before = pixels(page)
    slider(page).fill(str(far_end(page)))
    within, without = 0.0, 0.0
    deadline = time.monotonic() + 20
    while within <= 1 and time.monotonic() < deadline:
        page.wait_for_timeout(50)
        within, without = inside_and_outside(pixels(page), before, AROUND)
    assert within > 1
    assert without < 8  # JPEG


def test_stroke_sends_its_hole_alone(page, mender):
    sent: list[dict] = []

    def watch(socket) -> None:
        socket.on("framesent", lambda message: isinstance(message, str) and sent.append(json.loads(message)))

    page.on("websocket", watch)
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    opened = [(message["reuse"], message["files"]) for message in sent if message["type"] == "open"]
    assert opened == [(True, ["mask"]), (True, ["mask"])]  # the photograph came with the look before


def test_filled_photograph_is_saved_with_its_known_pixels_untouched(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    with Image.open(STATIC / "samples" / "astronaut.jpg") as sample, Image.open(download.value.path()) as saved:
        assert saved.size == sample.size
        apart = ImageChops.difference(saved.convert("RGB"), sample.convert("RGB"))
    left, top, right, bottom = (edge / saved.width for edge in apart.getbbox())
    assert min(left - 0.2, top - 0.25) > -0.01
    assert max(right - 0.65, bottom - 0.45) < 0.01
    assert right - left > 0.4


def test_divider_compares_and_a_brush_tool_ends_that(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    page.get_by_role("button", name="Compare side by side").click()
    expect(page.locator("#original")).to_be_visible()
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert page.locator("#split").input_value() == "25"
    expect(page.locator("#picture.unfilled")).to_have_count(0)
    page.get_by_role("button", name="Eraser").click()
    expect(page.locator("#original")).to_be_hidden()


BLANK = [[0] * 32 * 32 * 3] * 12


def from_seeds(page: Page) -> list[list[int]]:
    return [cell.evaluate(PIXELS) for cell in page.locator(".seed canvas").all()]


def visit_seeds(page: Page, sower: dict) -> list[list[int]]:
    """Open a model that makes pictures from seeds, and wait for them."""
    page.goto(f"/#model={sower['id']}")
    return renewed(page, BLANK)


def renewed(page: Page, before: list[list[int]], locked: tuple[int, ...] = ()) -> list[list[int]]:
    """Wait until every picture but the locked ones differs visibly from what it was."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = from_seeds(page)
        if all(difference(now[i], before[i]) > 1 for i in range(len(now)) if i not in locked):
            ready(page)
            return from_seeds(page)
        page.wait_for_timeout(50)
    raise AssertionError("the pictures stay as they were")


def seeds(page: Page) -> list[int]:
    return [int(words) for words in page.locator(".seed span").all_text_contents()]


def test_seeds_make_different_pictures(page, sower):
    shown = visit_seeds(page, sower)
    assert len(shown) == 12
    assert min(difference(one, other) for i, one in enumerate(shown) for other in shown[:i]) > 1


def test_locked_picture_stays_when_the_others_are_renewed(page, sower):
    before, numbers = visit_seeds(page, sower), seeds(page)
    page.get_by_role("button", name="Lock picture 3,").click()
    page.get_by_role("button", name="Lock picture 7,").press("Enter")
    page.get_by_role("button", name="Lock picture 9,").click()
    page.get_by_role("button", name="Lock picture 9,").click()
    expect(page.locator(".seed[aria-pressed=true]")).to_have_count(2)
    page.get_by_role("button", name="New pictures").click()
    after = renewed(page, before, locked=(2, 6))
    assert max(difference(after[i], before[i]) for i in (2, 6)) < 0.01
    kept = [i for i, (old, new) in enumerate(zip(numbers, seeds(page), strict=True)) if old == new]
    assert kept == [2, 6]


def test_slider_changes_all_pictures_from_seeds(page, sower):
    before = visit_seeds(page, sower)
    page.get_by_role("button", name="Lock picture 1,").click()
    slider(page).fill(str(far_end(page)))
    renewed(page, before)


def test_reload_brings_seeds_and_locks_back(page, sower):
    before = visit_seeds(page, sower)
    page.get_by_role("button", name="Lock picture 2,").click()
    page.get_by_role("button", name="New pictures").click()
    after, numbers = renewed(page, before, locked=(1,)), seeds(page)
    page.wait_for_url(lambda url: "_".join(map(str, numbers)) in url)
    page.reload()
    assert max(map(difference, renewed(page, BLANK), after)) < 0.01
    assert seeds(page) == numbers
    expect(page.locator(".seed[aria-pressed=true]")).to_have_count(1)


def test_pictures_from_seeds_are_saved_as_they_stand(page, sower):
    shown = visit_seeds(page, sower)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == f"{sower['id']}.png"
    with Image.open(download.value.path()) as saved:
        side = saved.width // 4
        for index, cell in enumerate(shown):
            left, top = index % 4 * side, index // 4 * side
            small = saved.crop((left, top, left + side, top + side)).convert("RGB").resize((32, 32))
            assert difference(list(small.tobytes()), cell) < 4


def test_controls_follow_what_a_model_takes(page, models, mender, sower):
    for model, controls in (
        (models[0], {"#photos", "#hold", "#compare", "#picture"}),
        (mender, {"#photos", "#hold", "#compare", "#picture", "#brush"}),
        (sower, {"#seeds", "#renew"}),
    ):
        page.goto(f"/#model={model['id']}")
        expect(page.locator("#title")).to_have_text(model["title"])
        for control in ("#photos", "#hold", "#compare", "#picture", "#brush", "#seeds", "#renew"):
            expect(page.locator(control)).to_be_visible(visible=control in controls)


def test_photograph_and_hole_survive_a_visit_to_other_models(page, mender, sower):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    shown = pixels(page)
    for model in (sower, mender):
        page.locator(f"#models input[value='{model['id']}']").check()
        ready(page)
    assert difference(filled(page), shown) < 0.5


def turned(picture: Image.Image, kind: str, **options) -> bytes:
    """A file that asks to be turned to the right."""
    return encoded(picture.transpose(Image.Transpose.ROTATE_90), kind, quality=95, **options)


def turned_by_exif(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return turned(picture, "WEBP", exif=exif)


def turned_by_xmp(picture: Image.Image) -> bytes:
    """In Display P3 as well."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    wide, narrow = (ImageCms.ImageCmsProfile(io.BytesIO(each)) for each in (PROFILES["Display P3"], icc.SRGB))
    return turned(ImageCms.profileToProfile(picture, narrow, wide), "JPEG", icc_profile=PROFILES["Display P3"], xmp=xmp)


def heic(picture: Image.Image) -> bytes:
    return encoded(picture, "HEIF" if "HEIF" in FORMATS else "TIFF", quality=95)


@pytest.mark.parametrize("file", [turned_by_exif, turned_by_xmp, heic])
def test_original_result_and_hole_are_what_the_server_reads(page, mender, file):
    with Image.open(STATIC / "samples" / "coffee.jpg") as sample:
        picture = sample.crop((150, 0, 400, 400)).convert("RGB")
    visit_without_hole(page, mender)
    upload(page, file(picture))
    until(page, lambda: size(page, "#original") == picture.size, "the original has not come")
    assert apart(seen(page, "#original"), picture) < 2
    assert apart(seen(page, "#own canvas"), picture.crop((0, 75, 250, 325)).resize((128, 128))) < 6
    original = pixels(page, "#original")
    paint(page, *STROKE)
    assert size(page, "#rendered") == picture.size
    within, without = inside_and_outside(pixels(page), original, AROUND)
    assert within > 3
    assert without < 4  # no step across the divider
    expect(page.locator("#compare")).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    with Image.open(download.value.path()) as saved:
        assert saved.size == picture.size


def test_transparent_part_of_a_photograph_is_a_hole(page, mender):
    with Image.open(STATIC / "samples" / "astronaut.jpg") as sample:
        cut = sample.convert("RGBA")
    cut.paste((0, 0, 0, 0), (128, 128, 256, 256))
    out = io.BytesIO()
    cut.save(out, "PNG")
    visit_without_hole(page, mender)
    page.locator("#file").set_input_files({"name": "cut.png", "mimeType": "image/png", "buffer": out.getvalue()})
    changed(page, [])
    filled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    with Image.open(download.value.path()) as saved:
        apart = ImageChops.difference(saved.convert("RGB"), cut.convert("RGB"))
    left, top, right, bottom = apart.getbbox()
    assert (left, top) >= (128, 128)
    assert (right, bottom) <= (256, 256)


def test_file_that_cannot_be_read_leaves_what_was_painted(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    shown = pixels(page)
    page.locator("#file").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    expect(page.locator("#status.failed")).to_have_text(re.compile("we can read"))
    expect(page.locator(".samples input[value=astronaut]")).to_be_checked()
    assert difference(filled(page), shown) < 0.5


def camera(page: Page):
    return page.get_by_role("button", name="Camera")


KEEP_STREAMS = """
const devices = navigator.mediaDevices;
const real = devices.getUserMedia.bind(devices);
window.streams = [];
devices.getUserMedia = async (wanted) => (window.streams.push(await real(wanted)), window.streams.at(-1));
"""
LIGHT = "streams.at(-1).getTracks()[0].readyState"


def go_live(page: Page, address="") -> list[int]:
    """Turn the camera on, and wait for its first picture."""
    page.add_init_script(KEEP_STREAMS)
    before = visit(page, address)
    camera(page).click()
    expect(page.locator("#rate")).to_have_text(re.compile("^[1-9][0-9]* a second$"), timeout=20_000)
    expect(camera(page)).to_have_attribute("aria-pressed", "true")
    return changed(page, before)


def moves(page: Page, milliseconds=1500) -> bool:
    """Whether the picture changes by itself."""
    before = pixels(page)
    deadline = time.monotonic() + milliseconds / 1000
    while time.monotonic() < deadline:
        if difference(pixels(page), before) > 0.5:
            return True
        page.wait_for_timeout(50)
    return False


def test_camera_is_rendered_live_and_alpha_with_it(page, models):
    model = next((model for model in models if model["axes"][0]["id"] == "strength"), models[0])
    go_live(page, f"#model={model['id']}")
    assert moves(page)
    page.get_by_role("button", name="Compare side by side").click()  # and the original follows
    before = pixels(page, "#original")
    until(page, lambda: difference(pixels(page, "#original"), before) > 0.5, "the original stands still")
    shown = []
    for end in ("0", "1", "0"):
        slider(page).fill(end)
        page.wait_for_timeout(1500)
        apart = difference(pixels(page), pixels(page, "#original"))
        shown.append(apart)
        assert moves(page)
    faint, strong, again = shown
    assert strong > 1.3 * max(faint, again)


def test_camera_stops_when_asked_and_its_last_picture_is_the_photograph(page, models):
    go_live(page)
    page.locator("#models input").nth(1).check()
    page.wait_for_timeout(1000)
    assert moves(page)  # in another model too
    assert page.evaluate(LIGHT) == "live"
    camera(page).click()
    assert page.evaluate(LIGHT) == "ended"
    expect(page.locator("#rate")).to_be_hidden()
    ready(page)
    assert not moves(page)
    expect(page.get_by_label("Your photograph")).to_be_checked()
    shown = pixels(page)
    slider(page).fill(str(far_end(page)))
    changed(page, shown)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == f"camera-{models[1]['id']}.png"


HIDE = """
() => {
  Object.defineProperty(document, "hidden", { value: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


def test_camera_stops_when_the_page_is_hidden(page):
    go_live(page)
    page.evaluate(HIDE)  # headless Chromium shows its pages whatever is before them
    until(page, lambda: page.evaluate(LIGHT) == "ended", "the camera is on")
    expect(camera(page)).to_have_attribute("aria-pressed", "false")
    ready(page)
    assert not moves(page)


def test_camera_gives_way_to_a_photograph_and_to_a_model_that_takes_none(page, sower):
    go_live(page)
    page.locator("#photos input").nth(2).check()
    ready(page)
    expect(camera(page)).to_have_attribute("aria-pressed", "false")
    assert not moves(page)
    expect(page.locator("#photos input").nth(2)).to_be_checked()
    camera(page).click()
    expect(page.locator("#rate")).to_be_visible()
    page.locator(f"#models input[value='{sower['id']}']").check()
    expect(camera(page)).to_be_hidden()
    expect(page.locator("#camera")).to_have_attribute("aria-pressed", "false")
    ready(page)


@pytest.mark.parametrize(("missing", "sentence"), [("device", "There is no camera"), ("ui", "may not be used")])
def test_camera_that_cannot_be_used_is_explained(server, missing, sentence):
    with sync_playwright() as playwright:
        browser = launch(playwright, [arg for arg in ARGS if not arg.startswith(f"--use-fake-{missing}")])
        page = browser.new_page(base_url=server, reduced_motion="reduce")
        shown = visit(page)
        camera(page).click()
        expect(page.locator("#status.failed")).to_contain_text(sentence)
        expect(camera(page)).to_be_enabled()
        assert difference(pixels(page), shown) < 0.5
        browser.close()


def test_picture_from_a_seed_becomes_the_photograph(page, models, sower):
    shown = visit_seeds(page, sower)
    keep = page.locator("#keep")
    expect(keep).to_be_disabled()
    page.get_by_role("button", name="Lock picture 2,").click()
    page.get_by_role("button", name="Lock picture 5,").click()
    expect(keep).to_have_text(re.compile("Use picture 5"))
    keep.click()
    changed(page, [])
    ready(page)
    assert page.locator("#models :checked").get_attribute("value") == models[0]["id"]
    assert difference(pixels(page, "#original"), shown[4]) < 2
    assert difference(pixels(page, "#original"), shown[1]) > 4
    expect(page.get_by_label("Your photograph")).to_be_checked()


def test_two_fingers_look_closer_and_move_the_picture(browser, server):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = browser.new_context(base_url=server, reduced_motion="reduce", **phone).new_page()
    visit(page)
    frame = page.locator(".frame")
    box = frame.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    screen = page.context.new_cdp_session(page)

    def touch(kind: str, *across: float) -> None:
        points = [{"x": each, "y": y, "id": index} for index, each in enumerate(across)]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # has arrived

    touch("touchStart", x - 20)
    expect(page.locator("#original")).to_be_visible()  # one finger holds
    touch("touchStart", x - 20, x + 20)
    expect(page.locator("#original")).to_be_hidden()  # two do not
    for step in range(1, 11):
        touch("touchMove", x - 20 - 4 * step, x + 20 + 4 * step)
    near = frame.bounding_box()
    assert near["width"] == pytest.approx(3 * box["width"], rel=0.1)  # the first pixels may be taken for a tremble
    assert near["x"] + near["width"] / 2 == pytest.approx(x, abs=12)  # what is between them stays there
    for step in range(1, 11):
        touch("touchMove", x - 60 + 3 * step, x + 60 + 3 * step)
    moved = frame.bounding_box()
    assert moved["width"] == pytest.approx(near["width"], rel=0.05)
    assert moved["x"] - near["x"] == pytest.approx(30, abs=5)
    touch("touchEnd")
    expect(page.locator("#zoom")).to_be_visible()
    page.context.close()
