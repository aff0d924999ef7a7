"""Whether a texture repeats: a lattice of strokes stands out from the power spectrum as a peak."""

import torch
from torch import Tensor

SIDE = 128
STEP = 64
PERIODS = (3, 21)
"""Of a lattice that one sees, in pixels."""

LUMA = (0.299, 0.587, 0.114)


def regularity(pictures: Tensor) -> Tensor:
    """How far the largest peak of the power spectrum stands out, in squares of 128 pixels that overlap by half.

    The power of each frequency (Hann window, mean removed) is divided by the mean of its own ring, so that neither
    coarse nor fine textures are favoured. The two axes are left out: upright and level edges are in most photographs.

    Args:
        pictures: RGB (N, 3, H, W) in [0, 1], H and W at least 128.

    Returns:
        (N, squares), float32: about 10 for brush strokes, above 15 where a lattice shows.
    """
    luma = (pictures.float() * torch.tensor(LUMA, device=pictures.device)[:, None, None]).sum(1)
    squares = luma.unfold(1, SIDE, STEP).unfold(2, SIDE, STEP).flatten(1, 2)
    window = torch.hann_window(SIDE, periodic=False, device=luma.device)
    spectrum = torch.fft.fft2((squares - squares.mean((2, 3), keepdim=True)) * torch.outer(window, window))
    power = spectrum.abs().square().flatten(2)
    frequency = torch.fft.fftfreq(SIDE, 1 / SIDE, device=luma.device)
    radius = torch.hypot(frequency[:, None], frequency).flatten()
    ring = radius.round().long()
    totals = torch.zeros(*power.shape[:2], int(ring.max()) + 1, device=luma.device).index_add_(2, ring, power)
    means = totals / ring.bincount()
    on_axis = torch.outer(frequency, frequency).flatten() == 0
    seen = ~on_axis & (radius >= SIDE / PERIODS[1]) & (radius <= SIDE / PERIODS[0])
    peaks: Tensor = (power / means[:, :, ring].clamp_min(1e-12))[:, :, seen].amax(2)
    return peaks
