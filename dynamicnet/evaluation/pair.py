"""The two objectives of an axis: all that a comparison has to know of an application."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from dynamicnet.training.phase import Plan

Sample = tuple[Tensor, Tensor]
"""What a network is given, (N, C, H, W), and the pictures that its outputs are judged by, (N, 3, H, W)."""


Cut = Callable[[Tensor, Sample, str], tuple[Tensor, Sample]]
"""What a training compares of outputs and the sample they were made of, as follows from a draw."""


def whole(outputs: Tensor, sample: Sample, _: str) -> tuple[Tensor, Sample]:
    """All of both."""
    return outputs, sample


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
        cut: see :data:`Cut`.
    """

    both: Both
    held_out: Sequence[Sample]
    plan: Plan
    batch: Callable[[int, str], Sample]
    cut: Cut = whole
