"""A picture along an axis, from the server and from the command line."""

import asyncio
import io
import json
from itertools import pairwise

import httpx
import numpy as np
import pytest
from conftest import DEVICE
from PIL import Image, ImageSequence
from test_cli import run
from test_http import assert_problem

from dynamicnet import Inputs, Model, package
from dynamicnet.sweep import FORMATS, Sweep, plan
from server.engine.engine import Engine
from server.operations.metrics import Metrics
from server.settings import STATIC, Settings

SIDE = 96
SAMPLES = "coffee", "chelsea"


def swept(http, photo, **fields) -> httpx.Response:
    reply = http.post("/sweep", files={"image": photo.read_bytes()}, data={"max_side": SIDE} | fields)
    assert reply.status_code == 200, reply.text
    return reply


def frames(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data)) as opened:
        return [np.asarray(frame.convert("RGB"), np.int16) for frame in ImageSequence.Iterator(opened)]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def rendered(model: dict, photo, *alphas: float) -> list[np.ndarray]:
    """What the library makes of the photograph along the first axis."""
    loaded = Model.load(Settings().weights / model["id"], DEVICE)
    prepared = loaded.prepare(loaded.encode(Inputs(image=photo.read_bytes(), max_side=SIDE)))
    others = {axis["id"]: axis["default"] for axis in model["axes"]}
    return [np.asarray(loaded.render(prepared, others | {model["axes"][0]["id"]: alpha}), np.int16) for alpha in alphas]


def evenly(model: dict, count: int) -> list[float]:
    """α of the first axis at equally spaced positions."""
    knots = model["axes"][0]["even"] or model["axes"][0]["range"]
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(knots)), knots).tolist()


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_an_animation_goes_from_end_to_end_and_back(http, models, photo, kind):
    reply = swept(http, photo, format=kind, frames=5, quality=95)
    assert reply.headers["content-type"] == f"image/{kind}"
    shown = frames(reply.content)
    wanted = rendered(models[0], photo, *evenly(models[0], 5))
    assert len(shown) == 8
    for frame, there in zip(shown, [*wanted, *wanted[-2:0:-1]], strict=True):
        assert apart(frame, there) < 8
        assert apart(frame, there) == min(apart(frame, each) for each in wanted)
    with Image.open(io.BytesIO(reply.content)) as opened:
        opened.load()
        assert opened.info["loop"] == 0
        assert opened.info["duration"] == 500


@pytest.mark.parametrize(("kind", "flicker"), [("webp", 2.0), ("gif", 0.0)])
def test_an_animation_moves_in_even_steps_and_what_stands_still_does_not_flicker(kind, flicker):
    ends = [Image.open(STATIC / "samples" / f"{name}.jpg").convert("RGB").resize((240, 160)) for name in SAMPLES]
    fading = [Image.blend(*ends, i / 59) for i in range(60)]  # by a level or two a step
    for frame in fading:
        frame.paste(ends[0].crop((0, 0, 80, 160)))
    file = Sweep([{}] * 60, [""] * 60, kind, 90).write(fading)
    shown = frames(file)
    assert len(shown) == 118
    assert all(np.array_equal(*pair) for pair in zip(shown[1:59], shown[:59:-1], strict=True))
    still, moving = (
        np.array([apart(a[:, part], b[:, part]) for a, b in pairwise(shown)]) for part in (slice(0, 72), slice(88, 240))
    )
    assert still.max() <= flicker
    assert moving.max() < 1.5 * np.median(moving)
    with Image.open(io.BytesIO(file)) as opened:
        assert sum(frame.copy().info["duration"] for frame in ImageSequence.Iterator(opened)) == 4000


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_contact_sheet_has_every_step_with_its_alpha_under_it(http, models, photo, kind):
    reply = swept(http, photo, format=kind, frames=4, quality=95)
    (sheet,) = frames(reply.content)
    wanted = rendered(models[0], photo, *evenly(models[0], 4))
    height, width, _ = wanted[0].shape
    places = [(12 + row * (height + 24), 12 + column * (width + 12)) for row in range(2) for column in range(2)]
    for picture, (top, left) in zip(wanted, places, strict=True):
        assert apart(sheet[top : top + height, left : left + width], picture) < 4
        assert sheet[top + height : top + height + 24, left : left + width].min() < 100
    assert sheet[:8].min() > 250


def test_the_axis_that_is_named_moves_and_the_others_stay(http, models, photo):
    model = max(models, key=lambda model: len(model["axes"]))
    if len(model["axes"]) < 2:
        pytest.skip("no model with two axes")
    first, second = model["axes"][:2]
    alpha = json.dumps({first["id"]: first["range"][1]})
    shown = frames(
        swept(http, photo, model=model["id"], axis=second["id"], frames=2, alpha=alpha, format="gif").content
    )
    for frame, value in zip(shown, second["range"], strict=True):
        fields = {"model": model["id"], "max_side": SIDE, "format": "png"}
        fields["alpha"] = json.dumps({first["id"]: first["range"][1], second["id"]: value})
        picture = http.post("/infer", files={"image": photo.read_bytes()}, data=fields).content
        assert apart(frame, frames(picture)[0]) < 8


def test_a_picture_is_prepared_once_for_all_steps(http, photo):
    timings = swept(http, photo, frames=6, max_side=SIDE + 1).headers["server-timing"]
    assert [part.split(";")[0] for part in timings.split(", ")] == ["decode", "prepare", "render", "encode"]
    again = swept(http, photo, frames=6, max_side=SIDE + 1).headers["server-timing"]
    assert "prepare;dur=0.0" in again


def test_models_that_make_pictures_are_swept_too(http):
    makers = [model for model in http.get("/models").json()["models"] if "seed" in model["takes"]]
    if not makers:
        pytest.skip("no model takes seeds")
    reply = http.post("/sweep", data={"model": makers[0]["id"], "seed": "1,2,3,4", "frames": 3})
    shown = frames(reply.content)
    assert len(shown) == 4
    assert apart(shown[0], shown[2]) > 1


BAD = {
    "one frame": ({"frames": "1"}, 422, "frames-invalid"),
    "too many frames": ({"frames": "61"}, 422, "frames-invalid"),
    "an axis that is not there": ({"axis": "no-such-axis"}, 422, "alpha-unknown-axis"),
    "an empty axis": ({"axis": ""}, 422, "field-empty"),
    "a format that is none": ({"format": "avi"}, 422, "format-invalid"),
    "alpha out of range": ({"alpha": "7"}, 422, "alpha-out-of-range"),
    "a field of no use": ({"seed": "1"}, 422, "field-not-taken"),
    "a misspelt field": ({"frame": "3"}, 422, "field-unknown"),
    "an unknown model": ({"model": "no-such-model"}, 404, "model-unknown"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_swept_is_refused_with_a_reason(http, photo, case):
    fields, status, code = BAD[case]
    assert_problem(http.post("/sweep", files={"image": photo.read_bytes()}, data=fields), status, code)


def test_frames_that_are_too_much_to_hold_are_refused_with_what_would_do(models, photo):
    axes = Model.load(Settings().weights / models[0]["id"], DEVICE).manifest.axes
    sweep = plan(axes, 0.0, None, 60, "webp", 80)
    with pytest.raises(Exception, match="max_side 1264") as refused:
        sweep.check_size((1500, 1000))
    assert refused.value.code == "sweep-too-large"
    sweep.check_size((1264, 843))
    with pytest.raises(Exception, match="give max_side 16383, or choose another format") as refused:
        sweep.check_size((16500, 40))
    assert refused.value.code == "picture-too-large"


def test_no_label_is_less_than_nothing(models):
    for model in models:
        axes = package.read_manifest(Settings().weights / model["id"]).axes
        assert not any("-0.00" in plan(axes, 0.0, None, count, "png", 80).labels for count in range(2, 61))


def test_others_have_their_turn_between_two_batches(models, photo):
    async def overtaken() -> bool:
        engine = Engine(DEVICE, 10**9, 10**9, Metrics())
        try:
            model = engine.models[models[0]["id"]] = Model.load(Settings().weights / models[0]["id"], DEVICE)
            inputs = [Inputs(image=photo.read_bytes(), max_side=side) for side in (256, 64)]
            large, small = [await engine.open(model, each, {}) for each in inputs]
            sweep = plan(model.manifest.axes, 0.0, None, 60, "jpeg", 80)
            under_way = asyncio.create_task(engine.sweep(large, sweep, {}))
            while not engine.worker._runner or engine.worker._runner.done():
                await asyncio.sleep(0)
            await engine.render(small, 0.0, {})
            ended = under_way.done()
            await under_way
            return not ended
        finally:
            engine.close()

    assert asyncio.run(overtaken())


def test_the_command_line_takes_the_same_road(http, models, photo, tmp_path):
    for suffix, kind in (("webp", "webp"), ("JPG", "jpeg")):
        out = tmp_path / f"out.{suffix}"
        done = run("sweep", str(photo), "--frames", "3", "--max-side", str(SIDE), "--quality", "100", "-o", str(out))
        assert done.returncode == 0, done.stderr
        ours, theirs = frames(out.read_bytes()), frames(swept(http, photo, frames=3, format=kind, quality=100).content)
        assert max(map(apart, ours, theirs)) < 1
    assert len(ours) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--frames", "1"], "frames goes from 2 to 60"),
        (["--axis", "no-such-axis"], "There is no axis"),
        (["--quality", "0"], "quality goes from 1 to 100"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments, sentence, photo, tmp_path):
    done = run("sweep", str(photo), "-o", str(tmp_path / "out.webp"), *arguments)
    assert done.returncode == 1
    assert sentence in " ".join(done.stderr.split())


def test_a_suffix_that_is_no_format_is_refused(photo, tmp_path):
    done = run("sweep", str(photo), "-o", str(tmp_path / "out.mp4"))
    assert done.returncode == 1
    assert all(name in done.stderr for name in FORMATS)


def test_quality_makes_a_difference(http, photo):
    low, high = (swept(http, photo, frames=3, quality=quality).content for quality in (10, 95))
    assert len(low) < len(high)
