"""Training: it lowers the loss, leaves θ alone in phase two, resumes exactly, and says what it skipped."""

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from conftest import write_encoder
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file
from typer.testing import CliRunner

from dynamicnet import DynamicNet, commands, package
from dynamicnet.applications.style.evaluate import objective, pair
from dynamicnet.applications.style.objective import targets_of
from dynamicnet.cli import app
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation import task
from dynamicnet.evaluation.baselines import Baselines, Gains, Mixtures, beginning
from dynamicnet.evaluation.front import another
from dynamicnet.evaluation.pair import Sample
from dynamicnet.evaluation.report import COLUMNS
from dynamicnet.evaluation.task import Task
from dynamicnet.files.replaced import replaced
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.training import phase
from dynamicnet.training.phase import Budget, Done, Opponent, Plan, Progressed, learning_rate, run_phase
from dynamicnet.training.photos import Photos, is_held_out

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "static" / "samples"
QUIET = Console(quiet=True)

pytestmark = pytest.mark.usefixtures("of_few")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content")
    for i in range(5):
        for sample in sorted(SAMPLES.glob("*.jpg")):
            shutil.copy(sample, folder / f"{i}-{sample.name}")
    (folder / "a-broken.jpg").write_bytes(b"not a picture")
    assert not is_held_out(folder / "a-broken.jpg")
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder of random features: their Gram matrices carry colour and texture well enough to train on."""
    return write_encoder(tmp_path_factory.mktemp("encoder"), 8, 12, 16)


def command(content: Path, encoder: Path, out: Path, *more: str) -> list[str]:
    return [
        *("train", "style", "--style", str(SAMPLES / "coffee.jpg"), "--axis", "strength", "--weight", "0.1,5"),
        *("--content", str(content), "--encoder", str(encoder), "--out", str(out), "--title", "Coffee"),
        *("--main-steps", "30", "--axis-steps", "240", "--batch", "2", "--crop", "64", "--size", "96"),
        *("--network", "lean", "--no-norm", "--path-steps", "0", "--axis-rate", "4e-3"),
        *("--run", str(out.parent / f"run-{out.name}"), *more),
    ]


def train(content: Path, encoder: Path, out: Path, *more: str) -> str:
    return CliRunner().invoke(app, command(content, encoder, out, *more), catch_exceptions=False).output


@pytest.fixture(scope="module")
def trained(content: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights") / "coffee"
    train(content, encoder, out)
    return out


def objectives(folder: Path, content: Path, encoder: Path) -> dict:
    """Both objectives at both ends, as `dynamic-net evaluate` writes them."""
    result = CliRunner().invoke(
        app,
        [
            *("evaluate", folder.name, "--weights", str(folder.parent), "--images", str(content)),
            *("--encoder", str(encoder), "--side", "64", "--yardstick", "1", "--iterations", "2", "--write"),
            *("--out", str(folder.parent / "measured")),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    return json.loads((folder / "model.json").read_text())["measured"]["axes"]


def test_a_few_steps_lower_the_loss_along_the_axis(trained: Path, content: Path, encoder: Path) -> None:
    figures = objectives(trained, content, encoder)["strength"]
    assert figures["high"][-1] < 0.9 * figures["high"][0]
    assert figures["low"][-1] > figures["low"][0]
    files = trained.parent / "measured" / "strength"
    rows = (files / "curve.csv").read_text().splitlines()
    assert rows[1].split(",") == [trained.name, "0.0", *(str(figures[name][0]) for name in COLUMNS[1:])]
    assert len(rows) == 1 + 11
    assert "<svg" in (files / "curve.svg").read_text()


def test_the_last_line_of_a_training_is_a_command_that_works(
    trained: Path, content: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "FEWEST", 5)  # of 26, fewer are held out
    monkeypatch.setattr(commands, "FEWEST", 5)
    said = train(content, encoder, trained)  # which is done
    command = shlex.split(said.splitlines()[-1])
    assert command[:3] == ["dynamic-net", "evaluate", trained.name]
    assert command[-2:] == ["--all", "--write"]
    quick = ("--side", "64", "--yardstick", "1", "--iterations", "1", "--limit", "5")
    result = CliRunner().invoke(
        app, [*command[1:], *quick, "--out", str(trained.parent / "all")], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "measured on 5 of the 26 pictures" in " ".join(result.output.split())
    assert package.read_manifest(trained).measured["of"] == "all, those trained on as well"


def test_a_single_picture_is_said_to_be_few_gives_no_nan_and_is_not_written(
    trained: Path, content: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "FEWEST", 8)
    out, before = trained.parent / "one", (trained / "model.json").read_bytes()
    command = [
        *("evaluate", trained.name, "--weights", str(trained.parent), "--images", str(content), "--limit", "1"),
        *("--encoder", str(encoder), "--side", "64", "--yardstick", "1", "--iterations", "1", "--out", str(out)),
    ]
    said = " ".join(CliRunner().invoke(app, command, catch_exceptions=False).output.split())
    assert "measured on 1 of the 26 pictures" in said
    assert "(held out of training: one picture in eight" in said
    assert "--all measures on all" in said
    assert not re.search(r"\bnan\b", said)
    assert "NaN" not in (out / "strength" / "curve.json").read_text()
    with pytest.raises(DynamicNetError, match="leave out --write"):
        CliRunner().invoke(app, [*command, "--write"], catch_exceptions=False)
    assert (trained / "model.json").read_bytes() == before


@pytest.mark.slow
def test_an_axis_is_compared_with_what_the_field_has_instead(content: Path, encoder: Path, tmp_path: Path) -> None:
    trained, out = tmp_path / "coffee", tmp_path / "against"
    train(content, encoder, trained, "--main-steps", "120")  # of fewer, networks for both ends are hardly apart
    result = CliRunner().invoke(
        app,
        [
            *("evaluate", trained.name, "--weights", str(trained.parent), "--images", str(content)),
            *("--encoder", str(encoder), "--side", "64", "--yardstick", "1", "--iterations", "1", "--out", str(out)),
            *("--against", "fixed,long,dni,blend,film,gains"),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    out = out / "strength"
    figures = json.loads((out / "front.json").read_text())
    assert list(figures) == [trained.name, "fixed", "long", "dni", "blend", "film", "gains"]
    assert (figures["fixed"]["hypervolume"], figures["fixed"]["short"]) == (1, 0)
    assert figures["fixed"]["low"][0] < figures["fixed"]["low"][-1]
    ours, blend = figures[trained.name], figures["blend"]
    assert blend["low"][0] == pytest.approx(ours["low"][0], rel=1e-4)
    assert blend["high"][-1] == pytest.approx(ours["high"][-1], rel=1e-4)
    for name in ("fixed", "dni", "gains"):  # at the low end all of them are θ
        assert figures[name]["low"][0] == pytest.approx(ours["low"][0], rel=1e-4)
    assert figures["long"]["low"][0] < ours["low"][0]  # more steps than θ had
    assert figures["gains"]["low"][5] != ours["low"][5]
    assert len((out / "front.csv").read_text().splitlines()) == 1 + 5 * 11 + 2 * 5
    assert "<svg" in (out / "front.svg").read_text()
    assert (out / "front.png").stat().st_size > 10_000
    assert len(list(out.glob("*.safetensors"))) == 12
    gains = load_file(next(out.glob(f"gains-{trained.name}-*.safetensors")))
    assert list(gains) == ["knots"]  # θ and ψ are not trained


def test_what_an_axis_is_compared_with_is_trained_as_theta_was(
    trained: Path, content: Path, encoder: Path, tmp_path: Path
) -> None:
    manifest, sight = package.read_manifest(trained), Encoder(encoder)
    low, high = (objective(trained, manifest, sight, *phase) for phase in ((None, None), ("strength", "high")))
    known = pair(Task(trained, content, (encoder,), 64, 1, 1, 1, QUIET, tmp_path), manifest.training, low, high, [])

    def loss(outputs: torch.Tensor, sample: Sample, _: torch.Tensor) -> torch.Tensor:
        return known.both(outputs, sample)[0]

    mixtures = Mixtures(known.plan, lambda shares, draw: known.batch(len(shares), draw), loss, cut=known.cut)
    baselines = Baselines(trained, manifest.axes[0], mixtures, tmp_path, QUIET)
    again = DynamicNet(baselines._network(None))
    # Its draws follow from its name, and are θ's.
    baselines._train("main", again, lambda inputs, _: again(inputs, {}), known.plan.steps, 0.0)
    theta = package.load(trained).net.network.state_dict()
    for name, weight in again.network.state_dict().items():
        torch.testing.assert_close(weight, theta[name], rtol=0, atol=1e-3)


def test_gains_that_were_not_trained_are_alpha(trained: Path, content: Path) -> None:
    loaded = package.load(trained)
    axis, picture = loaded.manifest.axes[0], Photos(content, 64, held_out=True).centres(1)
    gains = Gains(loaded.net, axis)
    for share in (0.0, 0.1, 0.6, 1.0):
        assert torch.allclose(gains(picture, torch.tensor([share])), loaded.net(picture, {axis.id: share}), atol=1e-5)


def test_the_manifest_says_how_it_was_made(trained: Path) -> None:
    training = package.read_manifest(trained).training
    main, high = training.phases
    assert (main.axis, main.bank, main.steps, main.skipped) == (None, None, 30, 1)
    assert (high.axis, high.bank, high.objective["style_weight"]) == ("strength", "high", 5.0)
    assert high.pictures == main.pictures > 10
    assert len(training.commands) == 1
    assert training.encoder["sha256"]


def test_an_axis_added_later_leaves_theta_and_the_first_axis_alone(trained: Path, content: Path, encoder: Path) -> None:
    both = trained.parent / "both"
    CliRunner().invoke(
        app,
        [
            *("train", "style", "--style", str(SAMPLES / "rocket.jpg"), "--axis", "style", "--base", str(trained)),
            *("--content", str(content), "--encoder", str(encoder), "--out", str(both), "--title", "Both"),
            *("--axis-steps", "4", "--batch", "1", "--crop", "64", "--size", "96", "--ends", "coffee,rocket"),
            *("--path-steps", "0"),
            *("--run", str(both.parent / "run-both")),
        ],
        catch_exceptions=False,
    )
    before, after = package.load(trained).net.state_dict(), package.load(both).net.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    added = [name for name in after if name not in before]
    assert added
    assert all(name.startswith("axes.style.") for name in added)
    assert [axis.id for axis in package.read_manifest(both).axes] == ["strength", "style"]
    assert list(objectives(both, content, encoder)) == ["strength", "style"]
    kept = package.read_objectives(both)  # a painting that axis and θ share is kept once, and another beside it
    assert {name.removesuffix(".palette") for name in kept if name.endswith(".palette")} == {"main", "style.high"}
    assert targets_of(kept, "strength.high").keys() == targets_of(kept, "style.high").keys() > {"palette"}


def test_a_dual_axis_trains_a_bank_for_each_sign(content: Path, encoder: Path, tmp_path: Path) -> None:
    out = tmp_path / "dual"
    train(content, encoder, out, "--dual", "--weight", "0.1,1,5", "--main-steps", "2", "--axis-steps", "2")
    loaded = package.load(out)
    assert loaded.manifest.axes[0].range == (-1.0, 1.0)
    assert [(p.bank, p.objective["style_weight"]) for p in loaded.manifest.training.phases] == [
        (None, 1.0),
        ("high", 5.0),
        ("low", 0.1),
    ]
    # Compared with an axis from 0 to 1, it goes from its own low end to its own high end.
    alone = AxisSpec(id="strength", title="Strength", ends=("a", "b"), blocks=("res2",))
    given = torch.rand(1, 3, 64, 64)
    ends = [loaded.net.render(loaded.net.prepare(given), {"strength": alpha}) for alpha in (-1, 1)]
    torch.testing.assert_close(another(out, alone)(given, [0.0, 1.0]), torch.cat(ends))


@pytest.mark.long
def test_tuning_blocks_that_normalise_are_read_back_as_such(trained: Path, content: Path, encoder: Path) -> None:
    train(content, encoder, trained.parent / "norm", "--norm")
    plain, norm = (package.load(trained.parent / name).net for name in (trained.name, "norm"))
    assert (plain.specs[0].norm, norm.specs[0].norm) == (False, True)
    given, z = torch.rand(1, 3, 64, 64), torch.randn(1, 64, 16, 16)
    assert torch.equal(plain(given, {}), norm(given, {}))
    block = norm.axes["strength"].block("high", "res2")
    assert torch.allclose(block(3 * z), block(z), atol=2e-3)
    assert block(z).abs().max() > 0.01


@pytest.mark.slow
def test_phase_three_betters_the_middle_and_leaves_theta_alone(content: Path, encoder: Path, tmp_path: Path) -> None:
    def middle(folder: Path) -> float:
        figures = objectives(folder, content, encoder)["strength"]
        return (figures["low"][5] + figures["high"][5]) / 2

    train(content, encoder, tmp_path / "two", "--axis-rate", "1e-2", "--reach", "1")
    train(content, encoder, tmp_path / "three", "--axis-rate", "1e-2", "--reach", "1", "--path-steps", "300")
    assert middle(tmp_path / "three") < middle(tmp_path / "two")
    two, three = (package.load(tmp_path / name) for name in ("two", "three"))
    for name, tensor in two.net.network.state_dict().items():
        assert torch.equal(tensor, three.net.network.state_dict()[name])
    assert three.manifest.training.phases[-1].objective["mixed_with"]["style_weight"] == 0.1


def test_the_end_of_the_slider_is_its_reach_of_what_was_trained(content: Path, encoder: Path, tmp_path: Path) -> None:
    steps = ("--main-steps", "2", "--axis-steps", "20")
    train(content, encoder, tmp_path / "whole", *steps, "--reach", "1")
    train(content, encoder, tmp_path / "half", *steps, "--reach", "0.5")
    picture = Photos(content, 64, held_out=True).centres(1)
    whole, half = (package.load(tmp_path / name).net for name in ("whole", "half"))
    with torch.no_grad():
        assert torch.allclose(half(picture, 1.0), whole(picture, 0.5), atol=2e-3)  # packages are half precision
        assert not torch.allclose(half(picture, 1.0), whole(picture, 1.0), atol=1e-2)


class Line(torch.nn.Module):
    """Two numbers to fit."""

    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(2))


class Filter(torch.nn.Module):
    """As many numbers as a convolution of features channels-last has."""

    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(2, 3, 5, 5).to(memory_format=torch.channels_last))


def run_line(
    folder: Path, stop_at: int | None = None, hours: float | None = None, fitted: type[torch.nn.Module] = Line
) -> tuple[torch.Tensor, Done]:
    line = fitted()

    def losses(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        target = torch.randn(line.value.shape, generator=torch.Generator().manual_seed(step)) + 3
        return {"total": (line.value - target).square().sum()}

    files, plan = Progressed(folder / "line.safetensors", lambda done: None), Plan(20, 1, 1, 0.1, 0)
    done = run_phase("line", line, losses, plan, files, QUIET, budget=Budget(hours, 40))
    return line.value.detach(), done


def curve(folder: Path) -> list[list[float]]:
    header, *rows = (folder / "line.csv").read_text().splitlines()
    assert header == "step,seconds,rate,total"
    return [[float(value) for value in row.split(",")] for row in rows]


@pytest.mark.parametrize("fitted", [Line, Filter])
def test_a_run_that_was_killed_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: type[torch.nn.Module]
) -> None:
    whole, _ = run_line(tmp_path / "whole", fitted=fitted)
    monkeypatch.setattr(phase, "SAVE_SECONDS", 0.0)  # every step
    with pytest.raises(KeyboardInterrupt):
        run_line(tmp_path / "killed", stop_at=13, fitted=fitted)
    (tmp_path / "killed" / "line.csv").open("a").write("17,9,9,9\n")  # as if killed between a row and a checkpoint
    monkeypatch.undo()
    again, done = run_line(tmp_path / "killed", fitted=fitted)
    assert torch.equal(again, whole)
    assert done.steps == 20
    assert [row[0] for row in curve(tmp_path / "killed")] == [*range(1, 14), 14, 20]


def test_a_terminal_has_no_more_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_line(tmp_path / "quiet")
    monkeypatch.setattr(sys.modules[__name__], "QUIET", Console(file=io.StringIO(), force_terminal=True))
    run_line(tmp_path / "terminal")
    rows = [[row[0] for row in curve(tmp_path / name)] for name in ("quiet", "terminal")]
    assert rows == [[1, 10, 20]] * 2


def test_what_judges_is_given_no_gradient_by_what_it_judges(tmp_path: Path) -> None:
    line, judge = Line(), Line()
    seen = []

    def losses(step: int) -> dict[str, torch.Tensor]:
        seen.append(judge.value.requires_grad)
        return {"total": (line.value * judge.value).sum() + line.value.square().sum()}

    opponent = Opponent(judge, lambda step: {"total": (judge.value - 1).square().sum()})
    files = Progressed(tmp_path / "line.safetensors", lambda done: None)
    run_phase("line", line, losses, Plan(20, 1, 1, 0.1, 0), files, QUIET, opponent)
    assert seen == [False] * 20
    assert judge.value.requires_grad
    assert judge.value.detach().min() > 0.5
    assert line.value.detach().max() < 0


def test_hours_end_a_phase_at_its_share_and_its_schedule_with_it(tmp_path: Path) -> None:
    _, done = run_line(tmp_path, hours=3 / 3600)  # 20 steps of 40 in all
    assert 1.5 <= done.seconds < 2.5
    assert done.steps > 100
    rates = [row[2] for row in curve(tmp_path)]
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates[-1] < 0.001
    assert run_line(tmp_path, stop_at=0, hours=3 / 3600)[1].steps == done.steps


def test_losses_that_are_not_finite_leave_the_last_checkpoint(tmp_path: Path) -> None:
    line, files = Line(), Progressed(tmp_path / "line.safetensors", lambda done: None)
    with pytest.raises(DynamicNetError) as diverged:
        run_phase("line", line, lambda step: {"total": line.value.sum() / 0}, Plan(20, 1, 1, 0.1, 0), files, QUIET)
    assert diverged.value.code == "training-diverged"
    assert not files.checkpoint.exists()


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    run_line(tmp_path)
    with pytest.raises(
        DynamicNetError, match=r"is of another network; remove it, or choose another --run\.$"
    ) as refused:
        run_line(tmp_path, fitted=Filter)
    assert refused.value.code == "run-taken"
    checkpoint = tmp_path / "line.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-8])
    with pytest.raises(DynamicNetError, match="cannot be read"):
        run_line(tmp_path)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    whole, _ = run_line(tmp_path)
    assert torch.equal(run_line(tmp_path, stop_at=0)[0], whole)


@pytest.mark.long
def test_a_run_stopped_by_a_signal_is_taken_up_by_another_process(
    trained: Path, content: Path, encoder: Path, tmp_path: Path
) -> None:
    out, run = tmp_path / "coffee", tmp_path / "run-coffee"
    process = subprocess.Popen(
        [sys.executable, "-m", "dynamicnet", *command(content, encoder, out)],
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()
        next(line for line in process.stdout if line.startswith("strength.high 0%  step 1  "))
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert str(run) in first
    assert process.returncode == 128 + signal.SIGTERM
    steps = re.search(r"strength.high: stopped after step (\d+), which is saved", rest)
    assert steps
    assert not out.exists()
    assert [phase.steps for phase in package.load(run / "coffee").manifest.training.phases] == [30, int(steps[1])]
    said = train(content, encoder, out)
    assert f"strength.high: going on after step {steps[1]}" in said
    assert (out / package.TENSORS).read_bytes() == (trained / package.TENSORS).read_bytes()


def test_a_file_that_a_later_start_trusts_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "run" / "recipe.json"
    for text in ("old", "new"):
        with suppress(KeyboardInterrupt), replaced(file) as partial:
            partial.write_text(text[:1])
            raise KeyboardInterrupt
        assert not file.exists() or file.read_text() == "old"
        with replaced(file) as partial:
            partial.write_text(text)
        assert file.read_text() == text
    in_place = re.compile(r"(save_file\((?!.*partial)|note\.write_)")
    assert not [f for f in (ROOT / "dynamicnet").rglob("*.py") if in_place.search(f.read_text())]


def test_a_run_folder_of_another_recipe_is_refused(trained: Path, content: Path, encoder: Path) -> None:
    with pytest.raises(DynamicNetError, match="another recipe"):
        train(content, encoder, trained, "--weight", "0.1,7")


def test_what_is_wrong_is_said_before_the_first_step_and_leaves_no_run(
    content: Path, encoder: Path, tmp_path: Path
) -> None:
    painting = tmp_path / "painting.jpg"
    painting.write_bytes(b"not a picture")
    out = tmp_path / "wrong"
    with pytest.raises(DynamicNetError, match=r"^The painting '.*painting\.jpg': "):
        train(content, encoder, out, "--style", str(painting))
    Image.new("RGB", (300, 200), "navy").save(painting)
    with pytest.raises(DynamicNetError, match="is of one colour"):
        train(content, encoder, out, "--style", str(painting))
    assert not (tmp_path / "run-wrong").exists()
    shutil.copy(SAMPLES / "rocket.jpg", painting)
    few = ("--style", str(painting), "--main-steps", "1", "--axis-steps", "1")
    train(content, encoder, out, *few)
    shutil.copy(SAMPLES / "coffee.jpg", painting)
    with pytest.raises(DynamicNetError, match="another recipe"):
        train(content, encoder, out, *few)  # of another painting by the same name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--weight=-1,5",), "--weight, .* are 0 or more"),
        (("--palette=-1",), "--palette are 0 or more"),
        (("--size", "8"), "--size is 32 or more"),
        (("--reach", "0"), "--reach more than 0"),
        (("--network", "upsampling"), "'upsampling' is not given a picture alone"),
        (("--network", "dilated"), "'dilated' is not given a picture alone"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    content: Path, encoder: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(DynamicNetError, match=sentence):
        train(content, encoder, tmp_path / "none", *options)


def test_packages_to_begin_with_are_styles_and_one_at_a_time(trained: Path, content: Path, tmp_path: Path) -> None:
    command = [
        *("train", "style", "--style", str(SAMPLES / "coffee.jpg"), "--content", str(content), "--axis", "scale"),
        *("--size", "64", "--out", str(tmp_path / "none"), "--run", str(tmp_path / "run")),
    ]
    heads = ROOT / "weights" / "drawn-heads"
    for options, sentence in (
        (("--base", trained, "--start", trained), "give one of them"),
        (("--start", trained, "--network", "johnson"), "a package's is given"),
        (("--start", heads), "is no style model: it is of generation"),
        (("--base", trained), "was trained with encoder.safetensors; give that as --encoder"),  # ours is another
    ):
        with pytest.raises(DynamicNetError, match=sentence):
            CliRunner().invoke(app, [*command, *map(str, options)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("against", "sentence"),
    [
        ("fixd", "'fixd' is no package, and none of fixed, long, dni"),
        ("another", "has no axis 'strength'"),
        (ROOT / "weights/drawn-heads", "is of generation, not style"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_measured(
    trained: Path, content: Path, encoder: Path, tmp_path: Path, monkeypatch, against: str | Path, sentence: str
) -> None:
    manifest = package.read_manifest(trained)
    axes = [axis.model_copy(update={"id": "other"}) for axis in manifest.axes]
    other = manifest.model_copy(update={"axes": axes})
    package.write(tmp_path / "another", other, package.build(other))
    monkeypatch.chdir(tmp_path)
    command = [
        *("evaluate", trained.name, "--weights", str(trained.parent), "--images", str(content), "--side", "64"),
        *("--encoder", str(encoder), "--out", str(tmp_path / "measured"), "--against", str(against)),
    ]
    with pytest.raises(DynamicNetError, match=sentence):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert not (tmp_path / "measured").exists()


def test_baselines_of_another_training_are_not_read_again(trained: Path, tmp_path: Path) -> None:
    def word(changes: dict) -> str:
        folder = tmp_path / f"{len(changes)}" / trained.name
        shutil.copytree(trained, folder)
        manifest = package.read_manifest(folder)
        main, *after = manifest.training.phases
        phases = [main.model_copy(update=changes), *after]
        training = manifest.training.model_copy(update={"phases": phases, "commands": []})
        package.write_manifest(folder, manifest.model_copy(update={"training": training}))
        axis = manifest.axes[0].model_copy(update={"middle": 0.1})
        return Baselines(folder, axis, None, tmp_path, QUIET).word

    assert word({}) == Baselines(trained, package.read_manifest(trained).axes[0], None, tmp_path, QUIET).word
    assert word({"seed": 7}) != word({"seed": 7, "steps": 31})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 0}, "was taken as it stood"),
        ({"started_from": "coffee"}, "went on from itself"),
        ({"started_from": "elsewhere"}, "started from 'elsewhere': copy that to"),
    ],
)
def test_why_there_are_no_baselines_is_said(trained: Path, tmp_path: Path, changes: dict, sentence: str) -> None:
    folder = tmp_path / trained.name
    shutil.copytree(trained, folder)
    manifest = package.read_manifest(folder)
    main, *after = manifest.training.phases
    training = manifest.training.model_copy(update={"phases": [main.model_copy(update=changes), *after]})
    package.write_manifest(folder, manifest.model_copy(update={"training": training}))
    with pytest.raises(DynamicNetError, match=sentence):
        beginning(folder, manifest.axes[0])


def test_the_learning_rate_warms_up_and_ends_at_nothing() -> None:
    plan = Plan(100, 1, 1, 1.0, 0)
    assert learning_rate(plan, 0) == pytest.approx(0.2)
    assert learning_rate(plan, 5) == pytest.approx(1.0)
    assert learning_rate(plan, 99) < 0.001


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DynamicNetError, match="no pictures"):
        Photos(tmp_path, 64, held_out=False)


def test_a_folder_of_unreadable_pictures_is_an_error(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"{i}.jpg").write_bytes(b"x")
    with pytest.raises(DynamicNetError, match=r"no pictures to train on .* damaged \(0\.jpg, "):
        Photos(tmp_path, 64, held_out=False)


def test_what_lies_among_photographs_is_left_out_counted_and_named_before_the_first_step(
    content: Path, encoder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(content, tmp_path / "content")
    photo = (SAMPLES / "coffee.jpg").read_bytes()
    (folder / "sub").mkdir()
    for name in ("._0-coffee.jpg", "sub/.hidden.jpg"):
        (folder / name).write_bytes(photo)
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "link.jpg").symlink_to("nowhere.jpg")
    (folder / os.fsdecode(b"k\xf6ln.txt")).touch()  # in Latin-1
    Image.new("RGB", (31, 200)).save(folder / "small.png")
    (folder / "cut-b.jpg").write_bytes(photo[: len(photo) * 19 // 20])  # which an upload would have its rows filled of
    (folder / "sub" / "also.JPG").write_bytes(photo)
    assert not any(is_held_out(folder / name) for name in ("small.png", "cut-b.jpg", "also.JPG"))
    said = " ".join(train(folder, encoder, tmp_path / "out", "--main-steps", "2", "--axis-steps", "2").split())
    for part in (
        "2 cut off or damaged (a-broken.jpg, cut-b.jpg)",
        "2 hidden (._0-coffee.jpg, .hidden.jpg)",
        "2 without a picture's suffix (Thumbs.db, k\N{REPLACEMENT CHARACTER}ln.txt)",
        "1 not to be opened (link.jpg)",
        "1 smaller than 32 pixels (small.png)",
    ):
        assert part in said
        assert said.index(part) < said.index("main ")
    phases = package.read_manifest(tmp_path / "out").training.phases
    assert [(phase.pictures, phase.skipped) for phase in phases] == [
        (len(Photos(content, 64, held_out=False).files) + 1, 8)
    ] * 2


def test_photographs_larger_than_uploads_may_be_are_read_and_small_ones_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (8200, 5500), "red").save(tmp_path / "45-megapixels.jpg")
    Image.new("RGB", (40, 60), "red").save(tmp_path / "small.png")
    photos = Photos(tmp_path, 96, held_out=None)
    assert [tuple(photos.read(file).shape) for file in photos.files] == [(3, 96, 143), (3, 144, 96)]
    assert photos.centres().shape == (2, 3, 96, 96)


def test_the_same_seed_draws_the_same_squares(content: Path) -> None:
    photos = Photos(content, 64, held_out=False)
    again = Photos(content, 64, held_out=False)
    assert torch.equal(photos.batch(3, "7 main 1"), again.batch(3, "7 main 1"))
    assert not torch.equal(photos.batch(3, "7 main 1"), photos.batch(3, "7 main 2"))


def test_no_picture_is_both_trained_on_and_held_out(content: Path) -> None:
    trained_on = set(Photos(content, 64, held_out=False).files)
    held_out = set(Photos(content, 64, held_out=True).files)
    assert trained_on
    assert held_out
    assert not trained_on & held_out
