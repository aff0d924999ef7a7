"""Strokes that were painted small, carried up to a larger picture."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.strips import by_rows, strips

STEP = 0.75
"""How far along a stroke is looked either way, in pixels of what was painted: what alternates there is evened out."""

AROUND = 2.0
"""Standard deviation of the window over which the direction of strokes is taken, in such pixels."""

BEYOND = 4
"""Rows that smoothing and cubic interpolation look beyond those that they make."""

FROM, WHOLLY = 2, 8
"""How much larger a picture is from which strokes are smoothed a little, and wholly: large beads show."""

LARGE = 6
"""How much larger a picture is for which twice is not enough: pixels would be seen."""

PIXELS = 2**16
"""Enlarged ones that are made at once, about: in no longer than a frame takes."""


def carried_up(z: Tensor, size: tuple[int, int]) -> Pieces[Tensor]:
    """Enlarge what was painted, twice or four times, smoothed along its strokes: what is to become larger yet.

    A stroke that is a pixel wide and runs at a slant is a string of beads where pixels are enlarged as they are. Which
    way it runs is read off the smoothed structure tensor (Kyprianidis and Döllner, Image Abstraction by Structure
    Adaptive Filtering, 2008), and colours are averaged that way (Cabral and Leedom, Line Integral Convolution, 1993).

    Args:
        z: (N, C, h, w).
        size: (H, W) of the picture, which interpolation is to make of what this returns.

    Returns:
        (N, C, 2h, 2w) or (N, C, 4h, 4w), float32; or z, where the picture is not that large.
    """
    height, width = z.shape[2:]
    larger = max(size) / max(height, width)
    share = min(1.0, (larger - FROM) / (WHOLLY - FROM))
    if share <= 0:
        return z
    z, factor = z.float(), 2 if larger < LARGE else 4
    tensor = yield from by_rows(_structure, math.ceil(3 * AROUND) + 1, z)
    made = z.new_empty(*z.shape[:2], factor * height, factor * width)
    for rows in strips((height, width), PIXELS // factor**2):
        yield
        near = slice(max(0, rows.start - BEYOND), min(height, rows.stop + BEYOND))
        inner = slice(factor * (rows.start - near.start), factor * (rows.stop - near.start))
        part = _times(z[:, :, near], factor, "bilinear")
        part.lerp_(_times(z[:, :, near], factor, "bicubic"), share)
        there = _times(tensor[:, :, near], factor, "bilinear")[:, :, inner]
        made[:, :, factor * rows.start : factor * rows.stop] = _along(part, there, inner, share * factor * STEP)
    return made


def _times(z: Tensor, factor: int, mode: str) -> Tensor:
    return F.interpolate(z, scale_factor=float(factor), mode=mode, antialias=mode == "bicubic")  # which is faster


def _structure(z: Tensor) -> Tensor:
    """The smoothed structure tensor of a map's channels together: (N, 3, H, W), of xx, yy and xy."""
    wide = F.pad(z, [1] * 4, mode="replicate")
    x = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    y = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    tensor = torch.stack([(x * x).sum(1), (y * y).sum(1), (x * y).sum(1)], 1)
    reach = math.ceil(3 * AROUND)
    window = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=z.device) / AROUND) ** 2)
    window = (window / window.sum()).expand(3, 1, 1, -1)
    tensor = F.pad(tensor, [reach] * 4, mode="replicate")
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
