"""Photographs: opened, read, refused and saved. In a real browser against a real server."""

import io
import re

import pytest
from independent import PROFILES, encoded
from pages import (
    AROUND,
    DROP,
    NEEDED,
    STROKE,
    apart,
    changed,
    difference,
    far_end,
    filled,
    inside_and_outside,
    jpeg,
    paint,
    pixels,
    ready,
    seen,
    size,
    slider,
    until,
    visit,
    visit_without_hole,
)
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageStat
from playwright.sync_api import Page, expect

from dynamicnet.files import icc
from dynamicnet.files.plugins import FORMATS
from server.settings import STATIC

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures


def test_opened_file_is_shown_small_and_saved_at_full_size(page, models):
    before = visit(page)
    page.locator("#file").set_input_files({"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": jpeg(1300, 900)})
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. Shown at 1024 × 709, saved at 1300 × 900.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    alpha = models[0]["axes"][0]["default"]
    assert download.value.suggested_filename == f"holiday-{models[0]['id']}-{alpha:g}.png"
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


@pytest.mark.long
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


def test_dropped_on_pictures_from_seeds_a_photograph_is_opened_in_a_model_that_takes_one(page, sower):
    page.goto(f"/#model={sower['id']}")
    ready(page)
    page.evaluate(DROP, ["drop", list(jpeg(96, 64))])
    expect(page.locator("#status")).to_have_text("Ready. 96 × 64 pixels.")
    expect(page.locator(f"#models input[value={sower['id']}]")).not_to_be_checked()
    expect(page).to_have_url(re.compile("photo=own"))
    page.reload()
    expect(page.locator("#status")).to_contain_text("does not keep your photograph")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photograph_can_be_dropped_or_pasted(page, kind):
    before = visit(page)
    page.evaluate(DROP, [kind, list(jpeg(96, 64))])
    changed(page, before)
    expect(page.locator("#status")).to_have_text("Ready. 96 × 64 pixels.")
    assert page.get_by_label("Your photograph").is_checked()


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
        pytest.param(lambda: 64_000_001, "over 64 MB; choose a smaller one", id="bytes"),
        pytest.param(lambda: 81_000_000, "over 64 MB; choose a smaller one", id="message"),
    ],
)
def test_photograph_that_cannot_be_taken_is_explained_and_the_last_one_stays(page, file, sentence):
    shown = visit(page)
    page.evaluate(DROP, ["drop", file()])  # a number is so many bytes, all zero
    expect(page.locator("#status.failed")).to_have_text(re.compile(sentence))
    expect(page.locator("#photos input").first).to_be_checked()
    expect(page.locator("#own")).to_be_hidden()
    page.wait_for_timeout(500)
    assert difference(changed(page, []), shown) < 0.5
    assert page.locator("#status.failed").count() == 1


def test_the_photograph_picked_last_is_the_one_that_is_shown(page):
    visit(page, "#photo=coffee")
    held = []
    page.route("**/samples/chelsea.jpg", lambda route: held.append(route))
    for name in ("chelsea", "astronaut"):
        page.locator(f".samples input[value={name}]").check()
    until(page, lambda: held, "nothing was asked for")
    until(page, lambda: "photo=astronaut" in page.url, "it waits for the one before")
    held[0].continue_()
    page.wait_for_timeout(500)
    ready(page)
    assert "photo=astronaut" in page.url
    expect(page.locator(".samples input[value=astronaut]")).to_be_checked()


def test_photograph_that_cannot_be_fetched_is_said_and_can_be_picked_again(browser, server):
    page = browser.new_context(base_url=server, reduced_motion="reduce").new_page()
    shown = visit(page, "#photo=coffee")
    page.route("**/samples/chelsea.jpg", lambda route: route.fulfill(status=503, body="<html>"))
    page.locator(".samples input[value=chelsea]").click()
    expect(page.locator("#status.failed")).to_have_text(re.compile("cannot be fetched"))
    expect(page.locator(".samples input[value=coffee]")).to_be_checked()
    page.unroute("**/samples/chelsea.jpg")
    page.locator(".samples input[value=chelsea]").click()
    changed(page, shown)
    ready(page)
    page.context.close()


@pytest.mark.long
def test_a_sample_keeps_what_was_painted_on_it(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    shown = pixels(page)
    page.locator(".samples input[value=coffee]").check()
    changed(page, shown)
    page.locator(".samples input[value=astronaut]").check()
    until(page, lambda: (now := pixels(page)) and difference(now, shown) < 0.5, "the stroke is gone")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_save_has_the_focus_again_and_waits_while_there_is_nothing_to_save(page, mender):
    visit(page, f"#model={mender['id']}&photo=astronaut")
    save = page.get_by_role("button", name="Save", exact=True)
    save.press("Enter")
    expect(page.locator("#status")).to_have_text("Saved.")
    expect(save).to_be_focused()
    held = []
    page.route("**/infer", lambda route: held.append(route))
    save.press("Enter")
    until(page, lambda: held, "nothing is saved")
    page.get_by_role("button", name="Clear").press("Enter")
    expect(page.get_by_role("slider", name="Size of the brush")).to_be_focused()  # Clear has nothing left to do
    with page.expect_download():
        held[0].continue_()
    expect(page.locator("#status")).to_have_text("Saved.")
    expect(save).to_be_disabled()


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


@pytest.mark.long
def test_file_that_cannot_be_read_leaves_what_was_painted(page, mender):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    shown = pixels(page)
    page.locator("#file").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    expect(page.locator("#status.failed")).to_have_text(re.compile("we can read"))
    expect(page.locator(".samples input[value=astronaut]")).to_be_checked()
    assert difference(filled(page), shown) < 0.5
