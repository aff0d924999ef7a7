"""Errors as people compare them."""

from torch import Tensor


def decibels(errors: Tensor) -> Tensor:
    """Mean squared errors, of values in [0, 1], as peak signal-to-noise ratios in dB; at most 100."""
    return -10 * errors.clamp_min(1e-10).log10()
