"""A slider that feels even: α at equally spaced positions, from distances between neighbouring frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.objectives.encoder import Encoder

KNOTS = 21
FRAMES = 11
ROUNDS = 3
INPUTS = 48


@dataclass(frozen=True)
class Evenness:
    """How even a slider is.

    Attributes:
        alphas: α at ``KNOTS`` equally spaced positions.
        before, after: largest step over smallest between neighbours of ``FRAMES`` frames, equally spaced in α and in
            position; each step the mean over pictures that the map was not found on.
        pictures: how many those were.
    """

    alphas: tuple[float, ...]
    before: float
    after: float
    pictures: int

    def figures(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "alpha": list(self.alphas),
            "largest_step_in_alpha": round(self.before, 3),
            "largest_step": round(self.after, 3),
            "pictures": self.pictures,
        }

    def __str__(self) -> str:
        return f"largest step over smallest: {self.after:.2f} in position, {self.before:.2f} in α"


@torch.inference_mode()
def level(net: DynamicNet, axis: AxisSpec, encoder: Encoder, inputs: Sequence[Tensor]) -> Evenness:
    """Find the map that makes the slider of an axis even, the other axes at 0.

    Args:
        net: the Dynamic-Net.
        axis: one of its axes.
        encoder: whose features say how far two frames are apart.
        inputs: what the network makes pictures of, each a batch of one; of the first ``INPUTS`` the map is found on
            every other one and judged on the rest.
    """
    seen, unseen = inputs[:INPUTS:2], inputs[1:INPUTS:2] or inputs
    linear = alphas = np.linspace(*axis.range, KNOTS)
    every = (KNOTS - 1) // (FRAMES - 1)
    for _ in range(ROUNDS):
        steps = _steps(net, axis, encoder, seen, alphas)
        travelled = np.concatenate([[0.0], np.cumsum(steps)])
        found = np.interp(np.linspace(0, travelled[-1], KNOTS), travelled, alphas).round(4)
        if not (np.diff(found) > 0).all():  # a step so large that knots of equal distances fall together in it
            break
        alphas = found
    before, after = (_steps(net, axis, encoder, unseen, knots[::every]) for knots in (linear, alphas))
    return Evenness(
        tuple(alphas.tolist()), float(before.max() / before.min()), float(after.max() / after.min()), len(unseen)
    )


def _steps(
    net: DynamicNet, axis: AxisSpec, encoder: Encoder, inputs: Iterable[Tensor], alphas: np.ndarray
) -> np.ndarray:
    """Distances between neighbouring frames, mean over the inputs: each relative to the features' size."""
    sums = np.zeros(len(alphas) - 1)
    for count, one in enumerate(inputs, 1):
        frames = net.render(net.prepare(one), {axis.id: per_picture(alphas.tolist())}).clamp(0, 1)
        features = [z.flatten(1) for z in encoder(frames, encoder.layers).values()]
        steps = sum(z.diff(dim=0).norm(dim=1) / z.norm(dim=1).mean() for z in features)
        sums += (steps.double().cpu().numpy() - sums) / count
    return sums
