"""Strokes that were painted small, carried up to a larger picture."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.strips import PIXELS, by_rows, enlarged, strips

STEP = 0.75
"""How far along a stroke is looked either way, in pixels of what was painted: what alternates there is evened out."""

AROUND = 2.0
"""Standard deviation of the window over which the direction of strokes is taken, in such pixels."""

WINDOW = math.ceil(3 * AROUND)
"""How far that window reaches."""

BEYOND = 4
"""Rows that smoothing and cubic interpolation look beyond those that they make."""

FROM, WHOLLY = 2, 8
"""How much larger a picture is from which strokes are smoothed a little, and wholly: large beads show."""

LARGE = 6
"""How much larger a picture is for which twice is not enough: pixels would be seen."""

LEAST = 0.05
"""How much smoothing nobody sees."""

ENLARGED = 2**16
"""Pixels of what was enlarged that are made at once, at most: in no longer than a frame takes."""


@dataclass(frozen=True)
class CarriedUp:
    """What was painted, at the size of a larger picture, some rows at a time; see :func:`carried_up`."""

    z: Tensor
    tensor: Tensor | None
    size: tuple[int, int]
    factor: int
    share: float

    def strips(self) -> Iterator[slice]:
        """Rows that are made in no longer than a frame takes."""
        if self.tensor is None:
            return strips(self.size)
        density = self.factor**2 * self.z.shape[2] * self.z.shape[3] / (self.size[0] * self.size[1])
        return strips(self.size, min(PIXELS, round(ENLARGED / density)))

    def rows(self, rows: slice) -> Tensor:
        """Some of them: (N, C, rows, W), float32."""
        if self.tensor is None:
            return enlarged(self.z, self.size, rows)
        factor, height = self.factor, self.z.shape[2]
        at = [(row + 0.5) * factor * height / self.size[0] - 0.5 for row in (rows.start, rows.stop - 1)]
        first, last = max(0, math.floor(at[0])), min(factor * height, math.floor(at[1]) + 2)
        near = slice(max(0, first // factor - BEYOND), min(height, -(-last // factor) + BEYOND))
        inner = slice(first - factor * near.start, last - factor * near.start)
        part = _times(self.z[:, :, near], factor, "bicubic")
        if self.share < 1:
            part.lerp_(_times(self.z[:, :, near], factor, "bilinear"), 1 - self.share)
        there = _times(self.tensor[:, :, near], factor, "bilinear")[:, :, inner]
        made = _along(part, there, inner, self.share * factor * STEP)
        return enlarged(made, self.size, rows, first, factor * height)


def carried_up(z: Tensor, size: tuple[int, int]) -> Pieces[CarriedUp]:
    """Enlarge what was painted, twice or four times smoothed along its strokes, and then by interpolation.

    A stroke that is a pixel wide and runs at a slant is a string of beads where pixels are enlarged as they are. Which
    way it runs is read off the smoothed structure tensor (Kyprianidis and Döllner, Image Abstraction by Structure
    Adaptive Filtering, 2008), and colours are averaged that way (Cabral and Leedom, Line Integral Convolution, 1993).

    Args:
        z: (N, C, h, w).
        size: (H, W) of the picture.
    """
    larger = max(size) / max(z.shape[2:])
    share = min(1.0, (larger - FROM) / (WHOLLY - FROM))
    if share < LEAST:
        return CarriedUp(z, None, size, 1, 0.0)
    z = z.float()
    tensor = yield from by_rows(_structure, WINDOW + 1, z)
    return CarriedUp(z, tensor, size, 2 if larger < LARGE else 4, share)


def _times(z: Tensor, factor: int, mode: str) -> Tensor:
    # antialias takes less than half the time, and Pillow's kernel, which overshoots less
    return F.interpolate(z, scale_factor=float(factor), mode=mode, antialias=mode == "bicubic")


def _structure(z: Tensor) -> Tensor:
    """The smoothed structure tensor of a map's channels together: (N, 3, H, W), of xx, yy and xy."""
    wide = F.pad(z, [1] * 4, mode="replicate")
    x = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    y = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    tensor = torch.stack([(x * x).sum(1), (y * y).sum(1), (x * y).sum(1)], 1)
    window = torch.exp(-0.5 * (torch.arange(-WINDOW, WINDOW + 1, device=z.device) / AROUND) ** 2)
    window = (window / window.sum()).expand(3, 1, 1, -1)
    tensor = F.pad(tensor, [WINDOW] * 4, mode="replicate")
    return F.conv2d(F.conv2d(tensor, window, groups=3), window.mT, groups=3)


def _along(z: Tensor, tensor: Tensor, rows: slice, step: float) -> Tensor:
    """Some rows of a map, each place averaged with those so many pixels away along its stroke, (1, 2, 1) / 4."""
    xx, yy, xy = tensor.unbind(1)
    across = 0.5 * torch.atan2(2 * xy, xx - yy)
    height, width = z.shape[2:]
    away = torch.stack([-across.sin() / width, across.cos() / height], 3) * (2 * step)
    at_y, at_x = ((torch.arange(side, device=z.device) + 0.5) / side * 2 - 1 for side in (height, width))
    at = torch.stack(torch.meshgrid(at_x, at_y[rows], indexing="xy"), 2)
    before, after = (
        F.grid_sample(z, where, mode="bilinear", padding_mode="border", align_corners=False)
        for where in (at - away, at + away)
    )
    return torch.lerp((before + after) / 2, z[:, :, rows], 0.5)
