"""The recipe for image completion: θ learns to reconstruct, then ψ, with θ frozen, to look real as well."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet import package, pictures
from dynamicnet.applications.completion import masks
from dynamicnet.applications.completion.maskfolder import Hole, MaskFolder
from dynamicnet.applications.completion.objective import CompletionSpec, Features, both, compared, layers_of
from dynamicnet.applications.completion.pictures import given
from dynamicnet.applications.completion.squares import Squares
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import Axis, AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.model import pick_device, placed
from dynamicnet.networks import NETWORKS
from dynamicnet.networks.membrane import fill
from dynamicnet.objectives.adversarial import Discriminator, Panel, fool_loss, judge_loss
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.path import balance, mixed, shares
from dynamicnet.training.phase import Budget, Done, Losses, Opponent, Plan, Progressed, run_phase
from dynamicnet.training.photos import HELD_OUT, Photos, to_show
from dynamicnet.training.runs import claim_run, with_phase

NETWORK = "dilated"
SAMPLES = 8


@dataclass(frozen=True)
class CompletionRecipe:
    """Everything that decides what a training run produces.

    Attributes:
        title, description, credit: what people read about the model, and about the pictures it learnt from.
        sharp: O₁; O₀ is reconstruction alone.
        start: a package whose θ phase one starts from.
        images: folder of pictures, scaled so that their shorter side is ``scale``.
        side: of the squares cut from them, in pixels. squares: how many.
        masks: folder of masks, where holes are not drawn. holes: their colour where the hole is.
        channels: of the network's body, see :class:`dynamicnet.networks.dilated.DilatedNetwork`.
        reach: the α trained with is this share of the slider's end; above 1 the slider goes further.
        hours: see :class:`dynamicnet.training.phase.Budget`.
    """

    title: str
    description: str
    credit: str
    axis: AxisSpec
    sharp: CompletionSpec
    start: Path | None
    channels: int
    images: Path
    encoder: Path
    scale: int
    side: int
    squares: int
    masks: Path | None
    holes: Hole
    main_steps: int
    axis_steps: int
    path_steps: int
    batch: int
    main_rate: float
    axis_rate: float
    reach: float
    seed: int
    licence: str
    hours: float | None


class Completed(NamedTuple):
    """What a step works with: (N, …) each, and what the encoder makes of outputs and real pictures."""

    outputs: Tensor
    real: Tensor
    holes: Tensor
    along: Tensor
    ours: Features
    wanted: Features


class CompletionTraining:
    """A run of a recipe: its network, its objectives and the folder it checkpoints to."""

    def __init__(
        self, recipe: CompletionRecipe, out: Path, run: Path, device: str, command: str, console: Console
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
        self.encoder = Encoder(recipe.encoder).to(self.device)
        self.photos = Photos(recipe.images, recipe.scale, held_out=False, console=console)
        self.folder = MaskFolder(recipe.masks, recipe.holes, recipe.side, console) if recipe.masks else None
        self.network = package.NetworkSpec(name=NETWORK, params={"channels": recipe.channels})
        network = NETWORKS[NETWORK](**self.network.params)
        if recipe.start is not None:
            network.load_state_dict(package.load(recipe.start).net.network.state_dict())
        self.net = placed(DynamicNet(network, [recipe.axis]), self.device)
        some = middle(self.photos.batch(32, f"{recipe.seed} sizes"), recipe.side).to(self.device)
        self.judge = placed(Panel(Discriminator(4, 32, 3), self.encoder, some), self.device)
        shown = to_show(recipe.images, recipe.scale, SAMPLES)
        holes = [masks.batch(SAMPLES // 2, recipe.side, "samples")]
        holes += [masks.to_tensor(masks.centre(recipe.side, recipe.side))] * (SAMPLES - SAMPLES // 2)
        self.samples = middle(shown, recipe.side).to(self.device), torch.cat(holes)[: len(shown)].to(self.device)
        self.training = package.Training(
            commands=[command],
            data=f"{len(self.photos.files)} pictures; held out: {HELD_OUT}. {recipe.credit}".rstrip(),
            encoder={"file": self.encoder.name, "sha256": self.encoder.sha256},
        )
        claim_run(run, recipe)
        self.budget = Budget(recipe.hours, recipe.main_steps + recipe.axis_steps + recipe.path_steps)
        draw = self.folder.batch if self.folder else masks.batch
        cut = (recipe.side, recipe.squares, recipe.batch, recipe.seed, run / "squares.safetensors", console, draw)
        self.squares = Squares(self.photos, *cut)

    def train(self) -> package.Manifest:
        """Run both phases and write the package.

        Returns:
            The manifest as written, without measured figures: ``dynamic-net evaluate`` adds those.
        """
        recipe = self.recipe
        self.net.requires_grad_(False)
        self.net.network.requires_grad_(True)
        self._phase(None, CompletionSpec(), recipe.main_steps, recipe.main_rate)
        self.net.network.requires_grad_(False)
        axis: Axis = self.net.axes[recipe.axis.id]  # type: ignore[assignment]
        axis.requires_grad_(True)
        self._phase(recipe.axis.id, recipe.sharp, recipe.axis_steps, recipe.axis_rate)
        if recipe.path_steps:
            self._phase(recipe.axis.id, recipe.sharp, recipe.path_steps, recipe.axis_rate, path=True)
        for point in recipe.axis.blocks:
            axis.block("high", point).scale(recipe.reach)
        return self._write(self.out, self.training)

    def _phase(self, axis: str | None, spec: CompletionSpec, steps: int, rate: float, *, path: bool = False) -> None:
        """Run phase one (no axis), two, or three (``path``)."""
        recipe = self.recipe
        bank = package.phase_name(axis, axis and "high")
        title = f"{bank}.path" if path else bank
        adversarial = spec.adversarial > 0
        plan = plan_of(steps, recipe.batch, recipe.side, rate, recipe.seed, adversarial=adversarial)

        def at(number: int, share: float) -> tuple[Tensor, Tensor]:
            inputs, real = self._batch(f"{plan.seed} scale {number}")
            return both(spec, self.encoder, self.net(inputs, {recipe.axis.id: share}), inputs, real)

        scale = balance(at) if path else 1.0

        layers = set(self.judge.layers) if adversarial else set[str]()
        if spec.perceptual or spec.texture:
            layers |= layers_of(self.encoder)

        @lru_cache(maxsize=1)  # the opponent looks at the same as the loss, and first
        def complete(step: int) -> Completed:
            draw = f"{plan.seed} {title} {step}"
            inputs, real = self._batch(draw)
            along = shares(plan.batch, draw) if path else torch.full((plan.batch,), 1.0 if axis else 0.0)
            with autocast(self.device):
                outputs = self.net(inputs, {recipe.axis.id: per_picture(along.tolist())}).float()
                ours = self.encoder(outputs, layers)
                with torch.no_grad():
                    wanted = self.encoder(real, layers)
            return Completed(outputs, real, inputs[:, 3:4], along.to(self.device), ours, wanted)

        def scores(features: Features, outputs: Tensor, holes: Tensor) -> Tensor:
            with autocast(self.device):
                judged: Tensor = self.judge(features, torch.cat([outputs, holes], 1))
            return judged.float()

        def losses(step: int) -> Losses:
            outputs, real, holes, along, ours, wanted = complete(step)
            with autocast(self.device):
                terms = compared(spec, outputs, real, holes, ours, wanted)
            total = terms["total"]
            if adversarial:
                terms["adversarial"] = torch.stack([fool_loss(each) for each in scores(ours, outputs, holes)])
                total = total + spec.adversarial * terms["adversarial"]
            if path:
                total = mixed(terms["reconstruction"], total, scale, along)
            return {name: term.float().mean() for name, term in (terms | {"total": total}).items()}

        def judge(step: int) -> Losses:
            outputs, real, holes, _, ours, wanted = complete(step)
            features = {layer: torch.cat([wanted[layer], ours[layer].detach()]) for layer in self.judge.layers}
            # Both at once, so that the estimate of the spectral norm moves once.
            seen = scores(features, torch.cat([real, outputs.detach()]), torch.cat([holes, holes]))
            return {"total": judge_loss(*seen.chunk(2))}

        drawn = {"masks": str(self.folder)} if self.folder else {}
        mixture = {"mixed_with": CompletionSpec().model_dump() | {"scale": scale}} if path else {}

        def training(done: Done) -> package.Training:
            return with_phase(
                self.training,
                plan,
                done,
                axis=axis,
                bank="high" if axis else None,
                objective=spec.model_dump() | {"scale": recipe.scale, "squares": recipe.squares} | drawn | mixture,
                pictures=len(self.photos.files),
                skipped=len(self.photos.skipped),
                start=recipe.start,
            )

        def pause(done: Done) -> None:
            self._sheet(self.run / f"{title}-{done.steps:06d}.jpg", axis)
            self._write(self.run / self.out.name, training(done))

        files = Progressed(self.run / f"{title}.safetensors", pause)
        opponent = Opponent(self.judge, judge) if adversarial else None
        done = run_phase(title, self.net, losses, plan, files, self.console, opponent, self.budget)
        self.training = training(done)

    def _batch(self, draw: str) -> tuple[Tensor, Tensor]:
        """What the network is given, (N, 7, side, side), and how it really is, (N, 3, side, side)."""
        inputs, real = self.squares.batch(self.recipe.batch, draw)
        return inputs.to(self.device), real.to(self.device)

    @torch.inference_mode()
    def _sheet(self, file: Path, axis: str | None) -> None:
        """One row per held-out picture: with its hole, filled smoothly, the result at each α, and as it really is."""
        rows = []
        alphas = (0.0, 0.25, 0.5, 0.75, 1.0) if axis else (0.0,)
        for real, hole in zip(*(torch.split(t, 1) for t in self.samples), strict=True):
            smooth = fill(real, hole)
            prepared = self.net.prepare(given(smooth.cpu(), hole.cpu()).to(self.device))
            results = self.net.render(prepared, {self.recipe.axis.id: per_picture(alphas)})
            rows.append(torch.cat([torch.where(hole > 0, 1.0, real), smooth, *torch.split(results, 1), real], 3))
        file.write_bytes(pictures.write(pictures.to_picture(torch.cat(rows, 2)), "jpeg", 92))

    def _write(self, folder: Path, training: package.Training) -> package.Manifest:
        recipe = self.recipe
        manifest = package.Manifest(
            title=recipe.title,
            description=f"{recipe.description} {recipe.credit}".strip(),
            application="completion",
            network=self.network,
            axes=self.net.specs,
            training=training,
            licence=recipe.licence,
        )
        package.write(folder, manifest, self.net)
        return manifest


def plan_of(steps: int, batch: int, side: int, rate: float, seed: int, *, adversarial: bool = False) -> Plan:
    """How any network that completes pictures is trained."""
    return Plan(steps, batch, side, rate, seed, (0.5 if adversarial else 0.9, 0.99), average=0.995)


def middle(squares: Tensor, side: int) -> Tensor:
    """The middle of squares: (N, C, S, S) to (N, C, side, side)."""
    edge = (squares.shape[-1] - side) // 2
    return squares[..., edge : edge + side, edge : edge + side]
