"""A hole that is painted and filled. In a real browser against a real server."""

import io
import json
import re
import time

import pytest
from pages import (
    AROUND,
    NEEDED,
    PATIENCE,
    STROKE,
    changed,
    difference,
    far_end,
    filled,
    inside_and_outside,
    jpeg,
    paint,
    parts,
    pixels,
    slider,
    visit,
    visit_without_hole,
)
from PIL import Image, ImageChops
from playwright.sync_api import expect

from server.settings import STATIC

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures


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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


def test_keys_paint(page, mender):
    original = visit_without_hole(page, mender)
    picture = page.locator("#picture")
    expect(picture).to_have_accessible_name(re.compile("Arrows move the brush"))
    page.keyboard.press("Tab")
    picture.focus()
    expect(page.locator("#cursor")).to_be_visible()
    for key in ["ArrowLeft"] * 5 + ["ArrowUp"] * 2 + ["Shift+ArrowRight"] * 2:
        page.keyboard.press(key)
    expect(page.locator("#status")).to_have_text("Brush at 27 % across, 40 % down.")
    page.keyboard.press("Space")
    within, without = inside_and_outside(filled(page), original, (0.17, 0.3, 0.37, 0.5))
    assert within > 5
    assert without < 8  # JPEG
    expect(page.locator("#original")).to_be_hidden()
    page.keyboard.down("b")
    expect(page.locator("#original")).to_be_visible()
    page.keyboard.up("b")
    page.keyboard.press("Control+z")
    expect(page.locator("#status")).to_have_text(re.compile("^There is no hole yet"))


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
    deadline = time.monotonic() + PATIENCE
    while not (within > 1 and without < 8) and time.monotonic() < deadline:  # as a preview is smaller
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


def test_what_is_saved_is_what_was_chosen_when_it_was_asked_for(page, mender):
    visit(page, f"#model={mender['id']}&photo=coffee&a.{mender['axes'][0]['id']}=0.8")
    with page.expect_download() as download:
        page.evaluate("""() => {
            document.querySelector("#save").click();
            const slider = document.querySelector("#axes input[type=range]");
            slider.value = slider.min;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            document.querySelector("#photos [value=chelsea]").click();
        }""")
    assert download.value.suggested_filename == f"coffee-{mender['id']}-0.8.png"
    with Image.open(STATIC / "samples" / "coffee.jpg") as sample, Image.open(download.value.path()) as saved:
        assert saved.size == sample.size


@pytest.mark.long
def test_a_photograph_stays_whose_hole_is_too_large(page, mender):
    visit(page, f"#model={mender['id']}&photo=astronaut")
    page.locator("#file").set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": jpeg(300, 200)})
    expect(page.locator("#status")).to_contain_text("There is no hole yet")
    page.locator("[name=size]").fill("40")
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    for x, y in ((0.98, 0.1), (0.98, 0.5), (0.02, 0.5), (0.02, 0.9), (0.98, 0.9)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
    page.mouse.up()
    expect(page.locator("#status.failed")).to_contain_text("leave")
    page.wait_for_timeout(500)
    assert "photo=own" in page.url
    expect(page.locator("#brush [name=undo]")).to_be_enabled()
    page.locator("#brush [name=undo]").click()
    expect(page.locator("#status")).to_contain_text("There is no hole yet")


def test_a_hole_that_comes_back_is_no_longer_said_to_be_missing(page, mender):
    visit_without_hole(page, mender)
    expect(page.locator("#status")).to_have_text(re.compile("^There is no hole yet"))
    page.get_by_role("button", name="Undo").click()
    assert page.evaluate("document.querySelector('#status').textContent") == "Rendering…"
    filled(page)


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


@pytest.mark.long
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
