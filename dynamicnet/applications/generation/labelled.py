"""Labelled pictures: folders or files whose names are labels, or CelebA in any of the forms it is handed out in."""

import csv
import random
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import HIDDEN, NAMED, Pictures, centre, find, is_of

TABLES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
ALIGNED = "img_align_celeba"
WITHOUT = "no-"
MISSING = "listed and not there"


class Labelled(Pictures):
    """The pictures of one subset, each as its centre square, scaled to ``side`` pixels."""

    def __init__(
        self,
        folder: Path,
        subset: str,
        side: int,
        *,
        held_out: bool,
        limit: int | None = None,
        console: Console | None = None,
    ) -> None:
        """List a subset.

        Args:
            folder: of folders or files whose names are labels; or CelebA's, as its authors, torchvision or Kaggle
                lay it out.
            subset: a pattern of names, ``male-*``; or an attribute of CelebA's, ``Male``, or ``no-Male`` for the
                pictures without it.
            side: of the squares, in pixels.
            held_out: the part that is never trained on, or the other.
            limit: only the first so many that can be used.
            console: where to say what was left out.

        Raises:
            DynamicNetError: ``no-pictures``, ``attribute-unknown`` or ``labels-invalid``.
        """
        pictures, others = find(folder)
        table = next((file for file in others if file.name in TABLES), None)
        if table is None:
            found = [file for file in pictures if named(file, folder, subset)]
            skipped = {file: why for file, why in others.items() if named(file, folder, subset)}
        else:
            found, missing = _celeba(table, pictures, subset)
            skipped = dict.fromkeys(missing, MISSING) | {file: why for file, why in others.items() if why == HIDDEN}
        what = f"pictures {'held out' if held_out else 'to train on'} of '{subset}' in '{folder}'"
        if not found:
            raise DynamicNetError("no-pictures", f"There are no {what}{_instead(folder, others)}.")
        files = sorted(file for file in found if is_of(held_out, file))
        super().__init__(what, files, side, {} if held_out else skipped, limit, console)

    def batch(self, count: int, seed: str) -> Tensor:
        """Random pictures, (count, 3, side, side) in [0, 1]; the same seed, the same pictures."""
        chosen = random.Random(seed).choices(self.files, k=count)
        return torch.stack([centre(self.read(file), self.side) for file in chosen]).float() / 255


def named(file: Path, folder: Path, pattern: str) -> bool:
    """Whether a file, or a folder that it lies in, is of a name."""
    name = file.relative_to(folder).as_posix()
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*")


def _instead(folder: Path, others: Iterable[Path]) -> str:
    """What there is where there are no pictures, for people."""
    packed = [file.name for file in others if file.suffix in (".zip", ".7z", ".001")]
    if packed:
        return f": unpack {packed[0]} first"
    names = sorted(one.name for one in folder.iterdir() if one.is_dir())
    return f"; its folders are {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''}" if names else ""


def _celeba(table: Path, pictures: list[Path], subset: str) -> tuple[list[Path], list[Path]]:
    """The pictures, wherever they lie, that CelebA's table says are with an attribute or without it.

    Returns:
        Those; and where those would be that are not there.
    """
    names, rows = _rows(table)
    attribute = subset.removeprefix(WITHOUT)
    if attribute not in names:
        raise DynamicNetError(
            "attribute-unknown", f"There is no attribute '{attribute}'; there are {', '.join(names)}."
        )
    column = names.index(attribute) + 1
    aligned = [file for file in pictures if any(part.startswith(ALIGNED) for part in file.parts)]
    by_stem = {file.stem: file for file in aligned or pictures}  # where pictures are PNG, the table says JPEG
    found, missing = [], []
    for row in rows:
        if (row[column] == "1") != subset.startswith(WITHOUT):
            file = by_stem.get(Path(row[0]).stem)
            if file:
                found.append(file)
            else:
                missing.append(table.parent / row[0])
    return found, missing


def _rows(table: Path) -> tuple[list[str], list[list[str]]]:
    """The attributes' names; and rows of a picture's name and, for each attribute, 1 or something else.

    Kaggle's table is CSV. The authors' has a count, a line of names, and then lines with spaces between.

    Raises:
        DynamicNetError: ``labels-invalid``.
    """
    comma = table.suffix == ".csv"
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = [row for row in (csv.reader(file) if comma else map(str.split, file)) if row]
    lines += [[], []][len(lines) :]
    names, rows = (lines[0][1:], lines[1:]) if comma else (lines[1], lines[2:])
    for row in rows:
        if len(row) != len(names) + 1:
            raise DynamicNetError(
                "labels-invalid",
                f"'{table}' names {len(names)} attributes, and has {len(row) - 1} values for '{row[0]}'.",
            )
    return names, rows
