"""Training pictures: a folder, split once and for all into what is trained on and what is held out."""

import hashlib
import random
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.errors import DynamicNetError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
HELD_OUT = "one picture in eight, by the SHA-256 of its file name"


def is_held_out(file: Path) -> bool:
    """Whether a picture is never trained on: decided by its name alone, so every run and every tool agrees."""
    return hashlib.sha256(file.name.encode()).digest()[0] % 8 == 0


class Photos:
    """The pictures of one part of a folder, scaled so that their shorter side is ``side`` pixels.

    Attributes:
        files: the pictures' files, by name.
        skipped: files that turned out to be unreadable.
    """

    def __init__(self, folder: Path, side: int, *, held_out: bool | None, exclude: Collection[str] = ()) -> None:
        """List a folder, subfolders included, but for files whose names are in ``exclude``.

        Args:
            folder: which.
            side: see above.
            held_out: what is held out, or what is trained on; None for both.
            exclude: names of files.

        Raises:
            DynamicNetError: ``no-pictures``.
        """
        found = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
        self.files = [f for f in found if held_out in (None, is_held_out(f)) and f.name not in exclude]
        self.side = side
        self.skipped: set[Path] = set()
        if not self.files:
            part = {None: "", True: " held out", False: " to train on"}[held_out]
            raise DynamicNetError("no-pictures", f"There are no pictures{part} in '{folder}' ({len(found)} in all).")
        self.read = lru_cache(maxsize=2048)(self._decode)  # 2,048 pictures of 256 pixels are about half a gigabyte

    def _decode(self, file: Path) -> Tensor | None:
        try:
            picture = pictures.fit(pictures.read(file.read_bytes()), self.side)
        except (DynamicNetError, OSError):
            self.skipped.add(file)
            return None
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()

    def batch(self, count: int, seed: str) -> Tensor:
        """Random squares, half of them mirrored: (count, 3, side, side) in [0, 1]; the same seed, the same squares.

        Raises:
            DynamicNetError: ``no-pictures``, nothing in the folder can be read.
        """
        draw = random.Random(seed)
        squares: list[Tensor] = []
        while len(squares) < count:
            if len(self.skipped) == len(self.files):
                raise DynamicNetError("no-pictures", f"None of the {len(self.files)} pictures can be read.")
            picture = self.read(draw.choice(self.files))
            if picture is None:
                continue
            top, left = (draw.randrange(side - self.side + 1) for side in picture.shape[1:])
            square = picture[:, top : top + self.side, left : left + self.side]
            squares.append(square.flip(2) if draw.random() < 0.5 else square)
        return torch.stack(squares).float() / 255

    def centres(self, limit: int | None = None) -> Tensor:
        """The centre squares of the first ``limit`` readable pictures: (N, 3, side, side) in [0, 1]."""
        squares: list[Tensor] = []
        for file in self.files:
            if len(squares) == limit:
                break
            picture = self.read(file)
            if picture is not None:
                top, left = ((side - self.side) // 2 for side in picture.shape[1:])
                squares.append(picture[:, top : top + self.side, left : left + self.side])
        if not squares:
            raise DynamicNetError("no-pictures", f"None of the {len(self.files)} pictures can be read.")
        return torch.stack(squares).float() / 255
