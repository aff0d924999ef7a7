"""The sliders: from a hand to the picture. In a real browser against a real server."""

import io
import json
import re
import shutil
import time

import pytest
from conftest import running_server
from pages import (
    DROP,
    NEEDED,
    PATIENCE,
    PIXELS,
    alpha,
    changed,
    difference,
    jpeg,
    model_that_takes,
    parts,
    pixels,
    ready,
    slider,
    small,
    until,
    visit,
)
from PIL import Image
from playwright.sync_api import Page, expect

from dynamicnet import package
from dynamicnet.client import unpack
from server.settings import STATIC, Settings

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures


def test_what_is_left_to_the_server_moves_the_slider(page: Page) -> None:
    page.goto("/#model=starry-night&a.strength=1")
    ready(page)
    before = pixels(page)
    button = page.get_by_role("button", name="Choose for me: Strength")
    button.click()
    changed(page, before)
    number = page.locator(".slider input[type=number]").first
    assert -1 < float(number.input_value()) < 1  # it was at 1
    expect(button).to_be_focused()
    expect(page.locator("#status")).to_have_text(re.compile(rf"^Ready\. Strength: {number.input_value()}\. "))
    slider(page).fill("1")
    expect(page.locator("#status")).to_have_text(re.compile(r"^Ready\. \d"))


def test_a_picture_that_was_on_its_way_is_no_answer_to_what_is_left_to_the_server(page: Page) -> None:
    visit(page, "#model=starry-night&photo=chelsea")
    button = page.get_by_role("button", name="Choose for me: Strength")
    slider(page).fill("0.95")
    page.wait_for_timeout(30)
    button.click()
    until(page, lambda: alpha(page) < 0.5, "it has the α of the slider")
    ready(page)
    assert alpha(page) < 0.5
    shown = pixels(page)
    slider(page).fill(slider(page).input_value())  # what stands there is what is shown
    page.wait_for_timeout(500)
    ready(page)
    assert difference(pixels(page), shown) < 0.5


def test_first_picture_appears_rendered_by_the_first_model(page, all_models):
    shown = visit(page)
    assert page.locator("#models :checked").get_attribute("value") == all_models[0]["id"]
    assert page.locator("#models input").count() == len(all_models)
    original = pixels(page, "#original")
    assert difference(shown, original) > 1


@pytest.mark.long
def test_first_visit_shows_the_slider_moving_until_it_is_touched(page, models):
    page.emulate_media(reduced_motion="no-preference")
    page.goto("/")
    expect(page.locator("#picture:not(.unrendered)")).to_be_visible()
    values, shown = [], []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and len(set(values)) < 8:
        values.append(float(slider(page).input_value()))
        shown.append(pixels(page))
        page.wait_for_timeout(100)
    assert max(difference(one, shown[0]) for one in shown) > 1
    page.keyboard.press("Tab")  # and is back where it began then
    default = models[0]["axes"][0]["default"]
    expect(page.locator("#axes input[type=number]").first).to_have_value(f"{default:.2f}")
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
            header = unpack(payload).header
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
    last = alpha(page)
    until(page, lambda: bool(sent) and round(next(iter(sent[-1]["alpha"].values())), 2) == last, "α is not asked for")
    until(page, lambda: (frames[-1]["seq"], frames[-1]["exact"]) == (sent[-1]["seq"], True), "no exact frame of it")
    ready(page)
    assert set(unanswered) == {0}
    assert [frame["seq"] for frame in frames] == sorted(frame["seq"] for frame in frames)
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
    number.press("Tab")
    expect(number).not_to_be_focused()
    assert float(slider(page).input_value()) == 1
    title = models[0]["axes"][0]["title"]
    expect(page.locator("#status.failed")).to_have_text(f"{title} goes from {low:g} to {high:g}.")
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
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and film.evaluate_all("(all) => all.some((each) => !each.width)"):
        page.wait_for_timeout(50)
    return [each.evaluate(PIXELS) for each in film.all()]


@pytest.mark.long
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


@pytest.mark.long
def test_strip_shows_a_cut_out_on_white(page):
    shown, file = visit(page), io.BytesIO()
    cut = Image.linear_gradient("L").convert("RGBA")
    cut.paste((0, 0, 0, 0), (128, 0, 256, 256))
    cut.save(file, "PNG")
    page.locator("#file").set_input_files({"name": "cut.png", "mimeType": "image/png", "buffer": file.getvalue()})
    changed(page, shown)
    for one in strip_of(page):
        assert min(parts(one)[30, 16]) > 245 > max(parts(one)[2, 2])


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


@pytest.mark.long
def test_networks_trained_for_one_mixture_are_crosses_beside_the_curve(browser, tmp_path):
    shipped = package.find(Settings().weights)[0]
    folder = shutil.copytree(shipped, tmp_path / "weights" / shipped.name)
    manifest = package.read_manifest(folder)
    figures = manifest.measured["axes"][manifest.axes[0].id]
    figures["against"] = {"fixed": {end: figures[end][::2][:5] for end in ("low", "high")}}  # as evaluate writes them
    package.write_manifest(folder, manifest)
    with running_server(tmp_path, weights=folder.parent) as running:
        page = browser.new_context(base_url=running.url, reduced_motion="reduce").new_page()
        visit(page)
        page.locator(".curve summary").first.click()
        drawing = page.locator(".curve").first
        crosses = [path.get_attribute("d") for path in drawing.locator("path.fixed").all()]
        assert len(crosses) == 5
        corner = drawing.locator("polyline").get_attribute("points").split()[0].split(",")
        start = re.match(r"M([\d.]+) ([\d.]+)l8 8", crosses[0]).groups()  # θ, with which the curve begins too
        assert [float(each) + 4 for each in start] == pytest.approx([float(each) for each in corner], abs=0.5)
        expect(drawing).to_contain_text("Crosses")
        page.context.close()


def test_the_photograph_stays_but_where_was_painted(page, models):
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
    expect(page.locator("#area")).to_have_class(re.compile(r"\bset\b"))
    page.locator("#reset").click()
    assert difference(changed(page, within), before) < 1  # nothing painted, and the slider back
    expect(page.locator("#area")).not_to_have_class(re.compile(r"\bset\b"))
    original = pixels(page, "#original")

    def apart(one: list[int], other: list[int], columns: range) -> float:
        places = [3 * (32 * row + column) for row in range(32) for column in columns]
        return sum(abs(one[place + i] - other[place + i]) for place in places for i in range(3)) / len(places)

    painted, rest = range(4, 9), range(24, 32)
    assert apart(within, tuned, painted) < apart(within, original, painted) / 2
    assert apart(within, original, rest) < apart(within, tuned, rest) / 4


def test_every_axis_of_a_model_has_its_own_slider(page, models):
    model = model_that_takes(models, "detail")
    assert len(model["axes"]) > 1
    shown = visit(page, f"#model={model['id']}")
    assert page.locator("#axes input[type=range]").count() == len(model["axes"])
    for index, axis in enumerate(model["axes"]):
        far = int(axis["default"] < sum(axis["range"]) / 2)
        page.locator("#axes input[type=range]").nth(index).fill(str(far))
        shown = changed(page, shown)


@pytest.mark.long
def test_pad_moves_both_axes_at_once_over_pictures_of_where_they_lead(page, http, models):
    model = next(model for model in models if len(model["axes"]) == 2)
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
    cells = page.locator(".pad canvas")
    until(page, lambda: cells.evaluate_all("(all) => all.every((cell) => cell.width)"), "not all pictures were made")
    assert cells.count() == 12
    form = {"model": model["id"], "max_side": 192}
    sample = (STATIC / "samples" / "coffee.jpg").read_bytes()
    shown = [cells.nth(index).evaluate(PIXELS) for index in (3, 8)]  # top right, bottom left
    for index, mine, other in ((3, *shown), (8, *reversed(shown))):
        at = {"alpha": cells.nth(index).get_attribute("data-alpha")}
        expected = small(http.post("/infer", files={"image": sample}, data=form | at).content)
        assert difference(mine, expected) < difference(other, expected) / 3


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


def test_fine_control_goes_on_from_what_was_chosen_for_it(page):
    visit(page, "#model=denoise-photos&photo=rocket-noisy")
    page.get_by_role("switch", name="Fine control").check()
    numbers = page.locator("#axes input[type=number]")
    numbers.nth(1).fill("-1")
    numbers.nth(1).press("Tab")
    ready(page)
    page.locator(".auto").first.click()
    until(page, lambda: numbers.nth(0).input_value() == numbers.nth(1).input_value(), "nothing was chosen")
    chosen = alpha(page)
    page.locator("#axes input[type=range]").first.press("Shift+ArrowRight")

    def sent() -> list[float]:
        """By the address, which is a little behind, and says auto for a while."""
        found = re.search(r"a\.strength=([-_.\d]+)", page.url)
        return [float(each) for each in found[1].split("_")] if found else []

    until(page, lambda: len(sent()) == 4 and sent()[0] > chosen, "the first point stays")
    assert sent()[1:] == pytest.approx([chosen] * 3, abs=0.005)


def test_a_model_that_was_left_with_fine_control_comes_back_as_its_slider_says(page, sower):
    visit(page, "#model=great-wave&photo=chelsea&a.strength=-1_1_-1_1")
    page.locator(f".models input[value={sower['id']}]").check()
    ready(page)
    page.get_by_role("switch", name="Fine control").uncheck()
    page.locator(".models input[value=great-wave]").check()
    until(page, lambda: f"great-wave&photo=chelsea&a.strength={alpha(page):g}" in page.url, "it is shown at another α")


@pytest.mark.parametrize("typed", ["-0,5", "-0.5"])
def test_a_number_has_a_point_or_a_comma(page, typed):
    visit(page, "#model=starry-night&photo=coffee")
    number = page.locator("#axes input[type=number]").first
    number.press("Control+a")
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    assert alpha(page) == -0.5


@pytest.mark.parametrize(
    ("begun", "at", "moved"),
    [
        pytest.param("#axes [type=range]", (60, 20), "#axes [type=range]", id="slider"),
        pytest.param("#picture", (60, 200), "#split", id="divider"),
    ],
)
def test_a_finger_that_scrolls_the_page_leaves_what_it_began_on(browser, server, begun, at, moved):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = browser.new_context(base_url=server, reduced_motion="reduce", **phone).new_page()
    visit(page, "#model=starry-night&photo=coffee")
    if moved == "#split":
        page.locator("#compare").click()
    control, box = page.locator(moved).first, page.locator(begun).first.bounding_box()
    screen, before = page.context.new_cdp_session(page), control.input_value()

    def touch(kind: str, *up: float) -> None:
        points = [{"x": box["x"] + at[0], "y": box["y"] + at[1] - each} for each in up]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0)
    until(page, lambda: control.input_value() != before, "it does not follow a finger")
    for step in range(12):
        touch("touchMove", 15 * step)
    touch("touchEnd")
    until(page, lambda: page.evaluate("scrollY") > 50, "nothing was scrolled")
    until(page, lambda: control.input_value() == before, "it stays where the finger was")
    page.context.close()


def test_the_picture_stays_in_view_of_every_slider(browser, server):
    for width, height in ((390, 664), (844, 390)):
        page = browser.new_context(base_url=server, viewport={"width": width, "height": height}).new_page()
        visit(page, "#model=starry-night&photo=coffee")
        page.locator("#axes [type=range]").last.scroll_into_view_if_needed()
        box = page.locator("#stage").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] < height
        page.context.close()


@pytest.mark.long
def test_one_axis_after_the_other_is_left_to_the_server(page: Page) -> None:
    visit(page, "#model=the-scream&photo=coffee")
    for axis in ("Strength", "Towards the Great Wave"):
        page.get_by_role("button", name=f"Choose for me: {axis}").click()
    ready(page)
    assert not page.locator("#status.failed").count()
    until(page, lambda: "auto" not in page.url, "nothing was found")
    page.locator("#fine").check()
    until(
        page,
        lambda: all(page.locator("#axes [type=number]").evaluate_all("all => all.map(({value}) => value)")),
        "empty",
    )


@pytest.mark.long
def test_strips_follow_the_other_sliders(page):
    visit(page, "#model=the-scream&photo=coffee")
    before = strip_of(page)
    page.locator("#axes input[type=range]").nth(1).fill("1")
    until(page, lambda: difference(strip_of(page)[0], before[0]) > 5, "they show what was")


@pytest.mark.long
def test_strokes_are_as_broad_as_was_chosen(page, models):
    model = model_that_takes(models, "detail")
    before = visit(page, f"#model={model['id']}")
    page.get_by_text("Broad", exact=True).click()
    broad = changed(page, before)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save", exact=True).click()
    file = small(saved.value.path().read_bytes())
    assert difference(file, broad) < difference(file, before)
    page.reload()
    assert difference(changed(page, []), broad) < 1
    expect(page.get_by_role("radio", name="Broad")).to_be_checked()


@pytest.mark.long
def test_previews_are_marked_until_the_exact_picture_is_there(page):
    before = visit(page)
    page.evaluate(DROP, ["drop", list(jpeg(1024, 1024))])
    changed(page, before)
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = False
    deadline = time.monotonic() + PATIENCE
    while not seen and time.monotonic() < deadline:
        for share in (0.3, 0.4, 0.6, 0.7):
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
            page.wait_for_timeout(15)
            seen = seen or page.locator("#preview").is_visible()
    page.mouse.up()
    assert seen
    expect(page.locator("#preview")).to_be_hidden()
    ready(page)
