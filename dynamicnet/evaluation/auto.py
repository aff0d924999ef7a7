"""What ``alpha=auto`` aims at on one axis, and how well it meets what it stands for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynamicnet.method.alpha import per_picture
from dynamicnet.method.auto import POSITIONS, reaches, travelled
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet

MIDDLE = POSITIONS.index(0.5)


@torch.inference_mode()
def distances(net: DynamicNet, axis: AxisSpec, inputs: Sequence[Tensor]) -> Tensor:
    """How far each input travels, the other axes at 0: (inputs, positions)."""
    alphas = per_picture([axis.alpha_at(position) for position in POSITIONS])
    return torch.stack([travelled(net.render(net.prepare(one), {axis.id: alphas}).clamp(0, 1)).cpu() for one in inputs])


def middle(travels: Tensor) -> float:
    """How far an average input is in the middle of the slider."""
    return round(float(travels[:, MIDDLE].mean()), 5)


def agreement(travels: Tensor, objective: Tensor, positions: Sequence[float]) -> dict[str, Any]:
    """How near the found position is to the one where the low end's objective itself reaches its target.

    The target is its mean in the middle; both targets are taken from every other picture and judged on the rest.

    Args:
        travels: from :func:`distances`, (pictures, positions).
        objective: of the low end, (grid, pictures).
        positions: of that grid.

    Returns:
        Figures; none of a single picture, which leaves none to judge on.
    """
    if len(travels) < 2:
        return {}
    curves = objective.T.double().numpy()
    in_middle = [float(np.interp(0.5, positions, curve)) for curve in curves[::2]]
    wanted = [reaches(curve, positions, float(np.mean(in_middle))) for curve in curves[1::2]]
    aim = middle(travels[::2])
    found = [reaches(row.tolist(), POSITIONS, aim) for row in travels[1::2]]
    miss, miss_of_middle = (np.abs(np.array(guess) - wanted).mean() for guess in (found, 0.5))
    differ = len(wanted) > 1 and np.ptp(found) > 0 and np.ptp(wanted) > 0
    return {
        "correlation": round(float(np.corrcoef(found, wanted)[0, 1]), 3) if differ else 0.0,
        "miss": round(float(miss), 3),
        "miss_of_middle": round(float(miss_of_middle), 3),
        "pictures": len(wanted),
    }
