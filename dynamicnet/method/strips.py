"""Pictures a strip of rows at a time, where the whole would take too much memory."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces

PIXELS = 2**18
"""Of a strip, about."""

PRODUCTS = 2**27
"""Elements of features by their channels, of which a few convolutions take no longer than a frame: under autocast, and
a third as many in float32."""

FEW = 64
"""Channels that fewer count as, because a stage makes so many of them."""

ALIGNED = 4
"""What strips of features begin at multiples of, for stages that halve them or take them two by two."""


def strips(size: tuple[int, int], pixels: int = PIXELS) -> Iterator[slice]:
    """The rows of a picture of (H, W), so many pixels at a time, or one row."""
    height, width = size
    step = max(1, pixels // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def enlarged(z: Tensor, size: tuple[int, int], rows: slice, first: int = 0, of: int | None = None) -> Tensor:
    """Some rows of what bilinear interpolation makes of a map: those of all, but for rounding.

    Args:
        z: (N, C, h, w).
        size: (H, W) to enlarge it to.
        rows: which of H.
        first: the first of the rows that z has.
        of: how many the map has; None for those of z.

    Returns:
        (N, C, rows, W), float32.
    """
    height, width = size
    of = z.shape[2] if of is None else of
    at = torch.arange(rows.start, rows.stop, dtype=torch.float64, device=z.device)
    at = ((at + 0.5) * (of / height) - 0.5).clamp_min(0)
    above = at.long()
    below = (above + 1).clamp_max(of - 1)
    share = (at - above).float()[:, None]
    between = torch.lerp(z[:, :, above - first].float(), z[:, :, below - first].float(), share)
    return F.interpolate(between, (len(at), width), mode="bilinear")


def by_rows(step: Callable[..., Tensor], beyond: int | None, z: Tensor, *also: Tensor) -> Pieces[Tensor]:
    """What a step makes of large features, some rows at a time: as of the whole, but for rounding.

    Args:
        step: makes (N, C', k·H, W') of features, and of what it is told ``also``.
        beyond: how many rows of them it looks beyond those that it makes; None for all. In training, none are left out.
        z: (N, C, H, W).
        also: (N, C", m·H, W") or (N, C", 1, 1), each.
    """
    products = z.numel() * max(z.shape[1], FEW)
    most = PRODUCTS if torch.is_autocast_enabled(z.device.type) else PRODUCTS // 3
    if beyond is None or torch.is_grad_enabled() or products <= most:
        yield
        return step(z, *also)
    height, margin = z.shape[2], -(-beyond // ALIGNED) * ALIGNED
    rows = max(ALIGNED, most * height // products // ALIGNED * ALIGNED)
    made: Tensor | None = None
    for top in range(0, height, rows):
        yield
        low, bottom = max(0, top - margin), min(height, top + rows)
        high = min(height, bottom + margin)
        part = step(*(_rows(one, height, low, high) for one in (z, *also)))
        if made is None:
            shape = (*part.shape[:2], part.shape[2] * height // (high - low), part.shape[3])
            made = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last)
        _rows(made, height, top, bottom).copy_(_rows(part, high - low, top - low, bottom - low))
    assert made is not None
    return made


def _rows(z: Tensor, height: int, top: int, bottom: int) -> Tensor:
    """Rows of features of that height, of some that are so many times as high; what is the same everywhere as it is."""
    return z if z.shape[2] == 1 else z[:, :, top * z.shape[2] // height : bottom * z.shape[2] // height]
