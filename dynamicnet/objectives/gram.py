"""Gram matrices of an encoder's features: texture, wherever it lies (Gatys et al. 2016)."""

from torch import Tensor

STYLE_LAYERS = ("conv12", "conv22", "conv31", "conv41", "conv51")
CONTENT_LAYERS = ("conv31", "conv41")


def gram(features: Tensor) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), mean over positions."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
