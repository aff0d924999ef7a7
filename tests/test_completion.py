"""Image completion: holes are filled, known pixels stay, and everything that can be wrong with a mask is answered."""

import io
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import Result
from conftest import write_encoder
from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageOps
from rich.console import Console
from safetensors.torch import load_file
from typer.testing import CliRunner

from dynamicnet import DynamicNetError, Inputs, Model, package, pictures
from dynamicnet.applications.completion import exemplar, masks, seams
from dynamicnet.applications.completion.evaluate import energy, holes_of, steps
from dynamicnet.applications.completion.maskfolder import MaskFolder
from dynamicnet.applications.completion.objective import (
    CompletionSpec,
    both,
    compared,
    energy_gap,
    layers_of,
    likeness,
    log_error,
    squared_error,
)
from dynamicnet.cli import app
from dynamicnet.evaluation.task import Task
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.method.pieces import finish
from dynamicnet.networks import DilatedNetwork
from dynamicnet.networks.membrane import fill
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.package import Manifest, NetworkSpec, Training

SAMPLES = Path(__file__).parent.parent / "static" / "samples"

pytestmark = pytest.mark.usefixtures("of_few")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained model, all of whose parts do something."""
    folder = tmp_path_factory.mktemp("weights") / "mend"
    torch.manual_seed(0)
    spec = AxisSpec(id="sharpness", title="Sharpness", ends=("smooth", "sharp"), blocks=DilatedNetwork.default_points)
    net = DynamicNet(DilatedNetwork(), [spec])
    for point in spec.blocks:
        torch.nn.init.normal_(net.axes["sharpness"].block("high", point).convs[-1].weight, std=0.02)
    manifest = Manifest(
        title="Mend",
        application="completion",
        network=NetworkSpec(name="dilated"),
        axes=[spec],
        training=Training(commands=[], data=""),
        licence="Apache-2.0",
    )
    package.write(folder, manifest, net)
    return Model.load(folder, "cpu")


def photo(width: int, height: int) -> Image.Image:
    return Image.open(SAMPLES / "chelsea.jpg").convert("RGB").resize((width, height))


def disc(width: int, height: int, radius: int, at: tuple[float, float] = (0.5, 0.5)) -> Image.Image:
    rows, columns = np.ogrid[:height, :width]
    inside = (rows - at[1] * height) ** 2 + (columns - at[0] * width) ** 2 < radius**2
    return Image.fromarray((inside * 255).astype(np.uint8))


def file(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def filled(model: Model, inputs: Inputs, alpha: float = 0.5) -> np.ndarray:
    return np.asarray(model.render(model.prepare(model.encode(inputs)), alpha)).astype(int)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(
    ("width", "height", "radius", "at"),
    [
        (128, 128, 30, (0.5, 0.5)),
        (33, 32, 5, (0.0, 0.0)),  # as small as pictures get, in a corner
        (517, 301, 12, (0.99, 0.5)),  # at the edge
        (900, 700, 200, (0.4, 0.6)),  # far larger than what the network is shown
        (40, 800, 19, (0.5, 0.9)),
    ],
)
def test_known_pixels_come_back_bit_for_bit(model, width, height, radius, at, alpha) -> None:
    picture, mask = photo(width, height), disc(width, height, radius, at)
    result = filled(model, Inputs(image=file(picture), mask=file(mask)), alpha)
    hole = np.asarray(mask) >= 128
    assert result.shape == (height, width, 3)
    assert (result[~hole] == np.asarray(picture)[~hole]).all()
    assert (result[hole] != np.asarray(picture)[hole]).mean() > 0.9


def test_what_lies_in_the_hole_is_never_looked_at(model) -> None:
    picture, mask = photo(200, 160), disc(200, 160, 30)
    painted = picture.copy()
    painted.paste((255, 0, 255), mask=mask)
    assert (
        filled(model, Inputs(image=file(picture), mask=file(mask)))
        == filled(model, Inputs(image=file(painted), mask=file(mask)))
    ).all()


def test_a_transparent_part_is_a_hole_whatever_its_colour(model) -> None:
    picture, mask = photo(200, 160), disc(200, 160, 30)
    opacity = mask.point(lambda v: 255 - v)
    by_mask = filled(model, Inputs(image=file(picture), mask=file(mask)))
    for colour in ((255, 0, 255), (0, 0, 0)):
        cut = picture.copy()
        cut.paste(colour, mask=mask)
        cut.putalpha(opacity)
        assert (filled(model, Inputs(image=file(cut))) == by_mask).all()


def test_opacity_below_half_is_a_hole_and_above_keeps_its_colour(model) -> None:
    picture = photo(64, 64).convert("RGBA")
    opacity = Image.new("L", (64, 64), 128)
    opacity.paste(127, (20, 20, 40, 40))
    picture.putalpha(opacity)
    encoded = model.encode(Inputs(image=file(picture)))
    assert encoded.batch[0, 3].sum() == 20 * 20
    result = filled(model, Inputs(image=file(picture)))
    inside = (slice(20, 40), slice(20, 40))
    assert (result[inside][..., 3] == 255).all(), "what was filled is opaque"
    result[inside] = np.asarray(picture)[inside]
    assert (result == np.asarray(picture)).all(), "colours and opacity of what is known stay"


def erased(picture: Image.Image, hole: Image.Image) -> Image.Image:
    cut = picture.convert("RGBA")
    cut.paste((0, 0, 0, 0), mask=hole)
    return cut


@pytest.mark.parametrize(
    "made",
    [
        lambda picture, hole: hole.convert("RGB"),
        lambda picture, hole: hole.convert("1"),
        lambda picture, hole: hole.point(lambda v: v // 255),  # 0 and 1
        lambda picture, hole: layer("white", hole),
        lambda picture, hole: Image.merge("RGBA", (*picture.split(), hole.point(lambda v: 255 - v))),
        erased,
        lambda picture, hole: erased(picture.point(lambda v: min(255, v + 6)), hole),  # saved as another format before
    ],
)
def test_masks_are_understood_as_people_make_them(model, made) -> None:
    picture, hole = photo(200, 160), disc(200, 160, 30)
    mask = file(made(picture, hole))
    assert (filled(model, Inputs(image=file(picture), mask=mask)) == removed(model, picture, hole)).all()


def removed(model: Model, picture: Image.Image, hole: Image.Image, kind: str = "PNG") -> np.ndarray:
    return filled(model, Inputs(image=file(picture, kind), mask=file(hole)))


def with_object(hole: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """A red disc that ends where a hole does, in an evening sky; and the sky alone."""
    rows = np.linspace(90, 170, hole.height)[:, None, None] * np.array([0.7, 0.85, 1.0])
    sky = np.broadcast_to(rows, (hole.height, hole.width, 3)).round().astype(np.uint8)
    picture = Image.fromarray(sky)
    picture.paste((230, 20, 30), mask=hole)
    return picture, sky.astype(int)


@pytest.fixture(scope="module")
def smooth(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One that adds nothing to the smooth filling."""
    net = DynamicNet(DilatedNetwork(), model.manifest.axes)
    torch.nn.init.zeros_(net.network.stages["paint"].weight)
    folder = tmp_path_factory.mktemp("weights") / "smooth"
    package.write(folder, model.manifest, net)
    return Model.load(folder, "cpu")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("feather", [0, 0.8, 4])
def test_an_object_is_gone_whatever_the_edge_of_its_mask(smooth, kind, feather) -> None:
    hole = disc(300, 240, 40)
    picture, sky = with_object(hole)
    apart = np.abs(removed(smooth, picture, hole.filter(ImageFilter.GaussianBlur(feather)), kind) - sky)
    at = np.asarray(hole.filter(ImageFilter.MaxFilter(11))) > 0
    assert apart[at].mean() < 3


def test_what_a_mask_does_not_touch_stays_but_for_pixels_beside_it_in_lossy_files(model) -> None:
    picture, hole = photo(300, 240), disc(300, 240, 40)
    around = np.asarray(hole.filter(ImageFilter.MaxFilter(7))) > 0
    with Image.open(io.BytesIO(file(picture, "JPEG"))) as decoded:
        read = np.asarray(decoded.convert("RGB")).astype(int)
    result = removed(model, picture, hole, "JPEG")
    assert (result[~around] == read[~around]).all()
    assert (result[around] != read[around]).any(1).mean() > 0.9


def test_a_grey_photograph_stays_grey(model) -> None:
    grey, hole = photo(300, 240).convert("L"), disc(300, 240, 40)
    for picture, kind in ((grey, "PNG"), (grey.convert("RGB"), "JPEG")):
        result = removed(model, picture, hole, kind)[np.asarray(hole) > 0]
        assert (result.max(1) == result.min(1)).all()
    assert np.ptp(removed(model, photo(300, 240), hole)[np.asarray(hole) > 0], 1).max() > 0


def test_what_is_said_of_picture_and_mask_comes_along(model) -> None:
    def film(picture: Image.Image) -> bytes:
        return file(picture, "GIF", save_all=True, append_images=[picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])

    (note,) = model.encode(Inputs(image=film(photo(64, 64)), mask=film(disc(64, 64, 9, (0.4, 0.5))))).notes
    assert "2 frames" in note


def test_alpha_moves_the_hole_and_0_is_the_main_network(model) -> None:
    inputs = Inputs(image=file(photo(128, 128)), mask=file(disc(128, 128, 30)))
    encoded = model.encode(inputs)
    z = encoded.batch
    with torch.inference_mode():
        seen = finish(model.net.network.look(encoded.batch))
        for name in model.net.network.stages:
            z = model.net.network.run(name, z, seen.get(name))
    main = np.asarray(pictures.to_picture(z), np.int16)
    assert np.abs(filled(model, inputs, 0.0) - main).max() <= 1  # a rounding apart
    assert np.abs(filled(model, inputs, 0.0) - filled(model, inputs, 1.0)).max() > 2


def test_max_side_and_exif_go_for_picture_and_mask_alike(model) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture, mask = photo(1001, 667), disc(1001, 667, 80, (0.2, 0.3))
    inputs = Inputs(image=file(picture, "JPEG", exif=exif, quality=95), mask=file(mask, "PNG", exif=exif), max_side=300)
    encoded = model.encode(inputs)
    assert encoded.size == (200, 300)
    rows, columns = np.nonzero(np.asarray(encoded.context.share))
    left, top = encoded.context.box[:2]
    assert ((left + columns.mean()) / 200, (top + rows.mean()) / 300) == pytest.approx((0.7, 0.2), abs=0.01)
    upright = picture.transpose(Image.Transpose.ROTATE_270).resize((200, 300))
    assert np.abs(filled(model, inputs)[150:] - np.asarray(upright).astype(int)[150:]).mean() < 5


@pytest.mark.parametrize("size", [(1001, 667), (999, 667), (1000, 1000)])
@pytest.mark.parametrize("max_side", [128, 333, 500])
def test_a_jpeg_scaled_while_decoding_keeps_the_size_of_its_mask(model, size, max_side) -> None:
    inputs = Inputs(image=file(photo(*size), "JPEG"), mask=file(disc(*size, 60)), max_side=max_side)
    assert max(model.encode(inputs).size) == max_side


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("erased", [False, True])
def test_a_scratch_is_a_hole_however_small_the_picture_is_made(model, width, erased) -> None:
    picture, mask = photo(900, 600), Image.new("L", (900, 600))
    ImageDraw.Draw(mask).line((100, 90, 700, 480), 255, width)
    if erased:
        picture.putalpha(mask.point(lambda level: 255 - level))
    sent = {"image": file(picture)} if erased else {"image": file(picture), "mask": file(mask)}
    for side in (90, 240):
        encoded = model.encode(Inputs(**sent, max_side=side))
        share = np.asarray(encoded.context.share)
        assert encoded.size == (side, side * 2 // 3)
        assert share.max() == 255
        assert (share > 0).any(0).sum() == pytest.approx(side * 2 / 3 + 2, abs=2), "as long as it is"
        assert (share > 0).any(1).sum() == pytest.approx(side * 39 / 90 + 2, abs=2)


def test_a_hole_that_jpeg_leaves_nothing_beside_is_refused(model) -> None:
    lines = Image.new("L", (64, 48))
    for row in range(0, 48, 4):
        ImageDraw.Draw(lines).line((0, row, 63, row), 255)
    inputs = Inputs(image=file(photo(64, 48), "JPEG"), mask=file(lines))
    with pytest.raises(DynamicNetError, match="all of the picture"):
        model.encode(inputs)
    model.encode(replace(inputs, image=PICTURE))


def layer(colour: str, opacity: Image.Image) -> Image.Image:
    painted = Image.new("RGBA", opacity.size, colour)
    painted.putalpha(opacity)
    return painted


PICTURE, HOLE = file(photo(64, 48)), file(disc(64, 48, 9))


@pytest.mark.parametrize(
    ("inputs", "code", "status"),
    [
        (Inputs(image=PICTURE), "mask-missing", 422),
        (Inputs(image=file(photo(64, 48).convert("RGBA"))), "mask-missing", 422),
        (Inputs(image=PICTURE, mask=file(Image.new("L", (64, 48)))), "mask-empty", 422),
        (Inputs(image=PICTURE, mask=file(Image.new("RGBA", (64, 48)))), "mask-empty", 422),
        (Inputs(image=PICTURE, mask=file(Image.new("L", (64, 48), 255))), "mask-full", 422),
        (Inputs(image=PICTURE, mask=file(Image.new("L", (64, 48), 127))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(Image.new("L", (64, 48), 128))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(disc(64, 48, 9).point(lambda v: v // 100))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(disc(64, 48, 9).point(lambda v: 255 - v))), "mask-inverted", 422),
        (Inputs(image=PICTURE, mask=file(photo(64, 48))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(photo(64, 48).convert("L"))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(layer("black", disc(64, 48, 9)))), "mask-unclear", 422),
        (Inputs(image=PICTURE, mask=file(layer("red", disc(64, 48, 9)))), "mask-unclear", 422),
        (Inputs(image=file(Image.new("RGBA", (64, 48)))), "mask-full", 422),
        (Inputs(image=PICTURE, mask=file(disc(64, 49, 9))), "mask-size", 422),
        (Inputs(image=PICTURE, mask=b"not a picture"), "picture-unreadable", 415),
        (Inputs(image=PICTURE, mask=HOLE[:-20]), "picture-unreadable", 422),
        (Inputs(image=PICTURE, mask=b""), "picture-missing", 422),
        (Inputs(mask=HOLE), "picture-missing", 422),
        (Inputs(image=PICTURE, mask=HOLE, seed="1"), "field-not-taken", 422),
    ],
)
def test_what_cannot_be_used_is_said(model, inputs, code, status) -> None:
    with pytest.raises(DynamicNetError) as refused:
        model.encode(inputs)
    assert (refused.value.code, refused.value.status) == (code, status)


def test_what_is_wrong_with_a_mask_is_said_of_the_mask(model) -> None:
    with pytest.raises(DynamicNetError, match="The mask is damaged"):
        model.encode(Inputs(image=PICTURE, mask=HOLE[:-20]))


@pytest.mark.long
def test_only_the_neighbourhood_is_worked_on_and_only_wide_holes_are_scaled(model) -> None:
    picture = file(photo(1200, 900))

    def shown(mask: Image.Image) -> tuple[int, ...]:
        return tuple(model.encode(Inputs(image=picture, mask=file(mask))).batch.shape[2:])

    assert shown(disc(1200, 900, 10)) == (128, 128)
    assert max(shown(disc(1200, 900, 300))) < 256
    strokes = Image.new("L", (1200, 900))
    strokes.paste(255, (300, 440, 700, 452))
    height, width = shown(strokes)
    assert (height, width) == (128, 464)  # long but thin: at full resolution


def test_an_untrained_network_leaves_a_large_hole_without_a_seam(model) -> None:
    """A ramp goes on through a hole that is far larger than what the network is shown."""
    ramp = np.tile(np.linspace(20, 230, 800), (600, 1))
    picture = Image.fromarray(np.stack([ramp] * 3, 2).astype(np.uint8))
    mask = disc(800, 600, 180)
    plain = DynamicNet(DilatedNetwork(), model.manifest.axes)
    torch.nn.init.zeros_(plain.network.stages["paint"].weight)
    encoded = model.encode(Inputs(image=file(picture), mask=file(mask)))
    with torch.inference_mode():
        made = plain.render(plain.prepare(encoded.batch, encoded.full), 0.0)
    result = np.asarray(finish(model.application.decode(made, encoded))).astype(int)
    assert np.abs(result - np.asarray(picture)).max() <= 8


def test_a_thick_hole_has_texture_at_the_resolution_of_the_photograph(model, tmp_path) -> None:
    """Copies are let through as they are, though the network is shown them a third as large."""
    net = DynamicNet(DilatedNetwork(), model.manifest.axes)
    paint = net.network.stages["paint"]
    torch.nn.init.zeros_(paint.weight)
    paint.bias.data = torch.tensor([0.0, 0.0, 0.0, 1.0])  # the gate is open
    package.write(tmp_path / "open", model.manifest, net)
    rows, columns = np.ogrid[:400, :420]
    cloth = np.repeat(((rows + 2 * columns) // 4 % 2 * 120 + 60)[..., None], 3, 2).astype(np.uint8)
    mask = disc(420, 400, 110)
    result = filled(Model.load(tmp_path / "open", "cpu"), Inputs(image=file(Image.fromarray(cloth)), mask=file(mask)))
    hole = np.asarray(mask) > 0
    assert np.abs(result - cloth)[hole].mean() < 20
    across, beside = steps(
        *(torch.tensor(x, dtype=torch.float32) for x in (result.transpose(2, 0, 1)[None], hole[None, None]))
    )
    assert across < 1.1 * beside


def test_what_is_added_begins_at_the_border_without_a_step() -> None:
    """A network that paints a hole in a sky lighter all over changes nothing; one that paints grain keeps it."""
    sky, hole = torch.full((1, 3, 96, 96), 0.5), masks.to_tensor(disc(96, 96, 30))
    network = DilatedNetwork()
    seen = finish(network.look(torch.cat([sky, hole, sky], 1)))["out"]

    def made(painted: torch.Tensor) -> torch.Tensor:
        return network.run("out", torch.cat([painted, torch.zeros(1, 1, 96, 96)], 1), seen)

    assert (made(torch.full_like(sky, 0.1)) - sky).abs().max() < 1e-3
    grain = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) / 10
    within = masks.to_tensor(disc(96, 96, 24))
    assert energy(made(grain + 0.1), within) == pytest.approx(float(energy(grain, within)), rel=0.1)


@pytest.mark.parametrize(("columns", "colour"), [((0, 36), (0.7, 0.1, 0.1)), ((44, 50), (0.35, 0.35, 0.35))])
def test_what_is_copied_beside_something_else_is_not_tinted_with_it(columns, colour) -> None:
    """A wall stays grey beside a red shutter that ends in the hole, and above a pole that is hardly darker."""
    wall, there = torch.full((1, 3, 96, 96), 0.5), torch.arange(96)
    hole, thing = masks.to_tensor(disc(96, 96, 30)), (there >= columns[0]) & (there < columns[1])
    filled = fill(torch.where(thing, torch.tensor(colour)[:, None, None], wall), hole)
    network = DilatedNetwork()
    seen = finish(network.look(torch.cat([filled, hole, wall], 1)))["out"]
    made = network.run("out", torch.cat([torch.zeros_like(wall), torch.ones(1, 1, 96, 96)], 1), seen)
    within = masks.to_tensor(disc(96, 96, 26)).expand(1, 3, -1, -1) > 0
    tinted = (made - wall).abs()[within]
    assert tinted.mean() < 0.03  # the shutter's was 0.12
    assert tinted.max() < 0.04  # 0.14 and 0.06, when what was left out counted as no difference, and the pole as one


def test_holes_of_different_sizes_are_not_rendered_as_one_batch(model) -> None:
    picture = file(photo(900, 600))
    large, larger = (
        model.prepare(model.encode(Inputs(image=picture, mask=file(disc(900, 600, radius))))) for radius in (100, 101)
    )
    assert large.prepared.z.shape == larger.prepared.z.shape
    assert large.shape != larger.shape


def test_a_hole_is_filled_from_its_border_alone() -> None:
    columns = torch.linspace(0, 1, 97).expand(1, 2, 75, 97)
    hole = masks.to_tensor(disc(97, 75, 20))
    result = fill(torch.where(hole > 0, 9.0, columns), hole)
    assert torch.equal(result * (1 - hole), columns * (1 - hole))
    assert (result - columns).abs().max() < 0.05


def test_free_form_holes_take_a_tenth_to_three_tenths_and_follow_from_the_seed() -> None:
    for i in range(30):
        mask = masks.free_form(96, 64, random.Random(i))
        assert 0.1 <= np.mean(np.asarray(mask) >= 128) <= 0.3
        assert set(np.unique(mask)) == {0, 255}
    assert np.mean(np.asarray(masks.centre(128, 128)) >= 128) == 0.25
    assert torch.equal(masks.batch(4, 64, "a"), masks.batch(4, 64, "a"))
    assert not torch.equal(masks.batch(4, 64, "a"), masks.batch(4, 64, "b"))


def test_sharpness_error_and_steps_are_of_the_hole() -> None:
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    hole = masks.to_tensor(masks.centre(64, 64))
    smooth = fill(noise, hole)
    assert energy(smooth, hole) < 0.05 * energy(noise, hole)
    assert energy(torch.where(hole > 0, noise, 0.0), hole) == pytest.approx(float(energy(noise, hole)))
    assert squared_error(torch.where(hole > 0, noise, 0.0), noise, hole) == 0
    flat = torch.full_like(noise, 0.5)
    assert steps(flat, hole) == (0, 0)
    assert steps(torch.where(hole > 0, 0.6, flat), hole) == (pytest.approx(0.1, abs=1e-4), 0)
    across, beside = steps(noise, hole)
    assert across == pytest.approx(float(beside), rel=0.2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"), 8, 12, 16)


def test_texture_prefers_a_sharp_guess_to_a_blur(encoder: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    real, guess = (torch.rand(1, 3, 64, 64, generator=draw) for _ in range(2))
    hole = masks.to_tensor(masks.centre(64, 64))
    look = Encoder(encoder)

    def texture(inside: torch.Tensor) -> torch.Tensor:
        ours, wanted = (look(x, layers_of(look)) for x in (torch.where(hole > 0, inside, real), real))
        return likeness(ours, wanted, hole).texture

    assert texture(real) == 0
    assert texture(guess) < 0.5 * texture(torch.full_like(real, 0.5))


def test_energies_are_alike_where_grain_is_and_apart_where_it_is_blurred() -> None:
    draw = torch.Generator().manual_seed(0)
    real, guess = (torch.rand(1, 3, 64, 64, generator=draw) for _ in range(2))
    hole = masks.to_tensor(masks.centre(64, 64))

    def gap(inside: torch.Tensor) -> float:
        return float(energy_gap(torch.where(hole > 0, inside, real), real, hole))

    assert gap(real) == 0
    assert gap(guess) < 0.1
    assert gap(fill(real, hole)) > 10 * gap(guess)


def test_copies_go_on_with_what_surrounds_the_hole() -> None:
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    stripes = ((rows + columns) // 4 % 2).float().expand(1, 3, -1, -1) * 0.8 + 0.1
    hole = masks.to_tensor(disc(128, 96, 20))
    filled = fill(stripes, hole)
    copied = exemplar.copy(filled, hole)
    assert torch.equal(copied * (1 - hole), stripes * (1 - hole))
    assert squared_error(copied, stripes, hole) < 0.1 * squared_error(filled, stripes, hole)


def test_a_beam_goes_on_through_the_hole() -> None:
    """Over grain that fits as well anywhere, which shifts agree with each other decides."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(160), indexing="ij")
    beam = ((columns - rows - 16).abs() < 14).float()
    real = (0.3 + 0.3 * beam + 0.1 * torch.randn(1, 3, 128, 160, generator=generator)).clamp(0, 1)
    hole = masks.to_tensor(disc(160, 128, 36))
    copied = exemplar.copy(fill(real, hole), hole)
    told = F.avg_pool2d(copied.mean(1, keepdim=True), 9, 1, 4) > 0.45
    inside = hole[0, 0] > 0
    assert (told[0, 0] == (beam > 0))[inside].float().mean() > 0.9


def energy_of(labels: torch.Tensor, costs: torch.Tensor, offers: torch.Tensor) -> torch.Tensor:
    """What a labelling (H, W) costs: see :mod:`seams`."""
    total = costs.gather(0, labels[None]).sum()
    for dim in (0, 1):
        before, after = (labels.narrow(dim, i, labels.shape[dim] - 1) for i in (0, 1))
        for i in (0, 1):  # seen at either place
            colours = offers.narrow(dim + 2, i, before.shape[dim])
            one, other = (colours.gather(1, some.expand(3, 1, -1, -1)) for some in (before, after))
            total = total + (one - other).square().sum(0).sqrt().sum()
    return total


def test_seams_are_where_they_show_least() -> None:
    generator = torch.Generator().manual_seed(0)
    shape, count = (1, 7), 3
    costs, offers = torch.rand(count, *shape, generator=generator), torch.rand(3, count, *shape, generator=generator)
    costs[0, 0, 3] = torch.inf
    found = finish(seams.chosen(costs, offers, torch.ones(shape, dtype=torch.bool))).view(shape)
    every = torch.cartesian_prod(*[torch.arange(count)] * 7).view(-1, *shape)
    least = min(energy_of(labels, costs, offers) for labels in every)
    assert energy_of(found, costs, offers) == pytest.approx(float(least), rel=1e-5)  # along a line beliefs are exact


def test_seams_are_nearly_where_they_show_least_in_an_area() -> None:
    generator = torch.Generator().manual_seed(1)
    shape, count = (3, 4), 3
    costs, offers = torch.rand(count, *shape, generator=generator), torch.rand(3, count, *shape, generator=generator)
    hole = torch.ones(shape, dtype=torch.bool)
    found = finish(seams.chosen(costs, offers, hole)).view(shape)
    every = torch.cartesian_prod(*[torch.arange(count)] * 12).view(-1, *shape)[::7]
    least = min(energy_of(labels, costs, offers) for labels in every[torch.randperm(len(every))[:4000]])
    assert energy_of(found, costs, offers) < 1.02 * least


def test_a_scratch_across_a_wide_picture_is_filled_with_copies() -> None:
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(700), indexing="ij")
    stripes = ((rows + columns) // 4 % 2).float().expand(1, 3, -1, -1) * 0.8 + 0.1
    hole = torch.zeros(1, 1, 48, 700)
    hole[..., 20:28, 5:-5] = 1
    filled = fill(stripes, hole)
    assert squared_error(exemplar.copy(filled, hole), stripes, hole) < 0.6 * squared_error(filled, stripes, hole)


def test_a_long_picture_is_looked_through_in_part_alone(monkeypatch) -> None:
    seen, real = [], exemplar._Level._of_patches

    def noted(level, start, sources):
        seen.append(len(sources))
        return real(level, start, sources)

    monkeypatch.setattr(exemplar._Level, "_of_patches", noted)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(4000), indexing="ij")
    stripes = ((rows + columns) // 4 % 2).float().expand(1, 3, -1, -1) * 0.8 + 0.1
    hole = torch.zeros(1, 1, 32, 4000)
    hole[..., 8:20, 40:60] = hole[..., 8:20, -60:-40] = 1
    filled = fill(stripes, hole)
    assert squared_error(exemplar.copy(filled, hole), stripes, hole) < 0.6 * squared_error(filled, stripes, hole)
    assert max(seen) <= exemplar.SEARCHED < 16 * 2000


def test_copies_are_as_sharp_as_what_they_are_copied_from() -> None:
    noise = torch.rand(1, 3, 128, 160, generator=torch.Generator().manual_seed(0))
    hole = masks.to_tensor(disc(160, 128, 30))
    copied = exemplar.copy(fill(noise, hole), hole)  # where every patch is from another place
    assert energy(copied, hole) > 0.8 * energy(noise, hole)


def test_colours_fade_where_copies_from_different_places_meet() -> None:
    across, down = torch.linspace(0, 0.9, 160), torch.linspace(0, 0.9, 128)[:, None]  # no place is like another
    ramp = torch.stack([across.expand(128, 160), down.expand(128, 160), across * down])[None]
    hole = masks.to_tensor(disc(160, 128, 30))
    copied = exemplar.copy(fill(ramp, hole), hole)
    assert copied.diff(dim=3).abs().max() < 0.12
    assert copied.diff(dim=2).abs().max() < 0.12


def test_where_there_is_nothing_to_copy_the_smooth_filling_stays() -> None:
    picture = torch.rand(1, 3, 32, 48)
    hole = torch.ones(1, 1, 32, 48)
    hole[..., :2] = 0
    filled = fill(picture, hole)
    assert torch.equal(exemplar.copy(filled, hole), filled)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for i in range(4):
        for sample in sorted(SAMPLES.glob("*.jpg")):
            shutil.copy(sample, folder / f"{i}-{sample.name}")
    return folder


def train(images: Path, encoder: Path, out: Path, *more: str) -> None:
    result = CliRunner().invoke(
        app,
        [
            *("train", "completion", "--images", str(images), "--encoder", str(encoder), "--out", str(out)),
            *("--title", "Mend", "--scale", "72", "--side", "64", "--squares", "16"),
            *("--main-steps", "24", "--axis-steps", "24", "--batch", "2", "--texture", "0.2"),
            *("--run", str(out.parent / f"run-{out.name}"), *more),
        ],
    )
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def trained(images: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "mend"
    train(images, encoder, out, "--credit", "Somebody's pictures.")
    return out


def test_the_manifest_says_how_it_was_made(trained: Path) -> None:
    manifest = package.read_manifest(trained)
    main, sharp = manifest.training.phases
    assert (main.axis, main.bank, main.objective["adversarial"], main.objective["scale"]) == (None, None, 0.0, 72)
    assert (sharp.axis, sharp.bank, sharp.objective["texture"]) == ("sharpness", "high", 0.2)
    assert sharp.objective["adversarial"] > 0
    assert "Somebody's pictures." in manifest.description
    assert manifest.axes[0].ends == ("smooth", "sharp")
    assert list((trained.parent / "run-mend").glob("sharpness.high-*.jpg"))


def test_a_run_taken_up_again_gives_the_same_package(trained: Path, images: Path, encoder: Path) -> None:
    whole = (trained / "model.safetensors").read_bytes()
    (trained.parent / "run-mend" / "sharpness.high.safetensors").unlink()  # as if stopped between the phases
    train(images, encoder, trained, "--credit", "Somebody's pictures.")
    assert (trained / "model.safetensors").read_bytes() == whole


@pytest.mark.long
def test_phase_two_leaves_theta_as_phase_one_made_it(trained: Path, images: Path, encoder: Path) -> None:
    longer = trained.parent / "longer"
    train(images, encoder, longer, "--axis-steps", "2")
    before, after = (package.load(folder).net.state_dict() for folder in (trained, longer))
    same = {name: torch.equal(tensor, after[name]) for name, tensor in before.items()}
    assert all(equal for name, equal in same.items() if name.startswith("network."))
    assert not all(same.values())


@pytest.mark.long
def test_evaluate_measures_both_kinds_of_hole(trained: Path, images: Path, encoder: Path) -> None:
    pytest.importorskip("cv2.xphoto")
    result = CliRunner().invoke(
        app,
        [
            *("evaluate", trained.name, "--weights", str(trained.parent), "--images", str(images)),
            *("--encoder", str(encoder), "--limit", "2", "--write", "--out", str(trained.parent / "measured")),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    measured = json.loads((trained / "model.json").read_text())["measured"]
    kinds = measured["axes"]["sharpness"]
    assert kinds.pop("position")["pictures"] == 1
    assert kinds.pop("auto")["middle"] > 0
    assert len(kinds.pop("alpha")) == 11
    removed = kinds.pop("removal")
    assert [len(row) for row in removed["ratio"].values()] == [len(removed["feather"])] * 2
    curve = {name: kinds.pop(name) for name in ("low", "low_margin", "high", "high_margin")}
    assert curve["low"][0] < curve["low"][-1]
    assert curve["high"][0] > curve["high"][-1]
    assert (trained.parent / "measured" / "sharpness" / "curve.png").stat().st_size > 10_000
    assert set(kinds) == {"free-form", "centre"}
    for figures in kinds.values():
        assert len(figures["error"]) == len(figures["sharpness"]) == len(figures["step"]) == 11
        best = max(figures["classical_psnr"][name] for name in ("Telea", "Navier-Stokes"))
        assert figures["gain"] == pytest.approx(figures["psnr"][0] - best, abs=2e-3)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As NVIDIA's: white where the hole is, and black where it is."""
    folder = tmp_path_factory.mktemp("masks")
    for hole in ("white", "black"):
        (folder / hole).mkdir()
        for i in range(6):
            mask = masks.free_form(128, 128, random.Random(i))
            (mask if hole == "white" else ImageOps.invert(mask)).save(folder / hole / f"{i}.png")
    Image.new("L", (64, 64), 255).save(folder / "black" / "empty.png")
    Image.effect_noise((64, 64), 9).save(folder / "black" / "grey.png")
    return folder


def test_masks_of_a_folder_mean_the_same_in_either_polarity_and_it_is_said(masked: Path) -> None:
    console = Console(file=io.StringIO(), width=80)
    white, black = (MaskFolder(masked / hole, hole, 64, console) for hole in ("white", "black"))
    assert (white.batch(8, 64, "a") != black.batch(8, 64, "a")).float().mean() < 0.01  # but for what is half and half
    drawn = masks.to_tensor(masks.free_form(128, 128, random.Random(0)))[0, 0]
    assert (np.asarray(white.mask(0)) / 255 == drawn[::2, ::2].numpy()).mean() > 0.97
    said = console.file.getvalue().splitlines()
    assert f"6 masks in '{masked / 'black'}': black is the hole" in said[-1]
    assert "1 neither black nor white (grey.png)" in said[-2]
    assert "1 without a hole, or nothing else (empty.png)" in said[-2]
    with pytest.raises(DynamicNetError, match="say --holes black"):
        MaskFolder(masked / "black", "white", 64, console)


@pytest.mark.long
def test_a_model_is_trained_and_measured_on_masks_of_a_folder(images: Path, encoder: Path, masked: Path) -> None:
    out = masked.parent / "masked-weights" / "mend"
    few = ("--main-steps", "1", "--axis-steps", "1", "--adversarial", "0")
    train(images, encoder, out, *few, "--masks", str(masked / "black"), "--holes", "black")
    assert package.read_manifest(out).training.phases[0].objective["masks"] == "black, black is the hole"
    squares = load_file(out.parent / "run-mend" / "squares.safetensors")["hole"]
    assert len({hole.numpy().tobytes() for hole in squares}) <= 6 * 4  # those of the folder, mirrored
    task = Task(out, images, (encoder,), 64, 2, 1, 1, Console(quiet=True), out.parent, masks=masked / "white")
    ((name, hole_of),) = holes_of(task, 64, 2).items()
    assert name == "white, white is the hole"
    assert np.array_equal(hole_of(64, 1), MaskFolder(masked / "white", "white", 64, task.console).mask(3))


@pytest.fixture(scope="module")
def judged(images: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package without an adversarial term, in three phases."""
    out = tmp_path_factory.mktemp("judged") / "study"
    train(images, encoder, out, "--adversarial", "0", "--axis-rate", "1e-2", "--path-steps", "60")
    return out


def compare(folder: Path, images: Path, encoder: Path, out: Path) -> Result:
    return CliRunner().invoke(
        app,
        [
            *("evaluate", folder.name, "--weights", str(folder.parent), "--images", str(images)),
            *("--encoder", str(encoder), "--limit", "2", "--out", str(out)),
            *("--against", "fixed,dni,blend,film"),
        ],
    )


@pytest.mark.slow
def test_an_axis_is_compared_with_networks_for_single_mixtures(judged, images: Path, encoder: Path) -> None:
    pytest.importorskip("cv2.xphoto")
    out = judged.parent / "against"
    result = compare(judged, images, encoder, out)
    assert result.exit_code == 0, result.output
    figures = json.loads((out / "sharpness" / "front.json").read_text())
    assert list(figures) == [judged.name, "fixed", "dni", "blend", "film"]
    ours, blend = figures[judged.name], figures["blend"]
    for name in ("fixed", "dni", "blend"):  # at the low end all of them are θ
        assert figures[name]["low"][0] == pytest.approx(ours["low"][0], rel=1e-4)
    assert blend["high"][-1] == pytest.approx(ours["high"][-1], rel=1e-4)
    run = judged.parent / f"run-{judged.name}" / "squares.safetensors"
    assert (out / "squares.safetensors").read_bytes() == run.read_bytes()  # trained on the same


@pytest.mark.slow
def test_what_a_discriminator_judged_is_not_compared(trained: Path, images: Path, encoder: Path) -> None:
    pytest.importorskip("cv2.xphoto")
    result = compare(trained, images, encoder, trained.parent / "against")
    assert isinstance(result.exception, DynamicNetError)
    assert result.exception.code == "not-comparable"


@pytest.mark.long
def test_phase_three_leaves_theta_alone_and_moves_the_middle(judged: Path, images: Path, encoder: Path) -> None:
    two = judged.parent / "two"
    train(images, encoder, two, "--adversarial", "0", "--axis-rate", "1e-2")
    before, after = (package.load(folder).net.state_dict() for folder in (two, judged))
    same = {name: torch.equal(tensor, after[name]) for name, tensor in before.items()}
    assert all(equal for name, equal in same.items() if name.startswith("network."))
    assert not all(same.values())
    last = package.read_manifest(judged).training.phases[-1]
    assert (last.steps, last.objective["mixed_with"]["texture"]) == (60, 0)
    assert last.objective["mixed_with"]["scale"] > 0


def test_the_terms_add_up_to_the_objective(encoder: Path) -> None:
    real, made = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    holes = masks.batch(2, 64, "terms")
    spec = CompletionSpec(perceptual=2, texture=3, adversarial=7, energy=0.5)
    look = Encoder(encoder)
    terms = compared(spec, made, real, holes, look(made, layers_of(look)), look(real, layers_of(look)))
    weighted = terms["reconstruction"] + 2 * terms["perceptual"] + 3 * terms["texture"] + 0.5 * terms["energy"]
    assert torch.allclose(terms["total"], weighted)
    low, high = both(spec, Encoder(encoder), made, torch.cat([real, holes, real], 1), real)
    assert torch.equal(low, log_error(made, real, holes))
    assert torch.equal(high, terms["total"])


def test_the_example_shows_the_model_at_work(model) -> None:
    example = model.application.example((SAMPLES / "chelsea.jpg").read_bytes())
    assert filled(model, example).shape[1] == 256
