"""Pictures from seeds. In a real browser against a real server."""

import re
import time

import pytest
from pages import NEEDED, PATIENCE, PIXELS, changed, difference, far_end, pixels, ready, slider
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures

BLANK = [[0] * 32 * 32 * 3] * 12


def from_seeds(page: Page) -> list[list[int]]:
    return [cell.evaluate(PIXELS) for cell in page.locator(".seed canvas").all()]


def visit_seeds(page: Page, sower: dict) -> list[list[int]]:
    """Open a model that makes pictures from seeds, and wait for them."""
    page.goto(f"/#model={sower['id']}")
    return renewed(page, BLANK)


def renewed(page: Page, before: list[list[int]], locked: tuple[int, ...] = ()) -> list[list[int]]:
    """Wait until every picture but the locked ones differs visibly from what it was."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now = from_seeds(page)
        if all(difference(now[i], before[i]) > 1 for i in range(len(now)) if i not in locked):
            ready(page)
            return from_seeds(page)
        page.wait_for_timeout(50)
    raise AssertionError("the pictures stay as they were")


def seeds(page: Page) -> list[int]:
    return [int(words) for words in page.locator(".seed span").all_text_contents()]


@pytest.mark.long
def test_seeds_make_different_pictures(page, sower):
    shown = visit_seeds(page, sower)
    assert len(shown) == 12
    assert min(difference(one, other) for i, one in enumerate(shown) for other in shown[:i]) > 1


@pytest.mark.long
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


@pytest.mark.long
def test_slider_changes_all_pictures_from_seeds(page, sower):
    before = visit_seeds(page, sower)
    page.get_by_role("button", name="Lock picture 1,").click()
    slider(page).fill(str(far_end(page)))
    renewed(page, before)


@pytest.mark.long
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


@pytest.mark.long
def test_pictures_from_seeds_are_saved_as_they_stand(page, sower):
    shown = visit_seeds(page, sower)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    alpha = [f"{axis['id']}-{axis['default']:g}" for axis in sower["axes"] if axis["default"]]
    assert download.value.suggested_filename == f"{'-'.join([sower['id'], *(alpha or ['0'])])}.png"
    with Image.open(download.value.path()) as saved:
        side = saved.width // 4
        for index, cell in enumerate(shown):
            left, top = index % 4 * side, index // 4 * side
            small = saved.crop((left, top, left + side, top + side)).convert("RGB").resize((32, 32))
            assert difference(list(small.tobytes()), cell) < 4


def test_the_picture_that_was_locked_last_stays_the_one_to_be_taken_out(page, sower):
    visit_seeds(page, sower)
    for number in (8, 3):
        page.get_by_role("button", name=f"Lock picture {number},").click()
    expect(page.locator("#keep")).to_have_text(re.compile(r"Use picture 3\s*$"))
    page.get_by_role("button", name="New pictures").click()
    expect(page.locator("#keep")).to_have_text(re.compile(r"Use picture 3\s*$"))
    expect(page).to_have_url(re.compile("locked=7_2&"))
    page.reload()
    ready(page)
    expect(page.locator("#keep")).to_have_text(re.compile(r"Use picture 3\s*$"))


@pytest.mark.long
def test_picture_from_a_seed_becomes_the_photograph(page, models, sower):
    shown = visit_seeds(page, sower)
    keep = page.locator("#keep")
    expect(keep).to_be_disabled()
    page.get_by_role("button", name="Lock picture 2,").click()
    page.get_by_role("button", name="Lock picture 5,").click()
    expect(keep).to_have_text(re.compile("Use picture 5"))
    keep.click()
    expect(page.locator("#picture")).to_be_focused()
    changed(page, [])
    ready(page)
    assert page.locator("#models :checked").get_attribute("value") == models[0]["id"]
    assert difference(pixels(page, "#original"), shown[4]) < 2
    assert difference(pixels(page, "#original"), shown[1]) > 4
    expect(page.get_by_label("Your photograph")).to_be_checked()
