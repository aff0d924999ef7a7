"""Gram matrices of an encoder's features: texture, wherever it lies (Gatys et al. 2016)."""

from torch import Tensor

STYLE_LAYERS = ("conv12", "conv22", "conv31", "conv41", "conv51")
CONTENT_LAYERS = ("conv31", "conv41")
RUN = 256  # positions whose products are added up at once; a long row of them is no work for two cores


def gram(features: Tensor) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), mean over positions."""
    count, channels, height, width = features.shape
    positions = height * width
    runs = positions // RUN if positions % RUN == 0 else 1
    flat = features.float().permute(0, 2, 3, 1).reshape(count * runs, -1, channels)
    return (flat.mT @ flat).view(count, runs, channels, channels).sum(1) / positions


def shifted(mean: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Gram matrices of features minus ``shift`` (C,), from their means (N, C) and Gram matrices (N, C, C)."""
    mixed = mean[:, :, None] * shift
    return matrix - mixed - mixed.mT + shift[:, None] * shift
