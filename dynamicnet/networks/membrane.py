"""A hole filled smoothly from its border: where the network starts from, and what hides the seam at any size."""

import torch
import torch.nn.functional as F
from torch import Tensor

SWEEPS = 6  # of relaxation at each scale; more changes less than one grey level
CELL = 4  # side of the places over which means are taken, in pixels, at least
LEVELS = 10  # of a graph that holds for every size
CELLS = 128  # of them along a side, at most: a frame is to be had while a slider moves
OTHER = 0.25  # how far from it what is something else may be: tinted with it, that would look like fog
ODD = 0.04  # how far from others around it a difference may be: where an object ends, it is the object's
AROUND = 9  # places each way that are around one


def fill(pictures: Tensor, holes: Tensor) -> Tensor:
    """Fill holes with (nearly) the harmonic function that continues what is around them, coarse to fine.

    Args:
        pictures: (N, C, H, W); what lies in a hole is ignored.
        holes: (N, 1, H, W), 1 in the hole and 0 where the picture is known, somewhere in each picture.

    Returns:
        (N, C, H, W), known pixels unchanged.
    """
    return _fill(pictures * (1 - holes), holes < 0.5, max(pictures.shape[2:]).bit_length())


def continued(added: Tensor, rim: Tensor) -> Tensor:
    """What goes on smoothly from the mean, here and there, of what is added at a hole's rim.

    Less this, what is added has no step at the hole's border, and all of its texture: the two-dimensional form of
    seamless cloning (Pérez et al. 2003), of means rather than of single pixels, which would be smeared inwards. Where
    another thing is added than what it touches, by :data:`OTHER` or by more than around there, that is left out.

    Args:
        added: (N, C, H, W).
        rim: (N, 1, H, W), 1 where it is to be met.

    Returns:
        (N, C, H, W); 0 where there is no rim in the picture.
    """
    height, width = added.shape[2:]
    exporting = torch.onnx.is_in_onnx_export()  # to a graph for all sizes: of cells that do not grow with the picture
    cell = CELL if exporting else max(CELL, -(-max(height, width) // CELLS))
    alike = rim * (-((added.abs().amax(1, keepdim=True) / OTHER) ** 8)).exp()
    whole, counts, means = (F.avg_pool2d(z, cell, ceil_mode=True) for z in (rim, alike, added * alike))
    means = means / counts.clamp_min(1e-6)
    sure = counts
    few = _around(whole).clamp_min(1e-6) / 2
    for _ in range(2):
        around, count = torch.split(_around(torch.cat([means * sure, sure], 1)), [means.shape[1], 1], 1)
        around = around / torch.maximum(count, few)  # towards none where little of what is around is sure
        sure = counts * (-(((means - around).abs().amax(1, keepdim=True) / ODD) ** 2)).exp()
    means = torch.lerp(around, means, sure / whole.clamp_min(1e-6)) * (whole > 0)  # no threshold: α moves all of it
    smooth = _fill(means, whole > 0, LEVELS if exporting else max(means.shape[2:]).bit_length())
    smooth = F.interpolate(smooth, scale_factor=float(cell), mode="bilinear")
    return smooth[..., :height, :width]


def _around(values: Tensor) -> Tensor:
    across = F.avg_pool2d(values, (AROUND, 1), 1, (AROUND // 2, 0))
    return F.avg_pool2d(across, (1, AROUND), 1, (0, AROUND // 2))


def _fill(values: Tensor, known: Tensor, levels: int) -> Tensor:
    """The same over so many scales, whatever is known, so that a graph of it holds for any hole; 0 where nothing is."""
    if levels == 0:
        return values
    beyond = (0, values.shape[3] % 2, 0, values.shape[2] % 2)  # zeros: OpenVINO pools nothing smaller than a window
    weights = F.avg_pool2d(F.pad(known.to(values.dtype), beyond), 2)
    coarse = F.avg_pool2d(F.pad(values, beyond), 2) / weights.clamp_min(1e-6)
    filled = F.interpolate(_fill(coarse, weights > 0, levels - 1), values.shape[2:], mode="bilinear")
    filled = torch.where(known, values, filled)
    for _ in range(SWEEPS):
        z = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = (z[..., 1:-1, :-2] + z[..., 1:-1, 2:] + z[..., :-2, 1:-1] + z[..., 2:, 1:-1]) / 4
        filled = torch.where(known, values, around)
    return filled
