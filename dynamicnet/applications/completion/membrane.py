"""A hole filled smoothly from its border: where the network starts from, and what hides the seam at any size."""

import torch
import torch.nn.functional as F
from torch import Tensor

SWEEPS = 6  # of relaxation at each scale; more changes less than one grey level


def fill(pictures: Tensor, holes: Tensor) -> Tensor:
    """Fill holes with (nearly) the harmonic function that continues what is around them, coarse to fine.

    Args:
        pictures: (N, C, H, W); what lies in a hole is ignored.
        holes: (N, 1, H, W), 1 in the hole and 0 where the picture is known, somewhere in each picture.

    Returns:
        (N, C, H, W), known pixels unchanged.
    """
    return _fill(pictures * (1 - holes), holes < 0.5)


def _fill(values: Tensor, known: Tensor) -> Tensor:
    if bool(known.all()):
        return values
    weights = F.avg_pool2d(known.to(values.dtype), 2, ceil_mode=True)
    coarse = F.avg_pool2d(values, 2, ceil_mode=True) / weights.clamp_min(1e-6)
    filled = F.interpolate(_fill(coarse, weights > 0), values.shape[2:], mode="bilinear")
    filled = torch.where(known, values, filled)
    for _ in range(SWEEPS):
        z = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = (z[..., 1:-1, :-2] + z[..., 1:-1, 2:] + z[..., :-2, 1:-1] + z[..., 2:, 1:-1]) / 4
        filled = torch.where(known, values, around)
    return filled
