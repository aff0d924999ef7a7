"""Pictures of a subset are told from made ones by discriminators, which a generator learns to fool (section 4.3)."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.lesson import Lesson
from dynamicnet.method.dynamic import DynamicNet, Prepared
from dynamicnet.model import placed
from dynamicnet.objectives.adversarial import Discriminator, Panel, augmented, fool_loss, judge_loss, shown
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.phase import Losses, Opponent, Plan


class Made(NamedTuple):
    """What a step works with: the pictures made, and what the discriminators see of them."""

    prepared: Prepared
    after: Tensor
    shown: Tensor
    features: dict[str, Tensor]


class Judged:
    """A teacher that says how real a picture is, and not what it should have been."""

    params: dict[str, Any] = {}
    betas = (0.5, 0.99)

    def __init__(
        self, data: Path, encoder: Path, likeness: float, seed: int, device: torch.device, console: Console
    ) -> None:
        """Load the encoder.

        Args:
            data: see :class:`Labelled`.
            encoder: frozen, see :class:`Panel`.
            likeness: weight of the mean absolute difference between the pictures at α = 1 and α = 0, which keeps
                tuning from changing what the other subset does not ask for.
            seed: what is random follows from it.
            device: where all happens.
            console: where to say what was left out.
        """
        self.data, self.likeness, self.seed, self.device, self.console = data, likeness, seed, device, console
        self.looks = Encoder(encoder)
        self.encoder = {"file": self.looks.name, "sha256": self.looks.sha256}

    def begin(self, net: DynamicNet, subsets: Sequence[str]) -> None:
        """Read the subsets, and build one panel for all phases: most of what it learned of one holds of another."""
        self.net = net
        self.subsets = {
            name: Labelled(self.data, name, net.network.side, held_out=False, console=self.console) for name in subsets
        }
        torch.manual_seed(self.seed)
        some = next(iter(self.subsets.values())).batch(64, f"{self.seed} sizes")
        self.judge = placed(Panel(Discriminator(4, 32, 4), self.looks, some), self.device)
        self.looks.to(self.device)

    def lesson(self, subset: str, axis: str | None, plan: Plan, title: str) -> Lesson:
        """To make pictures that the panel takes for those of a subset, at α = 1 of an axis."""
        real, judge, encoder = self.subsets[subset], self.judge, self.looks
        alpha = {} if axis is None else {axis: 1.0}
        likeness = 0.0 if axis is None else self.likeness

        def random(step: int, what: str) -> torch.Generator:
            digest = hashlib.sha256(f"{plan.seed} {title} {step} {what}".encode()).digest()
            return torch.Generator().manual_seed(int.from_bytes(digest[:4]))

        def latents(step: int) -> Tensor:
            drawn = torch.randn(plan.batch, self.net.network.drawn, generator=random(step, "latents"))
            return drawn.to(self.device)

        @lru_cache(maxsize=1)  # the judge looks at the same pictures, and first
        def made(step: int) -> Made:
            with autocast(self.device):
                prepared = self.net.prepare(latents(step))
                after = self.net.render(prepared, alpha).float()
                seen = augmented(after, random(step, "made"))
                return Made(prepared, after, shown(seen), encoder(seen, judge.layers))

        def judged(step: int) -> Losses:
            batch = real.batch(plan.batch, f"{plan.seed} {title} {step}").to(self.device)
            fake = made(step)
            with autocast(self.device):
                with torch.no_grad():
                    seen = augmented(batch, random(step, "real"))
                    features = encoder(seen, judge.layers)
                both = {layer: torch.cat([z, fake.features[layer].detach()]) for layer, z in features.items()}
                scores = judge(both, torch.cat([shown(seen), fake.shown.detach()])).float()
            return {"total": judge_loss(*scores.chunk(2))}

        def losses(step: int) -> Losses:
            prepared, after, seen, features = made(step)
            with autocast(self.device):
                fooled = fool_loss(judge(features, seen).float())
            if not likeness:
                return {"total": fooled}
            with torch.no_grad(), autocast(self.device):
                before = self.net.render(prepared, 0.0)
            changed = (after - before.float()).abs().mean()
            return {"total": fooled + likeness * changed, "fooled": fooled, "changed": changed}

        objective = {"kind": "adversarial", "subset": subset, "likeness": likeness}
        return Lesson(losses, Opponent(judge, judged), objective, real)
