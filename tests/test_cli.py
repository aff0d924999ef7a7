"""The command line takes the same road as the server and says what is wrong in one sentence."""

import io
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from authors_layout import random_state
from conftest import DEVICE
from PIL import ExifTags, Image
from safetensors.torch import load_file, save_file

from dynamicnet import Inputs, Model, __version__, package, pictures
from dynamicnet.cli import main
from dynamicnet.folders import RECORD
from server.settings import ROOT, Settings

PHOTO = ROOT / "static" / "samples" / "chelsea.jpg"
FIRST = package.find(Settings().weights)[0]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command line does with these, in this process: to start another for each takes seconds."""
    code, out, err = None, io.StringIO(), io.StringIO()
    with patch.object(sys, "argv", ["dynamic-net", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, code or 0, out.getvalue(), err.getvalue())


def test_infer_writes_what_the_library_renders(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    axis = package.read_manifest(FIRST).axes[0]
    result = run("infer", str(PHOTO), "--model", FIRST.name, "--alpha", f'{{"{axis.id}": 0.6}}', "-o", str(out))
    assert result.returncode == 0, result.stderr
    model = Model.load(str(FIRST), DEVICE)
    rendered = model.render(model.prepare(model.encode(Inputs(image=PHOTO.read_bytes()))), {axis.id: 0.6})
    got, wanted = (pictures.to_tensor(p.convert("RGB")) for p in (Image.open(out), rendered))
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max() <= 1 / 255 + 1e-6


def test_the_suffix_decides_the_format_and_max_side_the_size(tmp_path: Path) -> None:
    out = tmp_path / "out.JPG"
    assert run("infer", str(PHOTO), "--max-side", "128", "-o", str(out)).returncode == 0
    with Image.open(io.BytesIO(out.read_bytes())) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", 128)


def test_metadata_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    photo, exif = tmp_path / "photo.jpg", Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane"
    Image.open(PHOTO).save(photo, exif=exif)
    for options, wanted in (([], None), (["--metadata", "keep"], "Jane")):
        result = run("infer", str(photo), "--max-side", "64", *options, "-o", str(tmp_path / "out.png"))
        assert result.returncode == 0, result.stderr
        assert Image.open(tmp_path / "out.png").getexif().get(ExifTags.Base.Artist) == wanted


def test_what_is_not_as_one_expects_of_a_file_is_said_on_stderr(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(PHOTO.read_bytes()[: PHOTO.stat().st_size * 19 // 20])
    for command in (["infer"], ["sweep", "--frames", "2"]):
        result = run(*command, str(cut), "--max-side", "64", "-o", str(tmp_path / "out.png"))
        assert result.returncode == 0
        assert "rows are missing" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--alpha", "7"], "out of range"),
        (["--alpha", "nonsense"], "Cannot read alpha"),
        (["--model", "no-such-model"], "no model package"),
        (["--max-side", "3"], "max_side must be at least"),
        (["--quality", "0"], "quality goes from 1 to 100"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_1(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    result = run("infer", str(PHOTO), "-o", str(tmp_path / "out.png"), *arguments)
    assert result.returncode == 1
    assert sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("option", ["--mask", "--where", "--latent"])
def test_a_folder_where_a_file_is_needed_is_one_sentence(option: str, tmp_path: Path) -> None:
    result = run("infer", str(PHOTO), "-o", str(tmp_path / "out.png"), option, str(tmp_path))
    assert result.returncode == 2
    assert "directory" in result.stderr


def test_a_folder_that_is_not_there_and_a_misspelt_variable_are_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DYNAMICNET_WEIGTHS", str(tmp_path))
    result = run("infer", str(PHOTO), "--weights", "no-such", "--model", "x", "-o", str(tmp_path / "out.png"))
    assert "There is no setting DYNAMICNET_WEIGTHS; did you mean DYNAMICNET_WEIGHTS?" in result.stderr
    assert "There is no folder 'no-such'." in result.stderr


def test_an_unknown_suffix_is_refused_before_any_work(tmp_path: Path) -> None:
    result = run("infer", str(PHOTO), "-o", str(tmp_path / "out.xyz"))
    assert result.returncode == 1
    assert "no format 'xyz'" in " ".join(result.stderr.split())


@pytest.mark.parametrize("command", ["infer", "sweep"])
def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(command: str, tmp_path: Path) -> None:
    own = tmp_path / f"own{PHOTO.suffix}"
    shutil.copy(PHOTO, own)
    for output, sentence in (
        (tmp_path / "missing" / "x.png", "There is no folder"),
        (tmp_path, "Cannot write"),
        (own, f"'{own}' is what is read"),
    ):
        result = run(command, str(own), "--weights", "no-model-is-looked-for", "-o", str(output))
        assert result.returncode == 1
        assert " ".join(result.stderr.split()).startswith(sentence)


def test_a_folder_is_taken_up_where_it_stopped(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "more").mkdir(parents=True)
    with Image.open(PHOTO) as photo:
        for name in ("a.jpg", "b.png", "more/c.JPEG", "d.tif", "d.tif.png"):
            photo.resize((96, 64)).save(photos / name)
    for name in ("link.jpg", ".#a.jpg"):
        (photos / name).symlink_to("gone.jpg")
    (photos / "broken.jpg").write_bytes(b"nothing that can be read")
    (photos / "notes.txt").write_text("not a photograph")
    with Image.open(photos / "d.tif") as photo:
        photo.save(photos / "d.tif", save_all=True, append_images=[photo.copy()])
    again = ["infer", str(photos), "--model", FIRST.name, "--alpha", "0.50", "--out"]
    result = run(*again, str(out))
    again[5] = "0.5"
    assert result.returncode == 1
    assert result.stdout == f"{out}: 5 made; 2 left out; 1 without a picture's suffix (.txt)\n"
    said = result.stderr.splitlines()
    assert said.pop() == f"{photos / 'd.tif'}: The file holds 2 pages; the first was used."
    assert [line.split(": ")[1] for line in said] == [*(str(photos / name) for name in ("link.jpg", "broken.jpg"))]
    (photos / "link.jpg").unlink()
    (out / RECORD).rename(tmp_path / "settings")
    made = {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*.*"))}
    (tmp_path / "settings").rename(out / RECORD)
    assert list(made) == ["a.jpg", "b.png", "d.tif.png", "d.tif.png.png", "more/c.JPEG"]
    run("infer", str(photos / "b.png"), "--model", FIRST.name, "--alpha", "0.5", "-o", str(tmp_path / "alone.png"))
    assert made["b.png"] == (tmp_path / "alone.png").read_bytes()
    (photos / "broken.jpg").unlink()
    (out / "a.jpg").unlink()
    (out / "b.png").write_bytes(b"as it was left")
    result = run(*again, str(out))
    assert result.returncode == 0
    assert result.stdout == f"{out}: 1 made; 4 there already; 1 without a picture's suffix (.txt)\n"
    assert (out / "a.jpg").read_bytes() == made["a.jpg"]
    assert (out / "b.png").read_bytes() == b"as it was left"
    os.utime(photos / "b.png", (time.time() + 60,) * 2)
    assert run(*again, str(out)).stdout.startswith(f"{out}: 1 made; 4 there already"), "what was replaced is made anew"
    assert (out / "b.png").read_bytes() == made["b.png"]
    (out / "a.jpg").unlink()
    notes = str(photos / "notes.txt")
    for wrong, sentence in (
        ([str(photos)], "needs a folder of its own"),
        ([notes], f"'{notes}' is a file"),
        ([str(tmp_path / "x.png")], "is a picture's name"),
        ([str(out), "--alpha", "0.6", "--quality", "80"], "was made with alpha 0.5, quality 90; name another folder"),
        ([str(tmp_path / "new"), "--alpha", "7"], "out of range"),
        ([str(tmp_path / "new"), "--where", notes], "map where"),
    ):
        result = run(*again, *wrong)
        assert result.returncode == 1
        assert sentence in " ".join(result.stderr.split())
        assert "Left out" not in result.stderr
    assert not (out / "a.jpg").exists()
    assert not (tmp_path / "new").exists()


def test_no_photograph_of_a_folder_keeps_the_others_from_being_painted(tmp_path: Path) -> None:
    photos, out, others = (tmp_path / name for name in ("photos", "out", "others"))
    long = f"{'n' * 246}.jpg"
    for file in (photos / "a.jpg", photos / "b.tif", photos / long, photos / "b.tif.png" / "c.jpg", others / "a.jpg"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(PHOTO) as photo:
            photo.resize((96, 64)).save(file)
    (photos / "linked").symlink_to(others)
    (out / "a.jpg").parent.mkdir()
    (out / "a.jpg").write_bytes(b"somebody's own, and older")
    os.utime(out / "a.jpg", (0, 0))
    options = ["--model", FIRST.name, "--alpha", "0.5"]
    result = run("infer", str(photos), *options, "--out", str(out))
    assert (result.returncode, result.stdout) == (1, f"{out}: 3 made; 2 left out\n")
    assert f"{photos / 'linked'}: folders that are linked to" in result.stderr
    assert f"'{out / 'a.jpg'}' is there, and was not made here" in result.stderr
    assert (out / "a.jpg").read_bytes() == b"somebody's own, and older"
    assert {file.name for file in out.rglob("*.*")} == {RECORD, "a.jpg", "b.tif.png.png", long, "b.tif.png", "c.jpg"}
    with Image.open(PHOTO) as photo:
        photo.resize((64, 96)).save(photos / long)
    os.utime(photos / long, (1, 1))
    result = run("infer", str(photos), *options, "--out", str(out))
    assert result.stdout == f"{out}: 1 made; 2 there already; 2 left out\n", "replaced by an older one"
    result = run("infer", str(others), *options, "--out", str(out))
    assert f"was made with photographs {photos.resolve()}; name another folder" in result.stderr
    weights = tmp_path / "weights"
    for file in FIRST.iterdir():
        (weights / FIRST.name).mkdir(parents=True, exist_ok=True)
        (weights / FIRST.name / file.name).symlink_to(file)
    again = ["infer", str(photos), *options, "--out", str(out), "--weights", str(weights)]
    result = run(*again)
    assert result.stdout == f"{out}: 0 made; 3 there already; 2 left out\n"
    tensors = load_file(weights / FIRST.name / package.TENSORS)
    (weights / FIRST.name / package.TENSORS).unlink()
    save_file({name: tensor * 1.5 for name, tensor in tensors.items()}, weights / FIRST.name / package.TENSORS)
    assert "was made with weights " in run(*again).stderr, "of a model that was trained on"
    out.rename(photos / "made")
    result = run("infer", str(photos), *options, "--out", str(tmp_path / "again"))
    assert "again: 4 made; 2 left out" in result.stdout, "what was made before is no photograph, and somebody's own is"


def test_what_is_said_can_be_pasted(tmp_path: Path) -> None:
    axis = package.read_manifest(FIRST).axes[0]
    given = f'{{"{axis.id}": 0.5}}'
    result = run("infer", str(PHOTO), "--max-side", "64", "--alpha", given, "-o", str(tmp_path / "out.png"))
    assert result.stdout.endswith(f"alpha {given}\n")


def test_a_damaged_package_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "a-damaged").mkdir()
    (tmp_path / "a-damaged" / "model.json").write_text('{"format": 1')
    (tmp_path / FIRST.name).symlink_to(FIRST)
    result = run("models", "--weights", str(tmp_path))
    assert result.returncode == 0
    assert FIRST.name in result.stdout
    assert result.stderr.startswith("Left out: The model package 'a-damaged' is not valid: model.json cannot be read")
    result = run("infer", str(PHOTO), "--weights", str(tmp_path), "--max-side", "64", "-o", str(tmp_path / "x.png"))
    assert result.returncode == 0, "the first that can be used"
    result = run("models", "--weights", str(tmp_path / "none"))
    assert (result.returncode, result.stderr) == (1, f"There is no folder '{tmp_path / 'none'}'.\n")


def test_version() -> None:
    assert run("--version").stdout == f"dynamic-net {__version__}\n"


def test_brackets_are_printed_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "photo[plots].png"
    assert out.name in run("infer", str(PHOTO), "--max-side", "64", "-o", str(out)).stdout.replace("\n", "")
    assert "format 'x[red]'" in run("infer", str(PHOTO), "-o", str(tmp_path / "a.x[red]")).stderr.replace("\n", " ")


def test_models_lists_every_package() -> None:
    command = [Path(sys.executable).with_name("dynamic-net"), "models"]  # as installed
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    for folder in package.find(Settings().weights):
        assert folder.name in result.stdout


@pytest.mark.parametrize("command", ["", "infer", "sweep", "models", "train style", "import", "evaluate", "serve"])
def test_help_is_there(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_import_writes_a_package_that_infer_can_use(tmp_path: Path) -> None:
    torch.save(random_state("style"), tmp_path / "net.pth")
    weights = str(tmp_path / "weights")
    done = run("import", str(tmp_path / "net.pth"), "--kind", "style", "--name", "theirs", "--weights", weights)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out.png"
    done = run("infer", str(PHOTO), "--weights", weights, "--max-side", "64", "--alpha", "0.5", "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert out.exists()
