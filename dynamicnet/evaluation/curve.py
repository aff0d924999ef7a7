"""Objective-space curves: both objectives of an axis, over a grid of α (paper figure 1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from dynamicnet.alpha import per_picture
from dynamicnet.blocks import AxisSpec
from dynamicnet.dynamic import DynamicNet
from dynamicnet.objectives.perceptual import StyleObjective

GRID = 11


@dataclass(frozen=True)
class Curve:
    """Objectives along one axis.

    Attributes:
        alphas: the grid, from the low end to the high end.
        low: the objective of the low end, (alphas, pictures). high: of the high end.
        terms: content, style and variation, (alphas, pictures, 3).
    """

    alphas: list[float]
    low: Tensor
    high: Tensor
    terms: Tensor

    def rising(self) -> float:
        """Share of pictures whose low objective rises at every step."""
        return _share(self.low.diff(dim=0) > 0)

    def falling(self) -> float:
        """Share of pictures whose high objective falls at every step."""
        return _share(self.high.diff(dim=0) < 0)

    def mean_is_monotone(self) -> bool:
        """Whether the mean of the low objective rises, and of the high one falls, at every step."""
        return bool((self.low.mean(1).diff() > 0).all() and (self.high.mean(1).diff() < 0).all())


def _share(steps: Tensor) -> float:
    return float(steps.all(0).float().mean())


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
    return [round(a, 6) for a in torch.linspace(*axis.range, GRID).tolist()]


@torch.inference_mode()
def measure(
    net: DynamicNet, axis: AxisSpec, low: StyleObjective, high: StyleObjective, pictures: Iterable[Tensor]
) -> Curve:
    """Measure both objectives of an axis, the other axes at 0.

    Args:
        net: the Dynamic-Net.
        axis: one of its axes.
        low: the objective of the low end.
        high: the objective of the high end.
        pictures: pictures not trained on, each (1, 3, H, W) in [0, 1].
    """
    alphas = grid(axis)
    lows, highs, terms = [], [], []
    for picture in pictures:
        outputs = net.render(net.prepare(picture), {axis.id: per_picture(alphas)}).clamp(0, 1)
        look = high.look(outputs, picture)
        of_high = high.compare(outputs, look)
        lows.append(low.total(low.compare(outputs, look)))
        highs.append(high.total(of_high))
        terms.append(torch.stack(of_high, 1))
    return Curve(alphas, torch.stack(lows, 1).cpu(), torch.stack(highs, 1).cpu(), torch.stack(terms, 1).cpu())
