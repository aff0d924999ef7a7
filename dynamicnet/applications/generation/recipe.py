"""The recipe for image generation: θ learns to make pictures of one subset, ψ of another (paper section 4.3)."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet import package, pictures
from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.pictures import latent_of, mosaic
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import Axis, AxisSpec
from dynamicnet.method.dynamic import DynamicNet, Prepared
from dynamicnet.model import pick_device, placed
from dynamicnet.networks import NETWORKS
from dynamicnet.objectives.adversarial import Discriminator, Panel, augmented, fool_loss, judge_loss, shown
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.phase import Budget, Done, Losses, Opponent, Plan, Progressed, run_phase
from dynamicnet.training.photos import HELD_OUT
from dynamicnet.training.runs import claim_run, with_phase

SAMPLES = 36
NETWORK = "upsampling"


@dataclass(frozen=True)
class GenerationRecipe:
    """Everything that decides what a training run produces.

    Attributes:
        title, description: what people read about the package.
        axis: the axis to train.
        data: see :class:`Labelled`; ``low`` and ``high`` are its subsets at the ends of the axis.
        low: what θ learns to make; None with ``base``.
        encoder: frozen, see :class:`Panel`.
        channels: of the generator, see :class:`dynamicnet.networks.upsampling.UpsamplingNetwork`.
        base: a package whose θ and axes are kept as they are, and given this axis on top.
        likeness: weight of the mean absolute difference between the pictures at α = 1 and α = 0, which keeps
            tuning from changing what the other subset does not ask for.
        hours: see :class:`dynamicnet.training.phase.Budget`.
    """

    title: str
    description: str
    axis: AxisSpec
    data: Path
    encoder: Path
    channels: tuple[int, ...]
    low: str | None
    high: str
    base: Path | None
    main_steps: int
    axis_steps: int
    batch: int
    main_rate: float
    axis_rate: float
    likeness: float
    seed: int
    licence: str
    hours: float | None


class Made(NamedTuple):
    """What a step works with: the pictures made, and what the discriminators see of them."""

    prepared: Prepared
    after: Tensor
    shown: Tensor
    features: dict[str, Tensor]


class GenerationTraining:
    """A run of a recipe: its network and the folder it checkpoints to."""

    def __init__(
        self, recipe: GenerationRecipe, out: Path, run: Path, device: str, command: str, console: Console
    ) -> None:
        """Read everything a run needs, so that what is wrong is said before any step is made.

        Args:
            recipe: what to train.
            out: the package to write.
            run: folder for checkpoints, curves, sample sheets and, in a folder of the package's name, the package
                as it stands; an unfinished run in it is taken up.
            device: see :func:`dynamicnet.model.pick_device`.
            command: the command line, for the manifest.
            console: where to report.

        Raises:
            DynamicNetError: something named cannot be used, or ``run`` holds another recipe's run.
        """
        self.recipe, self.out, self.run, self.console = recipe, out, run, console
        self.device = pick_device(device)
        torch.manual_seed(recipe.seed)
        encoder = self.encoder = Encoder(recipe.encoder)
        self.training = package.Training(
            commands=[command],
            data=f"{recipe.data.name}; held out: {HELD_OUT}",
            encoder={"file": encoder.name, "sha256": encoder.sha256},
        )
        try:
            self.net = placed(self._network(), self.device)
        except ValueError as error:
            raise DynamicNetError("recipe-invalid", f"{error}.") from None
        self.subsets = {
            name: Labelled(recipe.data, name, self.net.network.side, held_out=False, console=console)
            for name in (recipe.low, recipe.high)
            if name is not None
        }
        length = self.net.network.latent
        self.samples = torch.stack([latent_of(seed, length) for seed in range(1, SAMPLES + 1)]).to(self.device)
        # One for both phases: what it learned of one subset, most of it holds of the other.
        torch.manual_seed(recipe.seed)
        some = next(iter(self.subsets.values())).batch(64, f"{recipe.seed} sizes")
        self.judge = placed(Panel(Discriminator(4, 32, 4), encoder, some), self.device)
        self.encoder.to(self.device)
        claim_run(run, recipe)
        self.budget = Budget(recipe.hours, recipe.axis_steps + (recipe.main_steps if recipe.low else 0))

    def _network(self) -> DynamicNet:
        recipe = self.recipe
        if recipe.base is None:
            self.network = package.NetworkSpec(name=NETWORK, params={"channels": list(recipe.channels)})
            return DynamicNet(NETWORKS[NETWORK](**self.network.params), [recipe.axis])
        base = package.load(recipe.base)
        self.network = base.manifest.network
        self.training = base.manifest.training.model_copy(
            update={"commands": [*base.manifest.training.commands, *self.training.commands]}
        )
        base.net.add_axis(recipe.axis)
        return base.net

    def train(self) -> package.Manifest:
        """Run both phases and write the package.

        Returns:
            The manifest as written, without measured figures: ``dynamic-net evaluate`` adds those.
        """
        recipe = self.recipe
        self.net.requires_grad_(False)
        if recipe.low is not None:
            self.net.network.requires_grad_(True)
            self._phase(recipe.low, None, recipe.main_steps, recipe.main_rate)
            self.net.network.requires_grad_(False)
        axis: Axis = self.net.axes[recipe.axis.id]  # type: ignore[assignment]
        axis.requires_grad_(True)
        self._phase(recipe.high, recipe.axis.id, recipe.axis_steps, recipe.axis_rate)
        return self._write(self.out, self.training)

    def _phase(self, subset: str, axis: str | None, steps: int, rate: float) -> None:
        recipe, real, judge = self.recipe, self.subsets[subset], self.judge
        title = package.phase_name(axis, axis and "high")
        plan = Plan(steps, recipe.batch, real.side, rate, recipe.seed, betas=(0.5, 0.99), average=0.995)
        alpha = {} if axis is None else {axis: 1.0}
        likeness = 0.0 if axis is None else recipe.likeness

        def random(step: int, what: str) -> torch.Generator:
            digest = hashlib.sha256(f"{plan.seed} {title} {step} {what}".encode()).digest()
            return torch.Generator().manual_seed(int.from_bytes(digest[:4]))

        def latents(step: int) -> Tensor:
            drawn = torch.randn(plan.batch, self.net.network.latent, generator=random(step, "latents"))
            return drawn.to(self.device)

        @lru_cache(maxsize=1)  # the judge looks at the same pictures, and first
        def made(step: int) -> Made:
            with autocast(self.device):
                prepared = self.net.prepare(latents(step))
                after = self.net.render(prepared, alpha).float()
                seen = augmented(after, random(step, "made"))
                return Made(prepared, after, shown(seen), self.encoder(seen, judge.layers))

        def judged(step: int) -> Losses:
            batch = real.batch(plan.batch, f"{plan.seed} {title} {step}").to(self.device)
            fake = made(step)
            with autocast(self.device):
                with torch.no_grad():
                    seen = augmented(batch, random(step, "real"))
                    features = self.encoder(seen, judge.layers)
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

        def training(done: Done) -> package.Training:
            return with_phase(
                self.training,
                plan,
                done,
                axis=axis,
                bank=None if axis is None else "high",
                objective={"kind": "adversarial", "subset": subset, "likeness": likeness},
                pictures=len(real.files),
                skipped=len(real.skipped),
            )

        def pause(done: Done) -> None:
            self.net.eval()
            with torch.inference_mode():
                if axis is None:
                    sheet = mosaic(self.net(self.samples, 0.0), 6)
                else:
                    alphas = per_picture([0.0, 0.25, 0.5, 0.75, 1.0])
                    rows = [self.net(latent, {axis: alphas}) for latent in torch.split(self.samples[:12], 1)]
                    sheet = mosaic(torch.cat(rows), 10)
            self.net.train(axis is None)
            file = self.run / f"{title}-{done.steps:06d}.jpg"
            file.write_bytes(pictures.write(pictures.to_picture(sheet), "jpeg", 92))
            self._write(self.run / self.out.name, training(done))

        self.net.train(axis is None)  # phase two leaves the statistics of batch norm as they are
        files = Progressed(self.run / f"{title}.safetensors", pause)
        opponent = Opponent(judge, judged)
        self.training = training(run_phase(title, self.net, losses, plan, files, self.console, opponent, self.budget))

    def _write(self, folder: Path, training: package.Training) -> package.Manifest:
        manifest = package.Manifest(
            title=self.recipe.title,
            description=self.recipe.description,
            application="generation",
            network=self.network,
            axes=self.net.specs,
            training=training,
            licence=self.recipe.licence,
        )
        package.write(folder, manifest, self.net)
        return manifest
