"""Gram matrices of an encoder's features: texture, wherever it lies (Gatys et al. 2016)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

STYLE_LAYERS = ("conv12", "conv22", "conv31", "conv41", "conv51")
CONTENT_LAYERS = ("conv31", "conv41")
RUN = 256  # positions whose products are added up at once; a long row of them is no work for two cores


def gram(features: Tensor) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), mean over positions."""
    return moments_of(features)[1]


def moments_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means (N, C) and Gram matrices (N, C, C) of features (N, C, H, W), over positions; float32."""
    return _Moments.apply(features)  # type: ignore[no-untyped-call, no-any-return]


class _Moments(torch.autograd.Function):
    """Products in float32, and a way back with half of those that PyTorch's has, in the features' own precision."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        count, channels, height, width = features.shape
        positions = height * width
        runs = positions // RUN if positions % RUN == 0 else 1
        flat = features.permute(0, 2, 3, 1).reshape(count, positions, channels)
        ctx.save_for_backward(flat)
        ctx.size = height, width
        rows = flat.float().reshape(count * runs, -1, channels)
        with torch.autocast(rows.device.type, enabled=False):
            matrices = (rows.mT @ rows).view(count, runs, channels, channels).sum(1)
        return flat.mean(1, dtype=torch.float32), matrices / positions

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor, of_gram: Tensor) -> Tensor:  # noqa: ANN401
        (flat,) = ctx.saved_tensors
        positions = flat.shape[1]
        shift, matrix = ((z / positions).to(flat.dtype) for z in (of_mean[:, None], of_gram + of_gram.mT))
        of_flat = torch.baddbmm(shift, flat, matrix)
        return of_flat.view(len(flat), *ctx.size, -1).permute(0, 3, 1, 2)


def shifted(mean: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Gram matrices of features minus ``shift`` (C,), from their means (N, C) and Gram matrices (N, C, C)."""
    mixed = mean[:, :, None] * shift
    return matrix - mixed - mixed.mT + shift[:, None] * shift
