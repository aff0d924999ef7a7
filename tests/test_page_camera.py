"""The camera. In a real browser against a real server."""

import re

import pytest
from pages import ARGS, NEEDED, changed, difference, far_end, launch, pixels, ready, slider, until, visit
from playwright.sync_api import Page, expect, sync_playwright

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures


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
    expect(page.locator("#rate")).to_have_text(re.compile("^[1-9][0-9]* a second$"))
    expect(camera(page)).to_have_attribute("aria-pressed", "true")
    expect(camera(page)).to_be_focused()
    return changed(page, before)


def moves(page: Page, canvas="#rendered") -> None:
    """Wait until the picture has changed by itself."""
    before = pixels(page, canvas)
    until(page, lambda: difference(pixels(page, canvas), before) > 0.5, f"{canvas} stands still")


def stands_still(page: Page) -> None:
    before = pixels(page)
    page.wait_for_timeout(1500)
    assert difference(pixels(page), before) < 0.5


@pytest.mark.long
def test_camera_is_rendered_live_and_alpha_with_it(page, models):
    model = next((model for model in models if model["axes"][0]["id"] == "strength"), models[0])
    go_live(page, f"#model={model['id']}")
    moves(page)
    page.get_by_role("button", name="Compare side by side").click()  # and the original follows
    moves(page, "#original")

    def apart() -> float:
        return difference(pixels(page), pixels(page, "#original"))

    usual = apart()
    slider(page).fill("0")
    until(page, lambda: 1.3 * apart() < usual, "the faint end is as far from the photograph as the middle")
    moves(page)
    faint = apart()
    slider(page).fill("1")
    until(page, lambda: apart() > 1.3 * faint, "the strong end is as near to the photograph as the faint one")
    moves(page)
    strong = apart()
    slider(page).fill("0")
    until(page, lambda: strong > 1.3 * apart(), "back at the faint end it looks like the strong one")
    moves(page)


@pytest.mark.long
def test_camera_stops_when_asked_and_its_last_picture_is_the_photograph(page, models):
    go_live(page)
    page.locator("#models input").nth(1).check()
    page.wait_for_timeout(1000)
    moves(page)  # in another model too
    assert page.evaluate(LIGHT) == "live"
    camera(page).click()
    assert page.evaluate(LIGHT) == "ended"
    expect(page.locator("#rate")).to_be_hidden()
    ready(page)
    stands_still(page)
    expect(page.get_by_label("Your photograph")).to_be_checked()
    shown = pixels(page)
    slider(page).fill(str(far_end(page)))
    changed(page, shown)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename.startswith(f"camera-{models[1]['id']}-")


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
    stands_still(page)


@pytest.mark.long
def test_camera_gives_way_to_a_photograph_and_to_a_model_that_takes_none(page, sower):
    go_live(page)
    page.locator("#photos input").nth(2).check()
    ready(page)
    expect(camera(page)).to_have_attribute("aria-pressed", "false")
    stands_still(page)
    expect(page.locator("#photos input").nth(2)).to_be_checked()
    camera(page).click()
    expect(page.locator("#rate")).to_be_visible()
    page.locator(f"#models input[value='{sower['id']}']").check()
    expect(camera(page)).to_be_hidden()
    expect(page.locator("#camera")).to_have_attribute("aria-pressed", "false")
    ready(page)


@pytest.mark.parametrize(("missing", "sentence"), [("device", "No camera was found"), ("ui", "is blocked")])
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
