"""Packs what the pieces need and a machine without a network lacks: ``make gpu-pack`` (docs/gpu.md).

Everything goes into folders of its own, so that a call need carry no more than it uses.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.12"
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (34, 31, 28, 27, 24, 17)]
PLATFORMS += ["manylinux2014_x86_64", "manylinux1_x86_64"]
TESTED_WITH = ["pytest>=8.3", "pytest-xdist>=3.6"]
NEVER = {"torch", "numpy"}  # what such a machine is there for
FACES = ("male-[nw]*", "female-n*")  # those that weights/train.sh trains on
FACE_QUALITY = 80


def normal(name: str) -> str:
    """A distribution's name as indices compare it, of a requirement or of a wheel's file."""
    for end in "<>=!~[; ":
        name = name.split(end)[0]
    return name.lower().replace("_", "-").replace(".", "-")


def wheels(folder: Path, there: set[str]) -> None:
    """Download what the library, the server, the tests and drawn heads need, but for what is there already."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["heads"], *TESTED_WITH]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version", PYTHON]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    command += ["--constraint", str(ROOT / "constraints.txt"), "--dest", str(folder)]
    subprocess.run([*command, *(name for name in wanted if normal(name) not in NEVER)], check=True)
    for wheel in folder.glob("*.whl"):
        if normal(wheel.name.split("-")[0]) in there | NEVER:
            wheel.unlink()


def faces(source: Path, target: Path) -> None:
    """Copy faces as WebP, under the names they had: names say which are held out."""
    for folder in (found for pattern in FACES for found in source.glob(pattern)):
        (target / folder.name).mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            with Image.open(file) as picture:
                picture.convert("RGB").save(target / folder.name / file.name, "WEBP", quality=FACE_QUALITY, method=6)


def main() -> None:
    """Pack, and say how large each folder is."""
    parser = argparse.ArgumentParser(prog="python -m gpu.pack")
    parser.add_argument(
        "data", type=Path, help="holds content/, faces/, styles/ and perceptual/, as weights/train.sh says"
    )
    parser.add_argument("pack", type=Path, help="folder to write")
    parser.add_argument("--there", type=Path, help="what `pip list --format=freeze` says there: it is left out")
    given = parser.parse_args()
    lines = given.there.read_text().splitlines() if given.there else []
    shutil.rmtree(given.pack, ignore_errors=True)
    wheels(given.pack / "wheels", {normal(line.strip()) for line in lines})
    faces(given.data / "faces", given.pack / "faces")
    for name in ("content", "styles"):
        shutil.copytree(given.data / name, given.pack / name)
    for names in given.data.glob("*.txt"):  # of photographs that are not trained on
        shutil.copyfile(names, given.pack / names.name)
    (given.pack / "perceptual").mkdir()
    for encoder in (given.data / "perceptual").glob("*.safetensors"):
        shutil.copyfile(encoder, given.pack / "perceptual" / encoder.name)
    table = Table("folder", "files", "MB")
    for folder in sorted(given.pack.iterdir()):
        files = [file for file in (folder, *folder.rglob("*")) if file.is_file()]
        table.add_row(folder.name, str(len(files)), f"{sum(file.stat().st_size for file in files) / 1e6:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
