"""The frozen encoder: distilled from wider ones, and what ships is what commands look with."""

import shutil
from pathlib import Path

import pytest
from conftest import write_encoder
from safetensors.torch import load_file
from torch.nn.functional import conv2d
from typer.testing import CliRunner

from dynamicnet import package
from dynamicnet.cli import app
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.objectives.gram import STYLE_LAYERS
from dynamicnet.pictures import read, to_tensor

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "static" / "samples"
SHIPPED = ROOT / "weights" / "encoder.safetensors"


def run(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments, catch_exceptions=False).output


def photographs(folder: Path) -> Path:
    folder.mkdir()
    for i in range(4):
        for sample in sorted(SAMPLES.glob("*.jpg")):
            shutil.copy(sample, folder / f"{i}-{sample.name}")
    return folder


def test_a_student_comes_to_see_what_its_teachers_see(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    (tmp_path / "narrow").mkdir()
    wide, narrow = write_encoder(tmp_path / "wide", 16, 24, 32), write_encoder(tmp_path / "narrow", 4, 6, 8, 8)
    folder = photographs(tmp_path / "photographs")
    picture = to_tensor(read((SAMPLES / "coffee.jpg").read_bytes()))[..., :192, :192]
    wanted = Encoder(wide)(picture, ["conv31"])["conv31"]

    def apart(steps: int, rate: float) -> float:
        """Of what a student's lift makes of its features, from the teacher's."""
        out = tmp_path / f"student-{steps}.safetensors"
        run(
            *("train", "encoder", "--teacher", str(wide), "--teacher", str(narrow), "--out", str(out)),
            *("--content", str(folder), "--source", "two", "--licence", "CC0-1.0", "--batch", "2", "--crop", "64"),
            *("--steps", str(steps), "--rate", str(rate), "--run", str(tmp_path / f"run-{steps}")),
        )
        student, tensors = Encoder(out), load_file(out)
        assert student.layers == Encoder(narrow).layers
        assert {layer: len(lift) for layer, lift in student.lifts.items()} == {"conv31": 8, "conv41": 8}
        lift = (tensors[f"conv31_aux.{part}"].float() for part in ("weight", "bias"))
        made = conv2d(student(picture, ["conv31"])["conv31"], *lift)
        return float((made - wanted).square().mean() / wanted.var())

    first, last = apart(1, 1e-9), apart(100, 3e-3)
    assert last < 0.8 * first, (first, last)


@pytest.mark.usefixtures("of_few")
@pytest.mark.slow
def test_a_slider_of_ones_own_needs_a_painting_and_photographs_and_nothing_else(tmp_path: Path) -> None:
    assert SHIPPED.stat().st_size <= 4e6
    assert set(STYLE_LAYERS) <= set(Encoder(SHIPPED).lifts)
    folder = photographs(tmp_path / "photographs")
    out = tmp_path / "coffee"
    few = (
        "--main-steps",
        "1",
        "--axis-steps",
        "1",
        "--path-steps",
        "1",
        "--batch",
        "1",
        "--crop",
        "64",
        "--size",
        "96",
    )
    run(
        *("train", "style", "--style", str(SAMPLES / "coffee.jpg"), "--content", str(folder), "--out", str(out)),
        *("--run", str(tmp_path / "run"), "--start", str(ROOT / "weights" / "starry-night"), *few),
    )
    manifest = package.read_manifest(out)
    assert (manifest.title, manifest.network.name, manifest.axes[0].range) == ("coffee", "scales", (-1.0, 1.0))
    measuring = (
        "--side",
        "64",
        "--limit",
        "1",
        "--yardstick",
        "1",
        "--iterations",
        "1",
        "--out",
        str(tmp_path / "curve"),
    )
    run("evaluate", "coffee", "--weights", str(tmp_path), "--images", str(folder), *measuring, "--write")
    assert package.read_manifest(out).measured["encoder"] == SHIPPED.name
