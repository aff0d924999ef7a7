"""What `dynamic-net evaluate` measures of a restoration model, and what it compares it with."""

import json
import math
import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import save_file
from typer.testing import CliRunner

from dynamicnet import package, pictures
from dynamicnet.applications.restoration.against import SHARES, bm3d, mixtures
from dynamicnet.applications.restoration.auto import even
from dynamicnet.applications.restoration.measure import LEVELS, measure, pair, structural_similarity, whole
from dynamicnet.applications.restoration.noise import EVEN, Levels
from dynamicnet.cli import app
from dynamicnet.evaluation.baselines import along
from dynamicnet.evaluation.task import Task

SAMPLES = Path(__file__).parent.parent / "static" / "samples"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content")
    for i in range(5):
        for sample in sorted(SAMPLES.glob("*.jpg")):
            shutil.copy(sample, folder / f"{i}-{sample.name}")
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small photographs and one too small; all three would be trained on, by their names."""
    folder = tmp_path_factory.mktemp("photographs")
    for name, side in (("chelsea", 101), ("coffee", 90), ("rocket", 40)):
        with Image.open(SAMPLES / f"{name}.jpg") as sample:
            pictures.fit(sample.convert("RGB"), side).crop((0, 0, side + 3, side)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random features, of the layers that restoration compares."""
    torch.manual_seed(0)
    tensors, inputs = {"conv0.weight": torch.eye(3)[:, :, None, None], "conv0.bias": torch.zeros(3)}, 3
    for layer in ("conv11", "conv12", "conv21", "conv22", "conv31", "conv34"):
        tensors |= {
            f"{layer}.weight": torch.randn(8, inputs, 3, 3) / (3 * inputs**0.5),
            f"{layer}.bias": torch.zeros(8),
        }
        inputs = 8
    file = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_file(tensors, file)
    return file


@pytest.fixture(scope="module")
def trained(content: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights") / "denoise"
    (names := out.parent / "names.txt").write_text("0-coffee.jpg\n")
    run(
        *("train", "restoration", "--images", content, "--out", out, "--title", "Denoise", "--noise", "gaussian"),
        *("--encoder", encoder, "--exclude", names, "--scale", 128, "--batch", 2, "--crop", 32, "--dual"),
        *("--main-noise", 50, "--main-steps", 3, "--axis-steps", 1, "--path-steps", 1, "--crisp-steps", 2),
        *("--run", out.parent / "run"),
    )
    return out


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.exception or result.output
    return result.output


def evaluate(folder: Path, content: Path, encoder: Path, *more: object) -> list[object]:
    return [
        *("evaluate", folder.name, "--weights", folder.parent, "--images", content, "--encoder", encoder),
        *("--side", 64, "--limit", 2, "--out", folder.parent / "measured", *more),
    ]


def test_what_has_no_steps_stays_as_it_is_where_a_training_starts(trained: Path, content: Path, encoder: Path) -> None:
    out = trained.with_name("crisper")
    run(
        *("train", "restoration", "--images", content, "--out", out, "--title", "Crisper", "--noise", "gaussian"),
        *("--encoder", encoder, "--scale", 128, "--batch", 2, "--crop", 32, "--dual", "--start", trained),
        *("--main-steps", 0, "--axis-steps", 0, "--path-steps", 0, "--crisp-steps", 1, "--run", out.parent / "again"),
    )
    before, after = (package.load(folder) for folder in (trained, out))
    kept = [phase for phase in before.manifest.training.phases if phase.axis != "crisp"]
    assert after.manifest.training.phases[:-1] == kept
    assert after.manifest.training.phases[-1].axis == "crisp"
    assert len(after.manifest.training.commands) == 2
    old, new = (loaded.net.state_dict() for loaded in (before, after))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("axes.crisp") for name in changed)


def test_alpha_stands_for_noise_and_0_for_that_of_the_network(
    trained: Path, content: Path, encoder: Path, tmp_path: Path
) -> None:
    levels = Levels((-1.0, 1.0), 50.0)
    found = [levels.at(alpha) for alpha in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert found == pytest.approx([5, 5 * math.sqrt(10), 50, 50 * math.sqrt(1.5), 75])
    assert [levels.alpha(level) for level in (1.0, *found, 90.0)] == pytest.approx([-1, -1, -0.5, 0, 0.5, 1, 1])
    assert (levels.share(50), EVEN.share(50)) == pytest.approx((0.5, math.log(10) / math.log(15)))
    for each in (levels, EVEN):
        low, high = each.span
        wanted = [EVEN.share(each.at(low + share * (high - low))) for share in (0.0, 0.2, 0.5, 0.9, 1.0)]
        assert even(each, torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0])).tolist() == pytest.approx(wanted)
    # Where θ stays as it is, so does what 0 stands for.
    start, out = tmp_path / "lighter", tmp_path / "on"
    shutil.copytree(trained, start)
    manifest = package.read_manifest(start)
    manifest.training.phases[0].objective["levels"] = (20.0, 20.0)
    package.write_manifest(start, manifest)
    run(
        *("train", "restoration", "--images", content, "--out", out, "--title", "On", "--noise", "gaussian"),
        *("--scale", 128, "--batch", 2, "--crop", 32, "--dual", "--start", start, "--run", tmp_path / "run"),
        *("--main-steps", 0, "--axis-steps", 0, "--path-steps", 1),
    )
    phases = package.read_manifest(out).training.phases
    assert [phase.objective["levels"] for phase in phases] == [[20, 20], [20, 75], [5, 20]]


def test_noise_is_white_unclipped_and_the_same_again(photographs: Path) -> None:
    (_, clean), (_, other) = whole(sorted(photographs.iterdir()), None)  # without the one that is too small
    noisy, same = pair("gaussian", clean, 50.0, "a", 0)
    assert torch.equal(same, clean)
    assert clean.shape == (1, 3, 101, 104) != other.shape
    assert (noisy - clean).std() * 255 == pytest.approx(50, rel=0.02)
    assert noisy.min() < -0.05
    assert noisy.max() > 1.05
    assert torch.equal(noisy, pair("gaussian", clean, 50.0, "a", 0)[0])
    assert not torch.equal(noisy, pair("gaussian", clean, 50.0, "b", 0)[0])


def test_noise_of_cameras_is_of_another_sort_for_each_photograph(photographs: Path) -> None:
    _, clean = next(whole(sorted(photographs.iterdir()), 1))
    alike = []
    for sort in range(3):
        noisy, same = pair("camera", clean, 25.0, "a", sort)
        assert noisy.shape == same.shape == (1, 3, 80, 80)
        assert (noisy.min() >= 0) & (noisy.max() <= 1)
        noise = noisy - same
        alike.append(float((noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()))
    assert abs(alike[0]) < 0.1 < 0.3 < min(alike[1:])  # white; demosaicked; enlarged


def test_what_takes_nothing_out_is_as_far_off_as_the_noise(photographs: Path) -> None:
    grey = torch.full((1, 3, 96, 96), 0.5)
    wanted = {15.0: [EVEN.share(15)], 25.0: [0.0, EVEN.share(25)]}
    scores = measure(lambda one, shares: one, "gaussian", [("a", grey), ("b", grey)], wanted)
    for level in wanted:
        assert scores[level][EVEN.share(level)].shape == (2, 3)
        decibels, _, logarithm = scores[level][EVEN.share(level)].mean(0).tolist()
        assert decibels == pytest.approx(20 * math.log10(255 / level), abs=0.1)
        assert logarithm == pytest.approx(math.log(level / 255), abs=0.01)
    _, photograph = next(whole(sorted(photographs.iterdir()), 1))
    ssim = structural_similarity()
    assert ssim(photograph, photograph) == pytest.approx(1)
    assert ssim(grey + 0.1, grey) == pytest.approx((2 * 0.6 * 0.5 + 1e-4) / (0.6**2 + 0.5**2 + 1e-4), abs=1e-4)


@pytest.mark.usefixtures("of_few")
@pytest.mark.long
def test_evaluate_measures_each_level_along_the_axis_and_writes_it(
    trained: Path, content: Path, photographs: Path, encoder: Path
) -> None:
    output = run(*evaluate(trained, content, encoder, "--test", photographs, "--write"))
    assert "noise 75" in output
    manifest = package.read_manifest(trained)
    measured = manifest.measured
    assert (measured["pictures"], measured["noise"]) == (2, "gaussian")
    strength, crisp = measured["axes"]["strength"], measured["axes"]["crisp"]
    assert list(strength["noise"]) == [f"{level:g}" for level in LEVELS]
    for level in LEVELS:
        found = strength["noise"][f"{level:g}"]
        along = dict(zip(found["along"]["alpha"], found["along"]["psnr"], strict=True))
        assert set(strength["alpha"]) <= set(along)
        assert found["alpha"] == pytest.approx(Levels((-1, 1), 50).alpha(level), abs=1e-4)
        assert along[found["alpha"]] == found["psnr"] <= found["best_psnr"] == max(along.values())
        assert all(0 < value < 1 for value in found["along"]["ssim"])
    assert strength["noise"]["15"]["psnr"] > strength["noise"]["75"]["psnr"]
    assert len(strength["low"]) == len(strength["high"]) == len(crisp["low"]) == len(crisp["psnr"]) == 11
    assert crisp["noise"] == 50  # what θ of a dual axis takes out
    for axis in manifest.axes:
        assert len(axis.even) == 21
        assert axis.middle is not None
    out = trained.parent / "measured"
    assert len((out / "strength" / "curve.csv").read_text().splitlines()) == 1 + 11
    assert (out / "crisp" / "curve.png").stat().st_size > 10_000


def test_a_share_is_its_alpha_and_noise_of_its_level(trained: Path, content: Path, photographs: Path) -> None:
    loaded = package.load(trained)
    strength = loaded.manifest.axes[0]
    _, photograph = next(whole(sorted(photographs.iterdir()), 1))
    for share, alpha in ((0.0, -1.0), (0.25, -0.5), (1.0, 1.0)):
        expected = loaded.net(photograph, {strength.id: alpha})
        assert torch.allclose(along(trained, strength)(photograph, [share]), expected, atol=1e-4)
        assert not torch.allclose(loaded.net(photograph, {strength.id: 0.0}), expected, atol=1e-4)
    task = Task(trained, content, (), 64, None, 1, 1, Console(quiet=True), trained.parent)
    noisy, clean = mixtures(task, loaded.manifest.training).batch(torch.tensor([0.0, EVEN.share(25), 1.0]), "a")
    assert ((noisy - clean).std((1, 2, 3)) * 255).tolist() == pytest.approx([5, 25, 75], rel=0.1)


@pytest.mark.slow
def test_strength_is_compared_with_networks_for_single_levels(
    trained: Path, content: Path, photographs: Path, encoder: Path
) -> None:
    output = run(
        *evaluate(trained, content, encoder, "--test", photographs, "--limit", 1, "--against", "fixed,dni,blend,film")
    )
    assert re.search(r"│ fixed .*│ 0\.00 +│", output)
    out = trained.parent / "measured" / "strength"
    found = json.loads((out / "front.json").read_text())
    ours, fixed, dni, blend, _ = (found[name] for name in (trained.name, "fixed", "dni", "blend", "film"))
    assert list(found) == [trained.name, "fixed", "dni", "blend", "film"]
    assert len(list(out.glob("*.safetensors"))) == len(SHARES) + 2
    assert (blend["low"][0], blend["high"][-1]) == pytest.approx((ours["low"][0], ours["high"][-1]), rel=1e-3)
    assert blend["low"][5] != ours["low"][5]
    assert dni["low"][0] == pytest.approx(fixed["low"][0], rel=1e-3)  # the same network
    assert fixed["low"][0] != ours["low"][0]
    assert fixed["share"] == pytest.approx(SHARES, abs=1e-4)
    assert list(fixed["noise"]["25"]["along"]["alpha"]) == [fixed["noise"]["25"]["alpha"]]


def test_what_cannot_be_compared_is_said(trained: Path, content: Path, photographs: Path, encoder: Path) -> None:
    assert package.read_manifest(trained).training.phases[0].objective["excluded"] == ["0-coffee.jpg"]
    other = trained.parent / "other"
    shutil.copytree(trained, other)
    manifest = package.read_manifest(other)
    del manifest.training.phases[0].objective["scale"]
    package.write_manifest(other, manifest)
    for name, sentence in (("fixed", "does not say what it was trained on"), ("gains", "does not say")):
        result = CliRunner().invoke(app, list(map(str, evaluate(other, content, encoder, "--against", name))))
        assert sentence in str(result.exception)


def test_bm3d_is_told_the_level(photographs: Path) -> None:
    pytest.importorskip("bm3d")
    photographs_ = list(whole(sorted(photographs.iterdir()), 1))
    wanted = {25.0: [EVEN.share(15), EVEN.share(25)]}
    scores = measure(bm3d(), "gaussian", photographs_, wanted)[25.0]
    assert scores[EVEN.share(25)][0, 0] > scores[EVEN.share(15)][0, 0] + 1
    assert scores[EVEN.share(25)][0, 0] > 24
