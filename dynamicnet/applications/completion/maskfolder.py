"""A folder of masks, to train on or to measure on, with holes of either colour.

NVIDIA's irregular masks, for one, are white in the hole in the part to test on, and black in the part to train on.
"""

import random
from pathlib import Path
from statistics import fmean
from typing import Literal

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.completion.hole import MOST, levels_of
from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import REASONS, Pictures, centre, find

Hole = Literal["white", "black"]


class MaskFolder(Pictures):
    """The centre squares of masks, scaled to ``side`` pixels."""

    reasons = REASONS | {"mask-unclear": "neither black nor white", "mask-empty": "without a hole, or nothing else"}

    def __init__(self, folder: Path, hole: Hole, side: int, console: Console) -> None:
        """Read them, and say what they are taken for.

        Args:
            folder: which.
            hole: the colour of the hole.
            side: of the squares, in pixels.
            console: where to say so.

        Raises:
            DynamicNetError: ``no-pictures``, or ``mask-inverted``: they would leave little of a picture.
        """
        self.folder, self.hole = folder, hole
        self._shares: dict[Path, float] = {}
        found, skipped = find(folder)
        super().__init__(f"masks in '{folder}'", found, side, skipped, None, console)
        shares = list(self._shares.values())
        mean = fmean(shares)
        console.print(
            f"{len(self.files)} masks in '{folder}': {hole} is the hole, {mean:.0%} of a picture in the mean, "
            f"{min(shares):.0%} to {max(shares):.0%}",
            soft_wrap=True,
        )
        if mean > MOST:
            other = "black" if hole == "white" else "white"
            raise DynamicNetError(
                "mask-inverted",
                f"If {hole} is the hole, the masks in '{folder}' leave {1 - mean:.0%} of a picture. If {other} is, say "
                f"--holes {other}; else leave out the largest.",
            )

    def __str__(self) -> str:
        """What phases and figures call it."""
        return f"{self.folder.name}, {self.hole} is the hole"

    def _read(self, file: Path) -> Tensor:
        """A mask, (1, side, side), bool, True in the hole."""
        levels = np.array(levels_of(pictures.read_fitted(file.read_bytes(), self.side)))
        hole = centre(torch.from_numpy((levels >= 128) == (self.hole == "white"))[None], self.side).clone()
        if not hole.any() or hole.all():
            raise DynamicNetError("mask-empty", f"'{file}' has no hole, or nothing else.")
        self._shares[file] = float(hole.float().mean())
        return hole

    def batch(self, count: int, side: int, seed: str) -> Tensor:
        """Some of them, mirrored at random, (count, 1, side, side), 0 and 1; the same seed, the same masks."""
        draw = random.Random(seed)
        chosen = [self.read(draw.choice(self.files)) for _ in range(count)]
        mirrors = [[dim for dim in (1, 2) if draw.random() < 0.5] for _ in chosen]
        return torch.stack([hole.flip(dims) for hole, dims in zip(chosen, mirrors, strict=True)]).float()

    def mask(self, index: int) -> Image.Image:
        """One of them, around again past the last. Mode L, 0 and 255."""
        hole = self.read(self.files[index % len(self.files)])[0]
        return Image.fromarray(hole.numpy().astype(np.uint8) * 255)
