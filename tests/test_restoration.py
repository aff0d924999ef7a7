"""Restoration: a photograph comes back at its size, through everything that serves the other applications."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import DEVICE, running_server
from PIL import Image
from test_cli import run
from test_http import infer, opened, pixels, rendered, saved

from dynamicnet import DynamicNetError, Inputs, Model, package
from dynamicnet.applications.restoration.auto import FINE, cost_at, guess_costs
from dynamicnet.applications.restoration.measure import levels_of
from dynamicnet.applications.restoration.objective import smoothing_error
from dynamicnet.applications.restoration.patches import uncommon
from dynamicnet.client import Session
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.networks import ShallowUNet
from dynamicnet.package import Manifest, NetworkSpec, Phase, Training
from server.settings import STATIC

STRENGTH = AxisSpec(
    id="strength",
    title="Strength",
    ends=("light", "heavy"),
    range=(-1.0, 1.0),
    default=0.0,
    blocks=ShallowUNet.default_points,
    guess=True,
)
CRISP = AxisSpec(id="crisp", title="Grain", ends=("faithful", "crisp"), default=0.0, blocks=("up", "fine"))

PHASE = Phase(
    axis=None,
    bank=None,
    objective={"noise": "camera", "levels": (50.0, 50.0)},
    **dict.fromkeys(("steps", "batch", "crop", "seed", "pictures", "skipped"), 0),
    learning_rate=0.0,
    seconds=0.0,
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one untrained model, all of whose parts do something."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    size = {"channels": 16, "half_channels": 8}
    net = DynamicNet(ShallowUNet(**size), [STRENGTH, CRISP])
    for axis in net.specs:
        for bank in net.axes[axis.id].banks.values():
            for block in bank.values():
                torch.nn.init.normal_(block.convs[-1].weight, std=0.2)
    torch.nn.init.normal_(net.guesses["strength"].share[-2].weight, std=1)
    manifest = Manifest(
        title="Less noise",
        application="restoration",
        network=NetworkSpec(name="unet", params=size),
        axes=net.specs,
        training=Training(commands=[], data="", phases=[PHASE]),
        licence="Apache-2.0",
    )
    package.write(folder / "less-noise", manifest, net)
    return folder


@pytest.fixture(scope="module")
def model(weights) -> Model:
    return Model.load(weights / "less-noise", DEVICE)


@pytest.fixture(scope="module")
def served(weights, tmp_path_factory) -> Iterator[httpx.Client]:
    with (
        running_server(tmp_path_factory.mktemp("server"), weights=weights) as running,
        httpx.Client(base_url=running.url, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def small(photo) -> Image.Image:
    """A photograph whose sides are no multiple of anything, so that padding shows."""
    return Image.open(photo).resize((101, 67))


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one - other).max())


def by_library(model: Model, image: bytes, alpha: object) -> np.ndarray:
    picture = model.render(model.prepare(model.encode(Inputs(image=image))), alpha)
    return np.asarray(picture.convert("RGB"), np.int16)


@pytest.fixture
def small_tiles(monkeypatch) -> None:
    """Eight tiles for the photograph, where its size would be one."""
    monkeypatch.setattr("dynamicnet.model.WHOLE", 256**2)
    monkeypatch.setattr("dynamicnet.model.SIDE", 256)


def test_it_is_listed_with_what_it_takes(served):
    (listed,) = served.get("/models").json()["models"]
    assert (listed["application"], listed["takes"]) == ("restoration", ["image", "where", "max_side"])
    assert [axis["id"] for axis in listed["axes"]] == ["strength", "crisp"]
    assert opened(served.get(listed["thumbnail"]).content).format == "JPEG"
    assert served.get("/").status_code == 200


def test_a_photograph_comes_back_at_its_size_as_the_library_renders_it(served, model, small):
    shown = {}
    for alpha in ({"strength": -1.0}, {"strength": 0.0}, {"strength": 0.7, "crisp": 0.5}):
        text = str(alpha).replace("'", '"')
        shown[text] = pixels(rendered(served, saved(small), alpha=text))
        assert shown[text].shape == (67, 101, 3)
        assert apart(shown[text], by_library(model, saved(small), alpha)) <= 1
    low, middle, high = shown.values()
    assert apart(low, middle) > 5
    assert apart(high, middle) > 5


def test_transparency_is_kept(served, small):
    opacity = Image.linear_gradient("L").resize(small.size)
    see_through = small.copy()
    see_through.putalpha(opacity)
    picture = opened(rendered(served, saved(see_through), alpha="0.5"))
    assert picture.mode == "RGBA"
    assert picture.getchannel("A").tobytes() == opacity.tobytes()
    opaque = pixels(rendered(served, saved(small), alpha="0.5"))
    seen = np.asarray(opacity) > 60  # of which no colour of a background is a part
    assert np.abs(np.asarray(picture, np.int16)[..., :3] - opaque)[seen].mean() < 0.5


def test_a_grey_photograph_stays_grey(served, small):
    grey = small.convert("L")
    for file in (saved(grey), saved(grey.convert("RGB"), "JPEG")):
        shown = pixels(rendered(served, file, alpha="0.5"))
        assert np.ptp(shown, axis=2).max() == 0
    assert np.ptp(pixels(rendered(served, saved(small), alpha="0.5")), axis=2).max() > 0


def test_a_tone_and_a_stamp_on_grey_are_colours(model):
    grey = Image.linear_gradient("L")
    toned = Image.merge("RGB", (grey, grey, grey.point(lambda level: max(0, level - 4))))
    stamped = grey.convert("RGB")
    stamped.paste((230, 20, 20), (100, 100, 104, 104))
    for picture, is_grey in ((grey, True), (toned, False), (stamped, False)):
        for file in (saved(picture), saved(picture, "WEBP", quality=90), saved(picture, "JPEG", quality=90)):
            assert model.encode(Inputs(image=file)).context.is_grey is is_grey


def test_noise_is_taken_out_where_it_is_said_to(served, photo):
    where = Image.new("L", (200, 100))
    where.paste(255, (0, 0, 100, 100))  # the left half; of any size
    files = {"image": photo.read_bytes(), "where": saved(where)}
    half = pixels(served.post("/infer", files=files, data={"alpha": "1"}).content)
    full, none = pixels(rendered(served, photo.read_bytes(), alpha="1")), pixels(photo.read_bytes())
    assert apart(half[:, :135], full[:, :135]) <= 1
    assert apart(half[:, 315:], none[:, 315:]) == 0
    assert apart(full[:, 315:], none[:, 315:]) > 5


def test_what_it_has_no_use_for_is_said(served, small):
    reply = infer(served, saved(small), detail="640")
    assert (reply.status_code, reply.json()["code"]) == (422, "field-not-taken")


@pytest.mark.parametrize(("axis", "ends"), [("strength", (-1.0, 1.0)), ("crisp", (0.0, 1.0))])
def test_a_sweep_goes_along_either_axis(served, model, small, axis, ends):
    form = {"axis": axis, "frames": "3", "format": "png"}
    reply = served.post("/sweep", files={"image": saved(small)}, data=form)
    assert reply.status_code == 200, reply.text
    sheet = pixels(reply.content)
    for top, alpha in zip((12, 12 + 67 + 24), ends, strict=True):  # the first and the third, of two columns
        shown = sheet[top : top + 67, 12 : 12 + 101]
        assert apart(shown, by_library(model, saved(small), {axis: alpha})) <= 1


def test_a_session_shows_what_a_request_is_given(served, small):
    with Session(str(served.base_url)) as client:
        ready = client.open(saved(small), format="png")
        assert (ready["width"], ready["height"]) == (101, 67)
        header, picture = client.render({"strength": 0.4, "crisp": 0.5})
        assert header["alpha"] == {"strength": 0.4, "crisp": 0.5}
        wanted = rendered(served, saved(small), alpha='{"strength": 0.4, "crisp": 0.5}')
        assert apart(pixels(picture), pixels(wanted)) <= 1


def test_the_command_line_takes_the_same_road(weights, model, small, tmp_path):
    photo, out, sheet = tmp_path / "photo.png", tmp_path / "out.png", tmp_path / "sheet.png"
    photo.write_bytes(saved(small))
    common = ("--weights", str(weights), "--device", DEVICE)
    result = run("infer", str(photo), "--alpha", "-0.5", *common, "-o", str(out))
    assert result.returncode == 0, result.stderr
    assert apart(pixels(out.read_bytes()), by_library(model, saved(small), -0.5)) <= 1
    result = run("sweep", str(photo), "--frames", "3", *common, "-o", str(sheet))
    assert result.returncode == 0, result.stderr
    assert opened(sheet.read_bytes()).width > 101


def test_what_comes_out_depends_on_no_more_than_the_reach(model):
    inputs, reach = torch.rand(1, 3, 240, 260), model.net.reach
    inputs[..., 130, 141] = 0.5
    changed = inputs.clone()
    changed[..., 130, 141] = 9.0
    with torch.inference_mode():
        one, other = (model.net(each.to(model.device), {"strength": 1.0, "crisp": 1.0}) for each in (inputs, changed))
    rows, columns = (one != other).any(1)[0].cpu().nonzero(as_tuple=True)
    assert reach - 4 <= max((rows - 130).abs().max(), (columns - 141).abs().max()) <= reach


@pytest.mark.parametrize("size", [(451, 300), (600, 257), (255, 258)])
@pytest.mark.parametrize("alpha", [0.0, -1.0, {"strength": 0.6, "crisp": 0.5}, "a map"])
def test_tiles_are_parts_of_the_whole(model, photo, request, size, alpha):
    picture = saved(Image.open(photo).resize(size))
    if alpha == "a map":
        width, height = size
        alpha = torch.linspace(-1, 1, height)[:, None] * torch.linspace(1, -1, width)
        alpha = alpha.view(1, 1, height, width)
    whole = by_library(model, picture, alpha)
    request.getfixturevalue("small_tiles")
    encoded = model.encode(Inputs(image=picture))
    prepared = model.prepare(encoded)
    assert prepared.prepared is None
    in_tiles = np.asarray(model.render(prepared, alpha), np.int16)
    assert in_tiles.shape == whole.shape
    assert apart(in_tiles, whole) <= 1


def test_a_map_and_a_bad_alpha_mean_the_same_of_tiles(model, photo, request):
    inputs = Inputs(image=photo.read_bytes(), where=saved(Image.linear_gradient("L")))
    whole = np.asarray(model.render(model.prepare(model.encode(inputs)), 1.0), np.int16)
    request.getfixturevalue("small_tiles")
    prepared = model.prepare(model.encode(inputs))
    assert apart(np.asarray(model.render(prepared, 1.0), np.int16), whole) <= 1
    with pytest.raises(DynamicNetError, match="out of range"):
        model.render(prepared, 2.0)


def test_auto_is_read_off_the_picture_everywhere_alike(weights, model, served, photo, tmp_path, request):
    grainy = tmp_path / "grainy.png"
    with Image.open(photo) as picture:
        pixels_of = np.asarray(picture, np.float32)
    noise = np.random.default_rng(0).normal(0, 40, pixels_of.shape)
    Image.fromarray((pixels_of + noise).clip(0, 255).astype(np.uint8)).save(grainy)
    found = []
    for file in (photo, grainy):
        inputs = Inputs(image=file.read_bytes())
        reply = infer(served, inputs.image, alpha="auto")
        assert reply.status_code == 200, reply.text
        found.append(json.loads(reply.headers["X-Dynamic-Net-Alpha"])["strength"])
        assert found[-1] == pytest.approx(model.guess(model.encode(inputs), STRENGTH), abs=0.002)
        assert reply.content == infer(served, inputs.image, alpha=str(found[-1])).content
    assert abs(found[0] - found[1]) > 0.003
    with Session(str(served.base_url)) as client:
        client.open(grainy.read_bytes(), format="png")
        assert client.render("auto").header["alpha"] == {"strength": found[1], "crisp": 0.0}
    out = tmp_path / "out.png"
    said = run("infer", str(grainy), "--alpha", "auto", "--weights", str(weights), "--device", DEVICE, "-o", str(out))
    assert said.returncode == 0, said.stderr
    assert apart(pixels(out.read_bytes()), pixels(infer(served, grainy.read_bytes(), alpha=str(found[1])).content)) <= 1
    request.getfixturevalue("small_tiles")
    prepared = model.prepare(model.encode(Inputs(image=grainy.read_bytes())))
    assert prepared.prepared is None
    assert model.guess(prepared.encoded, STRENGTH) == pytest.approx(found[1], abs=0.02)  # read off its middle


def test_a_guess_is_trained_and_nothing_else(weights, tmp_path):
    folder = tmp_path / "less-noise"
    shutil.copytree(weights / "less-noise", folder)
    said = run(
        *("train", "restoration-auto", str(folder), "--images", str(STATIC / "samples"), "--scale", "288"),
        *("--count", "32", "--rendered", "32", "--steps", "12", "--device", "cpu"),
    )
    assert said.returncode == 0, said.stderr
    before, after = (package.load(each).net for each in (weights / "less-noise", folder))
    learned = {
        name for name, tensor in before.state_dict().items() if not torch.equal(tensor, after.state_dict()[name])
    }
    assert learned == {name for name in before.state_dict() if name.startswith("guesses")}


@pytest.mark.parametrize("place", [0.0, 0.33, 0.5, 1.0])
def test_the_cost_of_a_strength_is_read_between_those_that_were_rendered(place):
    curves = (torch.linspace(0, 1, FINE) - 0.5).square()[None]
    assert float(cost_at(curves, torch.tensor([place]))) == pytest.approx((place - 0.5) ** 2, abs=1e-3)


def test_what_may_be_smoothed_may_not_change_its_colours_nor_get_a_lattice(photo):
    with Image.open(photo) as opened:
        clean = torch.from_numpy(np.array(opened.crop((150, 50, 230, 130)))).permute(2, 0, 1)[None] / 255
    lattice = torch.tensor([[0.01, -0.01], [-0.01, 0.01]]).repeat(40, 40)
    smoothed = F.avg_pool2d(clean, 5, 1, 2, count_include_pad=False)
    kept, lighter, patterned = (
        float(smoothing_error(each, clean)) for each in (smoothed, clean + 0.02, smoothed + lattice)
    )
    assert kept < min(lighter, patterned) - 0.3


def test_patches_have_colours_that_photographs_lack():
    grey = 0.5 + 0.1 * torch.rand(96, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    means = uncommon(grey, Random(0)).mean((2, 3))
    apart = means.amax(1) - means.amin(1)
    assert 8 < int((apart > 0.5).sum()) < 32
    assert int((apart < 0.05).sum()) > 48


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 1.0])
def test_what_has_no_noise_keeps_its_colours_whatever_is_asked_for(alpha, photo):
    net = package.load(STATIC.parent / "weights" / "denoise-photos").net
    colours = torch.cartesian_prod(*[torch.tensor([0.0, 0.5, 1.0])] * 3)  # most of which photographs lack
    flat = colours[:, :, None, None].expand(-1, -1, 64, 64)
    with Image.open(photo) as opened:
        clean = torch.from_numpy(np.array(opened.crop((0, 0, 448, 288)))).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        shown = net(flat, {"strength": alpha}).clamp(0, 1)[..., 16:48, 16:48].mean((2, 3))
        changed = F.avg_pool2d(net(clean, {"strength": alpha}).clamp(0, 1) - clean, 32)
    assert float((shown - colours).abs().max()) * 255 < 2
    assert float(changed.abs().max()) * 255 < 2


@pytest.mark.parametrize("heavy", [False, True])
def test_what_a_guess_costs_is_measured(heavy, photo):
    loaded = package.load(STATIC.parent / "weights" / "denoise-photos")
    net = loaded.net
    last = net.guesses["strength"].share[-2]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, 50 if heavy else -50)  # it guesses one end of the axis, whatever it is shown
    with Image.open(photo) as opened:
        clean = torch.from_numpy(np.array(opened.crop((150, 50, 262, 162)))).permute(2, 0, 1)[None] / 255
    for costs in guess_costs(net, net.specs[0], levels_of(loaded.manifest), "camera", [clean]).values():
        assert (costs["60"] < 1) is heavy
        assert (costs["5"] < 1) is not heavy
