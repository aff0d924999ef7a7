"""The two objectives of an axis: all that a comparison has to know of an application."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from dynamicnet.training.phase import Plan

Sample = tuple[Tensor, Tensor]
"""What a network is given, (N, C, H, W), and the pictures that its outputs are judged by, (N, 3, H, W)."""


Both = Callable[[Tensor, Sample], tuple[Tensor, Tensor]]
"""O₀ and O₁, each (N,), of outputs (N, 3, H, W) and the sample they were made of, which may be of one."""


@dataclass(frozen=True)
class Pair:
    """Both objectives, what they are measured on, and what networks are trained on for them.

    Attributes:
        both: see :data:`Both`.
        held_out: samples of one, not trained on.
        plan: how phase one was trained.
        batch: a sample to train on, of so many, that follows from a draw.
    """

    both: Both
    held_out: Sequence[Sample]
    plan: Plan
    batch: Callable[[int, str], Sample]
