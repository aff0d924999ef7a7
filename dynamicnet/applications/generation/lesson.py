"""What a generator learns from: a teacher, which makes the losses of each phase."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.training.phase import Losses, Opponent, Plan
from dynamicnet.training.photos import Pictures


class Lesson(NamedTuple):
    """One phase.

    Attributes:
        losses: of a step.
        opponent: what is trained in turn; None where nothing is.
        objective: what is minimised, for the manifest.
        pictures: what is learned from.
    """

    losses: Callable[[int], Losses]
    opponent: Opponent | None
    objective: dict[str, Any]
    pictures: Pictures


class Teacher(Protocol):
    """Makes lessons.

    Attributes:
        params: of the network that is taught, besides its channels.
        encoder: what it looks with, for the manifest.
        betas: of Adam, while it is learned from.
    """

    params: dict[str, Any]
    encoder: dict[str, str]
    betas: tuple[float, float]

    def begin(self, net: DynamicNet, subsets: Sequence[str]) -> None:
        """Read the subsets that are going to be taught, so that what is wrong is said before any step is made."""

    def lesson(self, subset: str, axis: str | None, plan: Plan, title: str) -> Lesson:
        """The lesson of one subset, to θ or to an axis."""
