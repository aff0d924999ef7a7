"""Both objectives of a style axis, and their terms, over a grid of α (paper figure 1)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from dynamicnet.applications.style.objective import StyleObjective
from dynamicnet.evaluation.curve import grid
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet


@dataclass(frozen=True)
class Curve:
    """Objectives along one axis.

    Attributes:
        alphas: the grid, from the low end to the high end.
        low: the objective of the low end, (alphas, pictures). high: of the high end.
        terms: those of the high one, (alphas, pictures, 5).
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
