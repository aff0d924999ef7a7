"""Pictures a strip of rows at a time, where the whole would take too much memory."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

PIXELS = 2**19
"""Of a strip, about."""


def strips(size: tuple[int, int], pixels: int = PIXELS) -> Iterator[slice]:
    """The rows of a picture of (H, W), so many pixels at a time, or one row."""
    height, width = size
    step = max(1, pixels // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def enlarged(z: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
    """Some rows of what bilinear interpolation makes of a map: those of all, but for rounding.

    Args:
        z: (N, C, h, w).
        size: (H, W) to enlarge it to.
        rows: which of H.

    Returns:
        (N, C, rows, W), float32.
    """
    height, width = size
    at = torch.arange(rows.start, rows.stop, dtype=torch.float64, device=z.device)
    at = ((at + 0.5) * (z.shape[2] / height) - 0.5).clamp_min(0)
    above = at.long()
    below = (above + 1).clamp_max(z.shape[2] - 1)
    share = (at - above).float()[:, None]
    between = torch.lerp(z[:, :, above].float(), z[:, :, below].float(), share)
    return F.interpolate(between, (len(at), width), mode="bilinear")
