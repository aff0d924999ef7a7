"""Objective-space curves: both objectives of an axis, over a grid of α (paper figure 1)."""

from math import sqrt

import torch
from torch import Tensor

from dynamicnet.method.blocks import AxisSpec

GRID = 11


def margin(values: Tensor) -> Tensor:
    """Half the width of the 95% confidence interval of means over pictures: (alphas, pictures) to (alphas,)."""
    count = values.shape[1]
    return values.std(1, correction=min(1, count - 1)) * (1.96 / sqrt(count))


def averages(**columns: Tensor) -> dict[str, list[float]]:
    """Means over pictures of (alphas, pictures) by name, and ``NAME_margin``, for a file that people read."""
    means = {name: values.mean(1) for name, values in columns.items()}
    margins = {f"{name}_margin": margin(values) for name, values in columns.items()}
    return {name: [round(value, 5) for value in values.tolist()] for name, values in (means | margins).items()}


def grid(axis: AxisSpec) -> list[float]:
    """Eleven α from one end of an axis to the other."""
    return [round(a, 6) + 0.0 for a in torch.linspace(*axis.range, GRID).tolist()]
