"""A GPU's first half hour, as far as there need be no GPU: what is packed, and every piece on the CPU."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import write_encoder
from PIL import Image

from dynamicnet import Model, package, pictures
from dynamicnet.training.photos import is_held_out
from gpu import pack
from gpu.train import COMMANDS, JOBS
from server.settings import ROOT, STATIC

SAMPLES = sorted((STATIC / "samples").glob("*.jpg"))


def test_every_recipe_has_its_place_in_the_half_hour():
    script = (ROOT / "weights" / "train.sh").read_text()
    recipes = " ".join(re.findall(r"^all\+?=\((.*)\)$", script, re.MULTILINE)).split()
    assert sorted(name for job in JOBS for name in job) == sorted(recipes)


@pytest.mark.parametrize("recipe", [name for job in JOBS for name in job])
def test_a_recipe_shares_its_hours_among_as_many_trainings_as_it_runs(recipe, tmp_path):
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, does in (
        ("dynamic-net", 'echo "$@" >> ran'),
        ("python", "mkdir -p runs/styles; touch runs/styles/$PPID.png"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "ran").touch()
    script = ROOT / "weights" / "train.sh"
    subprocess.run(["bash", script, recipe, "--", "--hours", "1"], cwd=tmp_path, check=True)
    assert (tmp_path / "ran").read_text().count("--hours 1") == COMMANDS.get(recipe, 1)


def test_faces_are_packed_under_their_names_which_say_what_is_held_out(tmp_path):
    folder = tmp_path / "faces" / "male-noble"
    folder.mkdir(parents=True)
    for sample in SAMPLES:
        with Image.open(sample) as face:
            face.resize((64, 64)).save(folder / sample.name)
    pack.faces(tmp_path / "faces", tmp_path / "packed")
    for sample in SAMPLES:
        packed = tmp_path / "packed" / "male-noble" / sample.name
        assert is_held_out(packed) == is_held_out(sample)
        before, after = (pictures.read((path / sample.name).read_bytes()) for path in (folder, packed.parent))
        assert np.abs(np.asarray(before, np.int16) - np.asarray(after, np.int16)).mean() < 6


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A pack of photographs of the samples, with a small encoder; no wheels, for all is installed here."""
    folder = tmp_path / "pack"
    (folder / "content").mkdir(parents=True)
    for number in range(4):
        for sample in SAMPLES:
            shutil.copy(sample, folder / "content" / f"{number}-{sample.name}")
    (folder / "styles").mkdir()
    for name, sample in zip(("starry_night", "the_scream", "udnie"), SAMPLES, strict=False):
        shutil.copy(sample, folder / "styles" / f"{name}.jpg")
    (folder / "perceptual").mkdir()
    encoder = write_encoder(folder, 8, 12, 16, 16)
    for name in ("vgg19_to_conv31", "vgg19_distilled_16x"):
        shutil.copy(encoder, folder / "perceptual" / f"{name}.safetensors")
    return folder


@pytest.mark.slow
def test_every_piece_runs_on_the_cpu_from_beginning_to_end(packed, tmp_path):
    out = tmp_path / "out"

    def piece(name: str, minutes: float, more: str = "") -> None:
        command = [sys.executable, "-m", "gpu", name, "--pack", str(packed), "--out", str(out), "--device", "cpu"]
        subprocess.run([*command, "--minutes", str(minutes), "--quick", f"--more={more}"], cwd=ROOT, check=True)

    piece("tests", 3, "tests/test_debounce.py tests/test_cuda.py")
    assert "passed" in (out / "tests.txt").read_text()
    piece("bench", 4)
    assert any(name.startswith("paper") for name in json.loads((out / "bench.json").read_text()))
    piece("train", 4, "starry-scream")
    for archive in out.glob("trained-*.tar"):
        with tarfile.open(archive) as opened:
            opened.extractall(tmp_path / "trained", filter="data")
    trained = package.find(tmp_path / "trained" / "weights")
    assert [folder.name for folder in trained] == ["starry-night"]
    manifest = Model.load(trained[0], "cpu").manifest
    assert [axis.id for axis in manifest.axes] == ["strength", "scale", "style", "udnie"]
    assert manifest.training.phases[-1].steps
    assert list((tmp_path / "trained" / "runs").glob("*/*.csv"))
    assert all(file.stat().st_size < 16 * 2**20 for file in out.iterdir())
