"""Noise to learn from, and how strong it is at each α.

Two kinds. ``gaussian`` is that of the published tables: white, the same everywhere, not clipped. ``camera`` is what
files hold: of a variance that goes with the signal (Foi et al. 2008), correlated by demosaicking, scaling or film
grain, clipped, of 8 bits and, half of it, compressed as JPEG.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Kind = Literal["gaussian", "camera"]

LIGHT, HEAVY = 5.0, 75.0
"""Standard deviation of the noise at either end of an axis, in levels of 255."""

MARGIN = 16
"""How much larger than what is trained on pictures are drawn, so that JPEG's blocks lie anywhere, in pixels."""


@dataclass(frozen=True)
class Levels:
    """The noise that each α of an axis stands for: its standard deviation, in levels of 255.

    Equal steps of α multiply it by as much, on either side of 0. What is to be done changes by as much from 5 to 10 as
    from 35 to 70: of a detail of energy s² the share s² / (s² + σ²) is signal, which is a function of log σ.

    Attributes:
        span: the range of the axis.
        main: the level that θ takes out, where α is 0: ``LIGHT`` for a range from 0.
    """

    span: tuple[float, float]
    main: float

    def at(self, alpha: float) -> float:
        """The level at α."""
        return float(np.exp(np.interp(alpha, *self._knots())))

    def alpha(self, level: float) -> float:
        """α for a level, the ends of the range for what lies beyond."""
        alphas, logs = self._knots()
        return float(np.interp(np.log(level), logs, alphas))

    def share(self, level: float) -> float:
        """How far along the range that α lies, in [0, 1]."""
        low, high = self.span
        return (self.alpha(level) - low) / (high - low)

    def _knots(self) -> tuple[list[float], list[float]]:
        """α where it is known, and the logarithm of the level there."""
        low, high = self.span
        known = {low: LIGHT, 0.0: self.main, high: HEAVY}
        return list(known), [float(np.log(level)) for level in known.values()]


EVEN = Levels((0.0, 1.0), LIGHT)
"""Equal steps multiply the level by as much all along."""


def noised(
    kind: Kind, pictures: Tensor, levels: Tensor, generator: torch.Generator, random: Random
) -> tuple[Tensor, Tensor]:
    """Pictures with noise on them, and without, both cut by ``MARGIN``.

    Args:
        kind: see above.
        pictures: (N, 3, H + MARGIN, W + MARGIN) in [0, 1], sides multiples of 16.
        levels: standard deviation of each one's noise in levels of 255, (N,), on their device.
        generator: of their device, for the noise.
        random: for what is the same for all of them.

    Returns:
        Noisy and clean, (N, 3, H, W); the noisy ones are in [0, 1] if ``kind`` is ``camera``.
    """
    if kind == "gaussian":
        clean = _cut(pictures, 0, 0)
        return clean + levels.view(-1, 1, 1, 1) / 255 * _normal(clean.shape, clean, generator), clean
    noisy = pictures + levels.view(-1, 1, 1, 1) / 255 * _spread(pictures, generator) * _fields(
        pictures, generator, random
    )
    noisy = noisy.clamp(0, 1).mul(255).round() / 255
    qualities = 50 + 47 * torch.rand(len(noisy[1::2]), device=noisy.device, generator=generator)
    noisy[1::2] = jpeg(noisy[1::2], qualities)
    top, left = random.randrange(MARGIN), random.randrange(MARGIN)
    return _cut(noisy, top, left), _cut(pictures, top, left)


def _cut(pictures: Tensor, top: int, left: int) -> Tensor:
    height, width = (side - MARGIN for side in pictures.shape[2:])
    return pictures[:, :, top : top + height, left : left + width]


def _normal(shape: torch.Size | tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, device=like.device, generator=generator)


def _spread(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """The noise's standard deviation by the signal, 1 in mid-grey.

    Its variance is linear in the signal: with photons more of it in the light; after a tone curve, in the dark.
    """
    slope = 1.7 * torch.rand(len(pictures), 1, 1, 1, device=pictures.device, generator=generator) - 0.7
    slope[::4] = 0  # the same everywhere for a quarter of them
    return (1 + slope * (2 * pictures - 1)).clamp_min(0.05).sqrt()


def _fields(pictures: Tensor, generator: torch.Generator, random: Random) -> Tensor:
    """Noise of standard deviation 1, of four sorts, one picture after the other."""
    fields = _normal(pictures.shape, pictures, generator)
    for i, sort in enumerate((_demosaicked, _enlarged, _blotched), 1):
        some = fields[i::4]
        if len(some):
            field = sort(some, generator, random)
            fields[i::4] = field / field.std((1, 2, 3), keepdim=True)
    return fields


def _demosaicked(white: Tensor, generator: torch.Generator, random: Random) -> Tensor:
    """Noise of a sensor under a Bayer mosaic, its red and blue amplified, interpolated bilinearly."""
    sites = _on(white.device, (((1, 0), (0, 0)), ((0, 1), (1, 0)), ((0, 0), (0, 1))))
    sites = sites.roll((random.randrange(2), random.randrange(2)), (1, 2))
    mosaic = white * sites.repeat(1, white.shape[2] // 2, white.shape[3] // 2)
    around, beside = ((1, 2, 1), (2, 4, 2), (1, 2, 1)), ((0, 1, 0), (1, 4, 1), (0, 1, 0))
    weight = _on(white.device, (around, beside, around))[:, None] / 4
    gains = 0.8 + torch.rand(len(white), 3, 1, 1, device=white.device, generator=generator)
    gains[:, 1] = 1
    return F.conv2d(F.pad(mosaic, (1, 1, 1, 1), mode="reflect"), weight, groups=3) * gains


def _enlarged(white: Tensor, generator: torch.Generator, random: Random) -> Tensor:
    """Noise of a picture that was enlarged, up to twice; the same in all channels for a share of it, as film grain."""
    colour = torch.rand(len(white), 1, 1, 1, device=white.device, generator=generator)
    return _scaled(white[:, :1] + colour * white.roll(1, 1), random.uniform(1.0, 2.0))


def _blotched(white: Tensor, generator: torch.Generator, random: Random) -> Tensor:
    """Fine grey noise, and coarse colours, as telephones leave them."""
    coarse = _scaled(white.roll(7, 2), random.uniform(1.5, 4.0))
    colour = coarse - coarse.mean(1, keepdim=True)
    share = torch.rand(len(white), 1, 1, 1, device=white.device, generator=generator)
    return white.mean(1, keepdim=True) * 3**0.5 + 1.5 * share * colour


def _scaled(white: Tensor, factor: float) -> Tensor:
    """A corner of it, scaled up to the size of the whole."""
    height, width = white.shape[2:]
    corner = white[:, :, : math.ceil(height / factor), : math.ceil(width / factor)]
    return F.interpolate(corner, (height, width), mode="bicubic")


# The example tables of the JPEG standard (ITU-T T.81, annex K), which most encoders scale by quality.
LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 32),
)
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def jpeg(pictures: Tensor, qualities: Tensor) -> Tensor:
    """What JPEG with colours at half the resolution leaves of pictures, without its lossless part.

    Args:
        pictures: RGB (N, 3, H, W) in [0, 1], sides multiples of 16.
        qualities: 1 to 100, (N,), on their device.
    """
    to_ycbcr, to_rgb = _on(pictures.device, YCBCR), _on(pictures.device, RGB)
    planes = torch.einsum("ij,njhw->nihw", to_ycbcr, 255 * pictures)
    scale = torch.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities).view(-1, 1, 1, 1, 1, 1)
    light = _quantised(planes[:, :1] - 128, LUMINANCE, scale) + 128
    colours = _quantised(F.avg_pool2d(planes[:, 1:], 2), CHROMINANCE, scale)
    colours = F.interpolate(colours, scale_factor=2.0, mode="bilinear")
    rgb = torch.einsum("ij,njhw->nihw", to_rgb, torch.cat([light, colours], 1))
    return rgb.clamp(0, 255).round() / 255


def _quantised(planes: Tensor, table: tuple[int, ...], scale: Tensor) -> Tensor:
    """Planes (N, C, H, W) after their 8×8 blocks' cosine transform was rounded to steps of a scaled table."""
    count, channels, height, width = planes.shape
    k = torch.arange(8, device=planes.device, dtype=torch.float32)
    cosines = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) / 2
    cosines[0] /= 2**0.5
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8)
    steps = _on(planes.device, table).view(8, 1, 8)
    steps = ((steps * scale + 50) / 100).floor().clamp(1, 255)
    coefficients = torch.einsum("ki,ncaibj,lj->ncakbl", cosines, blocks, cosines)
    coefficients = (coefficients / steps).round() * steps
    return torch.einsum("ki,ncakbl,lj->ncaibj", cosines, coefficients, cosines).reshape(planes.shape)


def _on(device: torch.device, values: Sequence[Any]) -> Tensor:
    """Constants on a device, float32, without waiting for it."""
    return torch.tensor(values, dtype=torch.float32).to(device, non_blocking=True)
