"""Models to choose from, and what each takes. In a real browser against a real server."""

import json
import re
import shutil
from pathlib import Path

import httpx
import pytest
from conftest import running_server
from pages import (
    DROP,
    NEEDED,
    PIXELS,
    STROKE,
    alpha,
    changed,
    difference,
    far_end,
    filled,
    paint,
    pixels,
    ready,
    slider,
    small,
    until,
    visit,
    visit_without_hole,
)
from playwright.sync_api import Page, expect

from server.settings import Settings

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures


def tile(page: Page, model: dict) -> list[int]:
    """What the picture of a model shows."""
    return page.locator(f"#models .tile:has([value='{model['id']}']) :is(img, canvas)").evaluate(PIXELS)


def is_shown_on(page: Page, http: httpx.Client, model: dict, photo: bytes) -> bool:
    """Whether the picture of a model is nearer to what it makes of a photograph than to its own thumbnail."""
    axis = model["axes"][0]
    alpha = json.dumps({axis["id"]: axis["default"] or axis["range"][1]})
    form = {"model": model["id"], "max_side": 192, "alpha": alpha}
    expected = small(http.post("/infer", files={"image": photo}, data=form).content)
    shown, own = tile(page, model), small(http.get(model["thumbnail"]).content)
    return difference(shown, expected) < difference(shown, own) / 3


@pytest.mark.long
def test_models_are_shown_on_the_photograph_in_use(page, http, models, mender, sower, photo):
    before = visit(page)
    page.evaluate(DROP, ["drop", list(photo.read_bytes())])
    changed(page, before)
    shown_on_it = [model for model in models if {"detail", "mask"} & {*model["takes"]}]
    until(
        page,
        lambda: all(is_shown_on(page, http, model, photo.read_bytes()) for model in shown_on_it),
        "not all models are shown on the photograph",
    )
    for model in (sower, *(model for model in models if model not in shown_on_it)):
        shown, own = tile(page, model), small(http.get(model["thumbnail"]).content)
        assert difference(shown, own) < difference(shown, small(photo.read_bytes())) / 3
    thumbnail, shown = (small(file) for file in (http.get(mender["thumbnail"]).content, photo.read_bytes()))
    assert difference(tile(page, mender), shown) < difference(thumbnail, shown) / 3  # with a hole in it


@pytest.mark.long
def test_models_are_shown_on_a_photograph_that_waits_for_its_hole(page, http, models, mender, photo):
    visit_without_hole(page, mender)
    page.evaluate(DROP, ["drop", list(photo.read_bytes())])
    until(page, lambda: is_shown_on(page, http, models[0], photo.read_bytes()), "it is shown on another")


def test_a_phone_has_room_for_the_page_and_says_what_all_models_are_for(page, all_models):
    visit(page)
    for width in (360, 390):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for model in all_models:
            kind = page.get_by_role("button", name=model["application"].capitalize(), exact=True)
            expect(kind).to_be_in_viewport(ratio=1)
            first = next(one for one in all_models if one["application"] == model["application"])
            kind.click()
            expect(page.locator(f"#models .tile:has([value='{first['id']}'])")).to_be_in_viewport(ratio=0.9)
    cut = "(titles) => titles.filter((title) => title.scrollHeight > title.clientHeight + 1).length"
    assert page.locator("#models .tile span").evaluate_all(cut) == 0


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.fixture
def two(models, tmp_path) -> Path:
    """A folder of two models, the second of them damaged."""
    weights = tmp_path / "weights"
    for model in models[:2]:
        shutil.copytree(Settings().weights / model["id"], weights / model["id"])
    (weights / models[1]["id"] / "model.json").write_text("{}")
    return weights


@pytest.mark.long
def test_model_that_could_not_be_loaded_is_named_and_there_once_it_is_mended(browser, models, two, tmp_path):
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
        shutil.copy(Settings().weights / damaged["id"] / "model.json", two / damaged["id"])
        until(page, lambda: httpx.get(f"{running.url}/health").json()["models"] == 2, "it stays left out")
        page.reload()
        expect(page.locator("#models input")).to_have_count(2)
        page.context.close()


@pytest.mark.long
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


@pytest.mark.long
def test_photograph_and_hole_survive_a_visit_to_other_models(page, mender, sower):
    visit_without_hole(page, mender)
    paint(page, *STROKE)
    shown = pixels(page)
    for model in (sower, mender):
        page.locator(f"#models input[value='{model['id']}']").check()
        ready(page)
    assert difference(filled(page), shown) < 0.5
