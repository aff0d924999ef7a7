"""Where a table says what each picture shows, a generator is told what it should have made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.generation.described import Described, PartsTable, known
from dynamicnet.applications.generation.lesson import Lesson
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.precision import autocast
from dynamicnet.training.path import shares
from dynamicnet.training.phase import Losses, Plan

KIND = "drawn"

CHANGE = 0.5
"""How much of the loss of ψ lies where its axis changes the picture."""


def was_taught(loaded: package.Package) -> bool:
    """Whether a package was trained on pictures that a table describes."""
    phases = loaded.manifest.training.phases
    return bool(phases) and phases[0].objective.get("kind") == KIND


class Taught:
    """A teacher that shows the very picture.

    θ minimises the mean absolute difference to it. ψ does at α = 1; and in between to the mixture of what θ makes and
    that picture, which is where the mixture of their squared differences has its least. To ψ, what its axis changes
    counts as much as the whole picture does: of thin lines there is too little otherwise to be learned.
    """

    encoder: dict[str, str] = {}
    betas = (0.9, 0.99)

    def __init__(
        self, data: Path, low: str | None, high: str, base: package.Package | None, axis: AxisSpec, console: Console
    ) -> None:
        """Read the table.

        Args:
            data: pictures, and a table of what they show.
            low: the subset of θ; None where that of ``base`` is meant.
            high: the subset that the axis leads to.
            base: a package that is given one more axis.
            axis: that axis, whose id is the name of the part that it changes.
            console: where to say what was left out.

        Raises:
            DynamicNetError: ``recipe-invalid``, or as :class:`Described`.
        """
        self.console, self.table = console, PartsTable(data)
        if low is None:
            if not base or not was_taught(base):
                raise DynamicNetError("recipe-invalid", "--base was not trained on pictures that a table describes.")
            low = str(base.manifest.training.phases[0].objective["subset"])
        if high == low:
            raise DynamicNetError("recipe-invalid", "--to: a subset other than --from.")
        self.low = low
        self.before = known(self.table, base.manifest.training) if base else {}
        self.params: dict[str, Any] = {"choices": [len(some) for some in self.table.choices(low).values()]}
        self.axis = axis.id

    def begin(self, net: DynamicNet, subsets: Sequence[str]) -> None:
        """Read the pictures."""
        self.net = net
        self.device = next(net.parameters()).device
        self.subsets = {
            name: Described(
                self.table,
                self.low,
                None if name == self.low else name,
                self.before,
                net.network.side,
                held_out=False,
                console=self.console,
            )
            for name in subsets
        }
        changes = self.subsets[subsets[-1]].axis
        if changes != self.axis:
            raise DynamicNetError("recipe-invalid", f"--axis-id: the part that changes, which is '{changes}'.")

    def lesson(self, subset: str, axis: str | None, plan: Plan, title: str) -> Lesson:
        """To draw the pictures of a subset, at any combination of the axes that are there already."""
        real = self.subsets[subset]

        def losses(step: int) -> Losses:
            draw = f"{plan.seed} {title} {step}"
            latents, others, wanted = real.batch(plan.batch, draw)
            latents, wanted = latents.to(self.device), wanted.to(self.device)
            alphas = {part: per_picture(values.tolist()) for part, values in others.items()}
            weight = torch.ones(1, device=self.device)
            with autocast(self.device):
                prepared = self.net.prepare(latents)
                if axis is not None:
                    along = per_picture(shares(plan.batch, f"{draw} shares").tolist())
                    with torch.no_grad():
                        before = self.net.render(prepared, alphas).float()
                    weight = 1 - CHANGE + CHANGE * share_of_change(before, wanted)
                    wanted = torch.lerp(before, wanted, along.to(self.device))
                    alphas = alphas | {axis: along}
                made = self.net.render(prepared, alphas).float()
            return {"total": (weight * (made - wanted).abs()).mean()}

        objective: dict[str, Any] = {"kind": KIND, "subset": subset, "choices": real.choices}
        if axis is not None:
            objective["change"] = CHANGE
        return Lesson(losses, None, objective, real)


def share_of_change(before: Tensor, after: Tensor) -> Tensor:
    """Where pictures differ: 1 on average over each, 0 where they are equal.

    Args:
        before: (N, 3, H, W).
        after: the same shape.

    Returns:
        (N, 1, H, W).
    """
    change = (after - before).abs().mean(dim=1, keepdim=True)
    return change / change.mean(dim=(1, 2, 3), keepdim=True).clamp_min(torch.finfo(change.dtype).tiny)
