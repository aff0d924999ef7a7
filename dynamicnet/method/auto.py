"""``alpha=auto``: how far an axis goes for this very picture.

An axis that has a network to guess it (:mod:`dynamicnet.method.guess`) asks that. For others, it is found from a few
small renders of the picture.

The criterion is a target for the objective of the low end, so that every picture gives up as much of it as an average
one does in the middle of the slider. The objective needs an encoder, which no package holds; how far a picture has
travelled from its own low end stands for it (docs/objective-space.md says how well).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.alpha import AUTO, AlphaLike, AxisAlpha, Typed, axis_named
from dynamicnet.method.blocks import AxisSpec

POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where an axis is looked at; with the picture that is asked for, six renders."""

RENDERED_SIDE = 512
"""Longest side of what is rendered for the search, in pixels."""

MEASURED_SIDE = 256
SCALES = 4


def travelled(frames: Tensor) -> Tensor:
    """How far each frame is from the first: 1 − the cosine between their gradients, mean over four scales.

    Args:
        frames: (N, 3, H, W) in [0, 1], H and W at least 32.

    Returns:
        (N,), from 0 (the same structure) to 2.
    """
    scales = []
    for _ in range(SCALES):
        gradients = torch.cat([frames.diff(dim=2).flatten(1), frames.diff(dim=3).flatten(1)], 1)
        scales.append(1 - F.cosine_similarity(gradients, gradients[:1]))
        frames = F.avg_pool2d(frames, 2)
    return torch.stack(scales).mean(0)


def reaches(distances: Sequence[float], positions: Sequence[float], target: float) -> float:
    """The position at which the way from the low end reaches a target first; an end where it never does."""
    return float(np.interp(target, np.maximum.accumulate(distances), positions))


@dataclass(frozen=True)
class Auto:
    """What is to be found: α of one axis.

    Attributes:
        axis: which; how far an average picture travels to the middle of it was measured, or a network guesses.
        alpha: of every axis that is named, this one's included.
    """

    axis: AxisSpec
    alpha: Mapping[str, AxisAlpha]

    def candidates(self) -> list[AlphaLike]:
        """At which α."""
        return [self.at(self.axis.alpha_at(position)) for position in POSITIONS]

    def pick(self, frames: Sequence[Image.Image]) -> float:
        """α, from what the candidates look like."""
        batch = torch.cat([pictures.to_tensor(frame.convert("RGB")) for frame in frames])
        shrink = MEASURED_SIDE / min(batch.shape[2:])
        if shrink < 1:
            batch = F.interpolate(batch, scale_factor=shrink, mode="bilinear", antialias=True)
        target = cast(float, self.axis.middle)
        return round(self.axis.alpha_at(reaches(travelled(batch).tolist(), POSITIONS, target)), 3)

    def at(self, alpha: float) -> dict[str, AxisAlpha]:
        """α of every axis that is named, with this one's found."""
        return {**self.alpha, self.axis.id: alpha}


def automatic(alpha: Typed, axes: Sequence[AxisSpec]) -> tuple[AlphaLike, Auto | None]:
    """α in numbers, and what is to be found where one axis was left to us; it stands at its default until then.

    Raises:
        DynamicNetError: ``alpha-auto-twice``, ``alpha-auto-unknown`` or ``alpha-unknown-axis``.
    """
    by_axis = alpha if isinstance(alpha, Mapping) else {axes[0].id: alpha}
    wanted = [axis_named(axis_id, axes) for axis_id, value in by_axis.items() if value == AUTO]
    if not wanted:
        return cast(AlphaLike, alpha), None
    if len(wanted) > 1:
        raise DynamicNetError("alpha-auto-twice", "alpha can be auto for one axis at a time.")
    axis = wanted[0]
    if not axis.auto:
        raise DynamicNetError(
            "alpha-auto-unknown", f"alpha cannot be auto for axis '{axis.id}': its middle was never measured."
        )
    named = cast(Mapping[str, AxisAlpha], {**by_axis, axis.id: axis.default})
    return named, Auto(axis, named)
