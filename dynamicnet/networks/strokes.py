"""Strokes that are painted small, enlarged along their direction."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.recorded import within
from dynamicnet.method.strips import PIXELS, by_rows, enlarged, strips

STEP = 0.75
"""How far along a stroke is looked either way, in pixels of what was painted: what alternates there is evened out."""

AROUND = 2.0
"""Standard deviation of the window over which the direction of strokes is taken, in such pixels."""

WINDOW = math.ceil(3 * AROUND)
"""How far that window reaches."""

BEYOND = {2: 2, 4: 3}
"""How many pixels beyond one cubic interpolation looks so far along a stroke, by how many times it enlarges."""

REACH = {factor: WINDOW + 1 + beyond for factor, beyond in BEYOND.items()}
"""How many rows of what was painted :func:`along_strokes` looks beyond those that it enlarges so many times."""

FLAT = 1e-8
"""What makes a direction none where there is next to nothing to take it from."""

LARGE = 6
"""How much larger a picture is for which twice is not enough: pixels would be seen."""

ENLARGED = 2**16
"""Pixels of what was enlarged that are made at once, at most: in no longer than a frame takes."""


@dataclass(frozen=True)
class CarriedUp:
    """What was painted, at the size of a larger picture, some rows at a time; see :func:`carried_up`."""

    z: Tensor
    direction: Tensor
    size: tuple[int, int]
    factor: int

    def strips(self) -> Iterator[slice]:
        """Rows that are made in no longer than a frame takes."""
        density = self.factor**2 * self.z.shape[2] * self.z.shape[3] / (self.size[0] * self.size[1])
        return strips(self.size, min(PIXELS, round(ENLARGED / density)))

    def rows(self, rows: slice) -> Tensor:
        """Some of them: (N, C, rows, W), float32."""
        factor, height = self.factor, self.z.shape[2]
        at = [(row + 0.5) * factor * height / self.size[0] - 0.5 for row in (rows.start, rows.stop - 1)]
        first, last = max(0, math.floor(at[0])), min(factor * height, math.floor(at[1]) + 2)
        beyond = BEYOND[factor]
        near = slice(max(0, first // factor - beyond), min(height, -(-last // factor) + beyond))
        made = _steered(self.z[:, :, near], self.direction[:, :, near], _kernels(self.z, factor), factor)
        inner = slice(first - factor * near.start, last - factor * near.start)
        return enlarged(made[:, :, inner], self.size, rows, first, factor * height)


def carried_up(z: Tensor, size: tuple[int, int]) -> Pieces[CarriedUp]:
    """Enlarge what was painted, twice or four times along its strokes, and then by interpolation.

    A stroke that is a pixel wide and runs at a slant is a string of beads where pixels are enlarged as they are.

    Args:
        z: (N, C, h, w).
        size: (H, W) of the picture.
    """
    z = z.float()
    direction = yield from by_rows(_direction, WINDOW + 1, z)
    return CarriedUp(z, direction, size, _times(z.shape, size))


def along_strokes(z: Tensor, picture: Tensor) -> Tensor:
    """What was painted, enlarged along its strokes for a picture.

    Args:
        z: (N, C, h, w), float32.
        picture: (N, 3, H, W).

    Returns:
        (N, C, f·h, f·w), f being 2, or 4 where the picture is much larger.
    """
    # What is traced takes the choice of its example for the rule, unless it is scripted.
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        either: Tensor = torch.jit.script(_either)(z, _direction(z), picture, LARGE, _kernels(z, 2), _kernels(z, 4))
        return either
    factor = _times(z.shape, picture.shape[2:])
    kernels = _kernels(z, factor)
    return within(z, lambda rows: _steered(rows, _direction(rows), kernels, factor), REACH[factor], factor)


def _times(z: Sequence[int], picture: Sequence[int]) -> int:
    return 2 if max(picture) < LARGE * max(z[2:]) else 4


def _either(z: Tensor, direction: Tensor, picture: Tensor, large: int, twice: Tensor, fourfold: Tensor) -> Tensor:
    """As :func:`_times` has it, in what TorchScript understands."""
    if max(picture.shape[2], picture.shape[3]) < large * max(z.shape[2], z.shape[3]):
        return _steered(z, direction, twice, 2)
    return _steered(z, direction, fourfold, 4)


def _direction(z: Tensor) -> Tensor:
    """Which way strokes run: cosine and sine of twice the angle to the x axis, (N, 2, H, W), shorter where it is flat.

    It is that of the smoothed structure tensor of all channels together (Kyprianidis and Döllner, Image Abstraction by
    Structure Adaptive Filtering, 2008).
    """
    wide = F.pad(z, [1] * 4, mode="replicate")
    x = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    y = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    across = torch.cat([(y * y - x * x).sum(1, keepdim=True), (-2 * x * y).sum(1, keepdim=True)], 1)
    window = torch.exp(-0.5 * (torch.arange(-WINDOW, WINDOW + 1, device=z.device) / AROUND) ** 2)
    window = (window / window.sum()).expand(2, 1, 1, -1)
    along = F.pad(across, [WINDOW] * 4, mode="replicate")
    along = F.conv2d(F.conv2d(along, window, groups=2), window.mT, groups=2)
    return along * torch.rsqrt(along.square().sum(1, keepdim=True) + FLAT)


def _steered(z: Tensor, direction: Tensor, kernels: Tensor, factor: int) -> Tensor:
    """Enlarge by cubic interpolation, and average each place with those on its stroke.

    Of all directions it is the sum of three interpolations, two of them times the cosine and sine of twice the angle
    (Freeman and Adelson, The Design and Use of Steerable Filters, 1991), which is within 5% of what it would be.
    """
    count, channels, height, width = z.shape
    padded = F.pad(z, [kernels.shape[3] // 2] * 4, mode="replicate")
    flat = padded.reshape(count * channels, 1, padded.shape[2], padded.shape[3])
    each = F.conv2d(flat, kernels.flatten(0, 1)[:, None])
    whole, cosine, sine = each.view(count, channels, 3, factor * factor, height, width).unbind(2)
    steered = torch.addcmul(torch.addcmul(whole, cosine, direction[:, None, :1]), sine, direction[:, None, 1:])
    return F.pixel_shuffle(steered.reshape(count, channels * factor * factor, height, width), factor)


def _kernels(z: Tensor, factor: int) -> Tensor:
    return z.new_tensor(_interpolations(factor))


@cache
def _interpolations(factor: int) -> npt.NDArray[np.float64]:
    """What makes factor² places of the pixels around one, thrice: (3, factor², kernel, kernel)."""
    angles = np.arange(64) / 64 * np.pi
    places = (np.arange(factor) + 0.5) / factor - 0.5
    along = np.array([-1, 0, 1]) * STEP

    def of(toward: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        at = places[:, None, None, None] + along[:, None, None] * toward[:, None]  # places, along, angles, pixels
        away = np.abs(at - np.arange(-BEYOND[factor], BEYOND[factor] + 1))
        near, far = (1.5 * away - 2.5) * away**2 + 1, ((-0.5 * away + 2.5) * away - 4) * away + 2
        cubic: npt.NDArray[np.float64] = np.where(away < 1, near, np.where(away < 2, far, 0))  # Keys, 1981
        return cubic

    every = np.einsum("t,ytai,xtaj->ayxij", (0.25, 0.5, 0.25), of(np.sin(angles)), of(np.cos(angles)))
    waves = np.stack([np.ones(64), 2 * np.cos(2 * angles), 2 * np.sin(2 * angles)])
    kernels: npt.NDArray[np.float64] = np.einsum("wa,ayxij->wyxij", waves, every) / len(angles)
    return kernels.reshape(3, factor * factor, *kernels.shape[3:])
