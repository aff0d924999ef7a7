"""Objectives, the encoders under them, and the yardstick of direct optimisation."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import write_encoder
from safetensors.torch import save_file
from torch import Tensor, nn

from dynamicnet import pictures
from dynamicnet.applications.style.curve import Curve
from dynamicnet.applications.style.objective import StyleObjective, StyleSpec, patches, style_targets
from dynamicnet.applications.style.palette import apart, palette_of
from dynamicnet.applications.style.yardstick import iterations_matched, optimise_pixels
from dynamicnet.errors import DynamicNetError
from dynamicnet.objectives.adversarial import Discriminator, Panel, augmented, fool_loss
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.objectives.gram import gram

SAMPLES = Path(__file__).parent.parent / "static" / "samples"
CHANNELS = {"conv11": (3, 6), "conv12": (6, 6), "conv21": (6, 8), "conv31": (8, 10)}


def square(name: str, side: int = 64) -> Tensor:
    return pictures.to_tensor(pictures.fit(pictures.read((SAMPLES / name).read_bytes()), side))[..., :side, :side]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(1)
    made = {"conv0.weight": torch.eye(3)[:, :, None, None] * 4, "conv0.bias": torch.full((3,), -2.0)}
    for layer, (inputs, outputs) in CHANNELS.items():
        made[f"{layer}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        made[f"{layer}.bias"] = torch.randn(outputs) * 0.1
    return made


@pytest.fixture(scope="module")
def encoder(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    file = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_file(tensors, file)
    return Encoder(file)


def objective(encoder: Encoder, weight: float = 1.0) -> StyleObjective:
    weights = {"style_weight": weight, "variation_weight": 0.1, "patches_weight": 0.5, "palette_weight": 0.25}
    spec = StyleSpec(painting="coffee.jpg", size=64, **weights)
    return StyleObjective(spec, encoder, style_targets(encoder, square("coffee.jpg")))


def test_features_are_those_of_the_stack_written_out(encoder: Encoder, tensors: dict[str, Tensor]) -> None:
    x = square("chelsea.jpg")
    z = F.conv2d(x, tensors["conv0.weight"], tensors["conv0.bias"])
    wanted = {}
    for layer in CHANNELS:
        if layer in ("conv21", "conv31"):
            z = F.max_pool2d(z, 2)
        z = F.pad(z, (1, 1, 1, 1), mode="reflect")
        z = wanted[layer] = F.relu(F.conv2d(z, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]))
    features = encoder(x, ["conv12", "conv31"])
    assert list(features) == ["conv12", "conv31"]
    assert all(torch.allclose(features[layer], wanted[layer], atol=1e-5) for layer in features)


def test_torchvisions_vgg16_is_read_as_torchvision_runs_it(tmp_path: Path) -> None:
    torch.manual_seed(2)
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (8, 8, 0, 8, 8, 0, 8, 8, 8, 0, 8):  # torchvision's order, narrower; 0 is a pooling
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()] if outputs else [nn.MaxPool2d(2)]
        inputs = outputs or inputs
    vgg = nn.Sequential(*layers)
    torch.save({f"features.{key}": value for key, value in vgg.state_dict().items()}, tmp_path / "vgg16.pth")
    x = square("rocket.jpg")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    wanted = vgg[:19]((x - mean) / std)
    assert torch.allclose(Encoder(tmp_path / "vgg16.pth")(x, ["conv41"])["conv41"], wanted, atol=1e-4)


@pytest.mark.parametrize("damage", ["text", "no-encoder"])
def test_a_file_that_is_no_encoder_is_refused(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.safetensors"
    if damage == "text":
        file.write_text("not tensors")
    else:
        save_file({"conv21.weight": torch.zeros(1, 1, 3, 3)}, file)
    with pytest.raises(DynamicNetError) as refused:
        Encoder(file)
    assert refused.value.code == "encoder-invalid"


def test_the_photograph_has_no_content_term_and_the_painting_no_style_term(encoder: Encoder) -> None:
    x = square("chelsea.jpg")
    assert objective(encoder).terms(x, x).content.item() == 0
    painting = square("coffee.jpg")
    terms = objective(encoder).terms(painting, x)
    assert terms.style.item() < 1e-6
    assert terms.palette.item() < 1e-6
    assert terms.content.item() > 0.1


def test_the_objective_is_the_weighted_sum_of_each_picture(encoder: Encoder) -> None:
    x = torch.cat([square("chelsea.jpg"), square("rocket.jpg")])
    aim = objective(encoder, weight=3.0)
    terms = aim.terms(x.flip(3), x)
    style = terms.style + 0.25 * terms.palette
    weighted = terms.content + 3.0 * style + 0.1 * terms.variation + 0.5 * terms.patches
    assert torch.allclose(aim(x.flip(3), x), weighted)
    assert torch.allclose(aim(x[:1].flip(3), x[:1]), aim(x.flip(3), x)[:1], rtol=1e-4)


def test_a_palette_is_the_colours_wherever_they_lie() -> None:
    x = torch.cat([square("chelsea.jpg", 240), square("astronaut.jpg", 240)])
    own = palette_of(x)
    assert apart(palette_of(x.flip(2, 3)), own[0])[0] < 1e-6
    assert apart(palette_of(x + 0.1 * (torch.arange(240) % 2 - 0.5)), own[0])[0] < 1e-6  # speckle
    assert apart(palette_of(x[..., :120, :160]), own[1])[1] < apart(own, own[1])[0]
    halves = torch.zeros(1, 3, 64, 64)
    halves[..., 32:] = 1.0
    whole = torch.full((1, 3, 64, 64), 0.5)
    assert apart(palette_of(whole), palette_of(halves)[0]).item() == pytest.approx(1.0)  # the mean alone is no palette


def test_without_a_palette_in_the_package_there_is_no_such_term(encoder: Encoder) -> None:
    x = square("chelsea.jpg")
    aim = objective(encoder)
    targets = {key: t for key, t in style_targets(encoder, square("coffee.jpg")).items() if key != "palette"}
    old = StyleObjective(aim.spec.model_copy(update={"palette_weight": 0.0}), encoder, targets)
    terms = aim.terms(x, x)
    assert terms.palette.item() > 0.1
    assert old(x, x).item() == pytest.approx((aim(x, x) - 0.25 * terms.palette).item())


def test_a_palette_is_no_patch_and_a_sun_on_a_face_is_one() -> None:
    x = torch.cat([square("chelsea.jpg", 240), square("astronaut.jpg", 240)])
    palette = (x.mean(1, keepdim=True) ** 1.5) * torch.tensor([0.3, 0.5, 1.0])[:, None, None]
    sun = x.clone()
    sun[..., 100:160, 100:160] = sun[..., 100:160, 100:160].lerp(torch.tensor([1.0, 0.9, 0.2])[:, None, None], 0.5)
    strokes = x + 0.2 * (torch.arange(240) // 4 % 2 - 0.5)
    assert patches(palette, x).max() < 0.02
    assert patches(strokes, x).max() < 0.001
    assert patches(sun, x).min() > 0.1
    assert torch.allclose(patches(sun, x)[1:], patches(sun[1:], x[1:]), rtol=1e-3)


def test_a_gram_matrix_is_the_mean_outer_product() -> None:
    features = torch.randn(2, 3, 4, 5)
    by_hand = sum(torch.outer(features[1, :, i, j], features[1, :, i, j]) for i in range(4) for j in range(5)) / 20
    assert torch.allclose(gram(features)[1], by_hand, atol=1e-6)


def test_direct_optimisation_starts_at_the_photograph_and_only_goes_down(encoder: Encoder) -> None:
    x = square("astronaut.jpg")
    aim = objective(encoder)
    values = optimise_pixels(aim, x, 12)
    assert len(values) == 13
    assert values[0] == pytest.approx(aim(x, x).item(), rel=1e-4)
    assert values[-1] < 0.5 * values[0]
    assert all(after <= before * 1.0001 for before, after in pairwise(values))


def test_iterations_matched_is_the_last_one_that_is_no_better() -> None:
    means = [10.0, 6.0, 4.0, 3.0]
    assert iterations_matched(11.0, means) == 0
    assert iterations_matched(5.0, means) == 1
    assert iterations_matched(4.0, means) == 2
    assert iterations_matched(1.0, means) == 3


def test_a_curve_counts_pictures_that_move_the_right_way_at_every_step() -> None:
    low = torch.tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]])
    curve = Curve([0.0, 0.5, 1.0], low, -low, torch.zeros(3, 3))
    assert curve.rising() == 0.5
    assert curve.falling() == 0.5
    assert curve.mean_is_monotone() is False


def test_a_panel_judges_pictures_and_what_a_frozen_encoder_sees_of_them(tmp_path: Path) -> None:
    encoder = Encoder(write_encoder(tmp_path, 8, 8, 8, 8))
    frozen = {name: value.clone() for name, value in encoder.named_buffers()}
    panel = Panel(Discriminator(3, 4, 4), encoder, torch.rand(2, 3, 64, 64))
    pictures = torch.rand(2, 3, 64, 64, requires_grad=True)
    scores = panel(encoder(pictures, panel.layers), pictures.detach())
    assert scores.shape == (2, 4 * 16)  # its own discriminator, and three layers
    fool_loss(scores).backward()
    assert pictures.grad.abs().max() > 0  # by way of the encoder alone
    assert all(torch.equal(value, frozen[name]) for name, value in encoder.named_buffers())
    assert not any(name.startswith("encoder") for name in panel.state_dict())


def test_augmentation_follows_from_its_seed_and_differs_from_picture_to_picture() -> None:
    pictures = torch.rand(1, 3, 32, 32).expand(3, -1, -1, -1)
    changed = augmented(pictures, torch.Generator().manual_seed(1))
    assert changed.shape == pictures.shape
    assert torch.equal(changed, augmented(pictures, torch.Generator().manual_seed(1)))
    assert len({one.sum().item() for one in changed}) == 3


def test_of_several_files_each_gives_what_those_before_it_lack(tensors, encoder, tmp_path) -> None:
    first = {name: t * 0.5 for name, t in tensors.items() if name.startswith(("conv0", "conv11", "conv12"))}
    save_file(first, tmp_path / "first.safetensors")
    save_file(tensors, tmp_path / "second.safetensors")
    both = Encoder(tmp_path / "first.safetensors", tmp_path / "second.safetensors")
    x = square("chelsea.jpg")
    features = both(x, ["conv12", "conv31"])
    assert torch.equal(features["conv31"], encoder(x, ["conv31"])["conv31"])
    assert torch.equal(features["conv12"], Encoder(tmp_path / "first.safetensors")(x, ["conv12"])["conv12"])
    assert both.name == "first.safetensors + second.safetensors"


def test_lifted_gram_matrices_are_those_of_lifted_features(tensors, tmp_path) -> None:
    lift = torch.randn(24, 6, 1, 1, generator=torch.Generator().manual_seed(3))
    file = tmp_path / "lifted.safetensors"
    save_file({**tensors, "conv12_aux.weight": lift, "conv12_aux.bias": torch.ones(24)}, file)
    lifted = Encoder(file)
    x, painting = square("chelsea.jpg"), square("coffee.jpg")
    targets = {name: t for name, t in style_targets(lifted, painting).items() if name.startswith("conv12")}
    spec = StyleSpec(painting="coffee.jpg", size=64, style_weight=1, variation_weight=0, lifted=True)
    wide, aim = (F.conv2d(lifted(one, ["conv12"])["conv12"], lift) for one in (x, painting))
    mean = aim.mean((2, 3), keepdim=True)
    wanted = gram(aim - mean)
    expected = (gram(wide - mean) - wanted).square().sum() / wanted.square().sum()
    assert StyleObjective(spec, lifted, targets).terms(x, x).style.item() == pytest.approx(expected.item(), rel=1e-4)
    plain = StyleObjective(spec.model_copy(update={"lifted": False}), lifted, targets).terms(x, x).style.item()
    assert plain != pytest.approx(expected.item(), rel=1e-2)
