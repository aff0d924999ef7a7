"""Labelled pictures: folders whose names are labels, or CelebA as it is distributed."""

import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import SUFFIXES, is_held_out

ATTRIBUTES = "list_attr_celeba.txt"
WITHOUT = "no-"


class Labelled:
    """The pictures of one subset, each as its centre square, scaled to ``side`` pixels.

    Attributes:
        files: the pictures' files, by name.
    """

    def __init__(self, folder: Path, subset: str, side: int, *, held_out: bool) -> None:
        """List a subset.

        Args:
            folder: of folders whose names are labels; or CelebA's, with img_align_celeba/ and list_attr_celeba.txt.
            subset: a pattern of folders' names, ``male-*``; or an attribute of CelebA's, ``Male``, or ``no-Male``
                for the pictures without it.
            side: of the squares, in pixels.
            held_out: the part that is never trained on, or the other.

        Raises:
            DynamicNetError: ``no-pictures`` or ``attribute-unknown``.
        """
        found = _celeba(folder, subset) if (folder / ATTRIBUTES).exists() else _folders(folder, subset)
        self.files = sorted(f for f in found if is_held_out(f) == held_out)
        self.side = side
        if not self.files:
            part = "held out" if held_out else "to train on"
            raise DynamicNetError("no-pictures", f"There are no pictures {part} of '{subset}' in '{folder}'.")
        self._read = lru_cache(maxsize=65536)(self._decode)  # 65,536 squares of 64 pixels are 800 megabytes

    def _decode(self, file: Path) -> Tensor:
        picture = pictures.read(file.read_bytes())
        square = ImageOps.fit(picture, (self.side, self.side), Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()

    def batch(self, count: int, seed: str) -> Tensor:
        """Random pictures, (count, 3, side, side) in [0, 1]; the same seed, the same pictures.

        Raises:
            DynamicNetError: a picture cannot be read.
        """
        return self._stack(random.Random(seed).choices(self.files, k=count))

    def all(self, limit: int | None = None) -> Tensor:
        """The first ``limit`` pictures, (N, 3, side, side) in [0, 1].

        Raises:
            DynamicNetError: a picture cannot be read.
        """
        return self._stack(self.files[:limit])

    def _stack(self, files: list[Path]) -> Tensor:
        return torch.stack([self._read(file) for file in files]).float() / 255


def _folders(folder: Path, pattern: str) -> Iterator[Path]:
    for label in folder.glob(pattern):
        yield from (f for f in label.rglob("*") if f.suffix.lower() in SUFFIXES)


def _celeba(folder: Path, subset: str) -> Iterator[Path]:
    """CelebA's table: a count, the attributes' names, then on each line a file's name and 1 or -1 for each."""
    lines = (folder / ATTRIBUTES).read_text("utf-8").splitlines()
    names = lines[1].split()
    attribute = subset.removeprefix(WITHOUT)
    if attribute not in names:
        raise DynamicNetError(
            "attribute-unknown", f"There is no attribute '{attribute}'; there are {', '.join(names)}."
        )
    wanted = "-1" if subset.startswith(WITHOUT) else "1"
    column = names.index(attribute) + 1
    for line in lines[2:]:
        fields = line.split()
        if fields and fields[column] == wanted:
            yield folder / "img_align_celeba" / fields[0]
