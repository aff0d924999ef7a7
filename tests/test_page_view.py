"""Looking: compare, look closer, come back; on every screen, for everyone. In a real browser against a real server."""

import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import (
    ARGS,
    CHROMIUM,
    NEEDED,
    changed,
    far_end,
    model_that_takes,
    ready,
    slider,
    until,
    visit,
    visit_without_hole,
)
from PIL import Image
from playwright.sync_api import WebSocketRoute, expect

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures

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


@pytest.mark.long
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
    for key, focused in (("Space", "#picture"), ("b", "#picture"), ("B", "#axes input")):
        page.locator(focused).first.focus()
        page.keyboard.down(key)
        expect(original).to_be_visible()
        page.keyboard.up(key)
        expect(original).to_be_hidden()


def test_a_press_without_pointer_or_key_shows_the_original_until_the_next(page):
    visit(page)
    original = page.locator("#original")
    for target in ("#picture", "#hold"):
        for shown in (True, False):
            page.locator(target).evaluate("(element) => element.click()")  # as screen readers do
            expect(original).to_be_visible(visible=shown)
            expect(page.locator(target)).to_have_attribute("aria-pressed", str(shown).lower())


@pytest.mark.parametrize("window", [(640, 400), (900, 700)])
def test_what_has_the_focus_is_not_under_the_picture(page, window):
    page.set_viewport_size({"width": window[0], "height": window[1]})
    visit(page)
    page.locator("summary").last.focus()
    hidden = []
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        covered = page.evaluate(COVERED)
        if covered is None:  # the picture itself, or what is above it
            break
        hidden.append(covered)
    assert len(hidden) > 20
    assert not any(hidden)


COVERED = """
() => {
  const stage = document.getElementById("stage").getBoundingClientRect();
  const focused = document.activeElement;
  if (focused.closest("header, .view")) return null;
  const box = focused.getBoundingClientRect();
  return box.top < stage.bottom && box.bottom > stage.top && box.height < stage.height;
}
"""


def test_the_picture_shows_that_it_has_the_focus(page):
    visit(page)
    stage = page.locator("#stage")
    before = stage.screenshot()
    page.locator("#save").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#picture")).to_be_focused()
    edges = [Image.open(io.BytesIO(shot)).convert("RGB").getpixel((1, 60)) for shot in (before, stage.screenshot())]
    assert edges[0] != edges[1]


def test_keys_reach_the_first_model_of_a_kind(page, mender):
    visit(page)
    page.get_by_role("button", name="Completion", exact=True).press("Enter")
    expect(page.locator(f"#models input[value={mender['id']}]")).to_be_focused()
    expect(page.locator(f"#models input[value={mender['id']}]")).not_to_be_checked()


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
    expect(level).to_have_accessible_name(f"{level.inner_text()}. Show the whole picture")
    level.click()
    expect(page.locator("#picture")).to_be_focused()
    assert frame.bounding_box() == fitted
    page.locator("#compare").click()
    page.locator("#picture").focus()
    page.keyboard.press("+")
    assert frame.bounding_box()["width"] == pytest.approx(1.25 * fitted["width"], rel=0.01)
    page.keyboard.press("0")
    assert frame.bounding_box() == fitted


def test_a_picture_follows_the_pointer_only_while_it_is_pressed(page):
    visit(page)
    box = page.locator("#picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, 5)  # out of the picture
    page.mouse.up()
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    near = page.locator(".frame").bounding_box()
    page.mouse.move(x + 60, y)
    assert page.locator(".frame").bounding_box() == near


def test_what_was_wrong_with_an_address_is_forgotten_with_it(page):
    page.goto("/#model=nonesuch")
    expect(page.locator("#status.failed")).to_have_text(re.compile("no model nonesuch"))
    changed(page, [])
    page.evaluate("location.hash = '#photo=chelsea'")
    ready(page)


def test_another_address_is_gone_to_while_the_page_waits_for_the_photograph_of_the_first(page, models):
    held = []
    page.route("**/samples/coffee.jpg", lambda route: held.append(route))
    page.goto("/#photo=coffee")
    until(page, lambda: held, "it is not fetched")
    page.evaluate(f"location.hash = '#photo=chelsea&model={models[1]['id']}'")
    expect(page.locator("#title")).to_have_text(models[1]["title"])
    ready(page)
    held[0].continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#photos [value=chelsea]")).to_be_checked()
    expect(page).to_have_url(re.compile("photo=chelsea"))


def test_another_address_is_gone_to_though_the_last_is_written_at_that_moment(page):
    visit(page, "#photo=coffee")
    until(page, lambda: "a.strength" in page.url, "it is not written")
    page.evaluate("""() => {
        setTimeout(() => { location.hash = "#photo=chelsea"; }, 200);
        const slider = document.querySelector("#axes input[type=range]");
        slider.value = slider.max;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    expect(page.locator("#photos [value=chelsea]")).to_be_checked()


def test_colours_of_ones_own_leave_what_is_pressed_to_be_seen(browser, server):
    page = browser.new_context(base_url=server, reduced_motion="reduce", forced_colors="active").new_page()
    visit(page, "#photo=coffee")
    compare, fine = page.locator("#compare"), page.locator(".switch input")
    for control, press in ((compare, compare.click), (fine, fine.check)):
        page.mouse.move(0, 0)
        before = control.screenshot()
        press()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        assert control.screenshot() != before
    rail = Image.open(io.BytesIO(page.locator(".rail").first.screenshot())).convert("L")
    assert len(rail.crop((0, 18, rail.width, 26)).getcolors(10_000)) > 1
    page.context.close()


def test_what_is_looked_at_closely_stays_in_view_when_its_room_changes(page):
    visit(page)
    frame, stage = page.locator(".frame"), page.locator("#stage")

    def seen() -> tuple[float, float]:
        """Which of the picture is in the middle of the stage."""
        around, inside = stage.bounding_box(), frame.bounding_box()
        for side, start in (("width", "x"), ("height", "y")):
            assert inside[start] <= around[start] + 0.5 * around[side] <= inside[start] + inside[side]
        return tuple(
            (around[start] + around[side] / 2 - inside[start]) / inside[side]
            for side, start in (("width", "x"), ("height", "y"))
        )

    page.locator("#picture").focus()
    for key in ["+"] * 6 + ["ArrowRight"] * 12 + ["ArrowDown"] * 12:
        page.keyboard.press(key)
    before, level = seen(), page.locator("#zoom").inner_text()
    assert min(before) > 0.6
    page.set_viewport_size({"width": 760, "height": 560})
    until(page, lambda: page.locator("#zoom").inner_text() != level, "it says how large it was")
    assert seen() == pytest.approx(before, abs=0.1)
    width = page.locator("#rendered").evaluate("(canvas) => canvas.width")
    percent = round(100 * frame.bounding_box()["width"] / width)
    assert abs(int(page.locator("#zoom").inner_text().removesuffix(" %")) - percent) <= 1


@pytest.mark.parametrize("address", ["", "#model=denoise-photos"])
def test_a_low_window_opens_at_the_top(page, address):
    page.set_viewport_size({"width": 844, "height": 390})
    visit(page, address)
    assert page.evaluate("scrollY") == 0


def test_what_is_missing_is_said_again_when_a_connection_was_lost(page, mender):
    page.add_init_script(KEEP_SOCKETS)
    visit_without_hole(page, mender)
    status = page.locator("#status")
    expect(status).to_have_text(re.compile("^There is no hole yet"))
    page.evaluate("sockets.at(-1).close()")
    expect(status).to_have_text("Connection lost. Reconnecting…")
    expect(status).to_have_text(re.compile("^There is no hole yet"))


def test_lost_connection_is_made_again(page, models):
    page.add_init_script(KEEP_SOCKETS)
    shown = visit(page)
    page.evaluate("sockets.at(-1).close()")
    expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    slider(page).fill(str(far_end(page)))
    changed(page, shown)
    ready(page)
    assert page.evaluate("sockets.length") == 2


@pytest.mark.parametrize("field", ["image", "mask", "seed"])
def test_everyone_can_use_it(page, all_models, field):
    page.goto(f"/#model={model_that_takes(all_models, field)['id']}")
    ready(page)
    for summary in page.locator("summary").all():
        summary.click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, *(pytest.param(width, marks=pytest.mark.long) for width in (390, 820)), 1440])
@pytest.mark.parametrize("field", ["image", "mask", "seed"])
def test_nothing_moves_or_overflows(page, all_models, field, width):
    page.add_init_script(MEASURE_SHIFTS)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/#model={model_that_takes(all_models, field)['id']}")
    ready(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("shifted") < 0.01


def test_text_of_twice_the_size_fits_a_phone(browser, server):
    large = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGS, "--blink-settings=defaultFontSize=32"])
    page = large.new_page(base_url=server, viewport={"width": 390, "height": 740}, reduced_motion="reduce")
    visit(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("visualViewport.scale") == 1
    for name in ("Open", "Camera", "Save"):
        expect(page.locator(".bar .button", has_text=name)).to_be_in_viewport(ratio=1)
    large.close()


def test_works_under_a_strict_content_security_policy(page):
    page.add_init_script(STRICT)
    visit(page)
    page.locator("#compare").click()
    page.get_by_role("switch", name="Fine control").check()
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()


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
