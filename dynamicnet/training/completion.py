"""The recipe for image completion: θ learns to reconstruct, then ψ, with θ frozen, to look real as well."""

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

from dynamicnet import masks, package, pictures
from dynamicnet.alpha import per_picture
from dynamicnet.applications.completion import given
from dynamicnet.blocks import Axis, AxisSpec
from dynamicnet.dynamic import DynamicNet
from dynamicnet.membrane import fill
from dynamicnet.model import pick_device, placed
from dynamicnet.networks import NETWORKS
from dynamicnet.objectives.adversarial import Discriminator, Panel, fool_loss, judge_loss
from dynamicnet.objectives.completion import CompletionSpec, energy_gap, likeness, log_error
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.phase import Losses, Opponent, Plan, Progressed, run_phase
from dynamicnet.training.photos import HELD_OUT, Photos
from dynamicnet.training.runs import claim_run

Squares = dict[str, Tensor]
"""``real`` and ``copied``, (N, 3, S, S), and ``hole``, (N, 1, S, S); uint8."""

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
        side: of the squares cut from them, in pixels. squares: how many, all cut before training begins: copying
            into a hole takes longer than a step.
        channels: of the network's body, see :class:`dynamicnet.networks.dilated.DilatedNetwork`.
        reach: the α trained with is this share of the slider's end; above 1 the slider goes further.
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
    main_steps: int
    axis_steps: int
    batch: int
    main_rate: float
    axis_rate: float
    reach: float
    seed: int
    licence: str


class CompletionTraining:
    """A run of a recipe: its network, its objectives and the folder it checkpoints to."""

    def __init__(
        self, recipe: CompletionRecipe, out: Path, run: Path, device: str, command: str, console: Console
    ) -> None:
        """Read everything a run needs, so that what is wrong is said before any step is made.

        Args:
            recipe: what to train.
            out: the package to write.
            run: folder for checkpoints and sample sheets; an unfinished run in it is taken up.
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
        self.photos = Photos(recipe.images, recipe.scale, held_out=False)
        self.network = package.NetworkSpec(name=NETWORK, params={"channels": recipe.channels})
        network = NETWORKS[NETWORK](**self.network.params)
        if recipe.start is not None:
            network.load_state_dict(package.load(recipe.start).net.network.state_dict())
        self.net = placed(DynamicNet(network, [recipe.axis]), self.device)
        some = middle(self.photos.batch(32, f"{recipe.seed} sizes"), recipe.side).to(self.device)
        self.judge = placed(Panel(Discriminator(4, 32, 3), self.encoder, some), self.device)
        shown = Photos(recipe.images, recipe.scale, held_out=True).centres(SAMPLES)
        holes = [masks.batch(SAMPLES // 2, recipe.side, "samples")]
        holes += [masks.to_tensor(masks.centre(recipe.side, recipe.side))] * (SAMPLES - SAMPLES // 2)
        self.samples = middle(shown, recipe.side).to(self.device), torch.cat(holes)[: len(shown)].to(self.device)
        self.training = package.Training(
            commands=[command],
            data=f"{len(self.photos.files)} pictures; held out: {HELD_OUT}. {recipe.credit}".rstrip(),
            encoder={"file": self.encoder.name, "sha256": self.encoder.sha256},
        )
        claim_run(run, recipe)
        self.squares = self._squares(run / "squares.safetensors")

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
        for point in recipe.axis.blocks:
            axis.block("high", point).scale(recipe.reach)
        return self._write()

    def _phase(self, axis: str | None, spec: CompletionSpec, steps: int, rate: float) -> None:
        recipe = self.recipe
        title = package.phase_name(axis, axis and "high")
        adversarial = spec.adversarial > 0
        plan = Plan(
            steps, recipe.batch, recipe.side, rate, recipe.seed, (0.5 if adversarial else 0.9, 0.99), average=0.995
        )

        @lru_cache(maxsize=1)  # the opponent looks at the same as the loss, and first
        def complete(step: int) -> tuple[Tensor, Tensor, Tensor]:
            real, inputs = self._batch(f"{plan.seed} {title} {step}")
            with autocast(self.device):
                outputs = self.net(inputs, {recipe.axis.id: 1.0 if axis else 0.0})
            return outputs.float(), real, inputs[:, 3:4]

        def scores(outputs: Tensor, holes: Tensor) -> Tensor:
            with autocast(self.device):
                judged: Tensor = self.judge(outputs, torch.cat([outputs, holes], 1))
            return judged.float()

        def losses(step: int) -> Losses:
            outputs, real, holes = complete(step)
            parts = {"reconstruction": log_error(outputs, real, holes).mean()}
            total = parts["reconstruction"]
            if spec.perceptual or spec.texture:
                with autocast(self.device):
                    apart = likeness(self.encoder, outputs, real, holes)
                parts |= {"perceptual": apart.perceptual.float().mean(), "texture": apart.texture.float().mean()}
                total = total + spec.perceptual * parts["perceptual"] + spec.texture * parts["texture"]
            if spec.energy:
                parts["energy"] = energy_gap(outputs, real, holes).mean()
                total = total + spec.energy * parts["energy"]
            if adversarial:
                parts["adversarial"] = fool_loss(scores(outputs, holes))
                total = total + spec.adversarial * parts["adversarial"]
            return {"total": total, **parts}

        def judge(step: int) -> Losses:
            outputs, real, holes = complete(step)
            # One look at both, so that the estimate of the spectral norm moves once.
            seen = scores(torch.cat([real, outputs.detach()]), torch.cat([holes, holes]))
            return {"total": judge_loss(*seen.chunk(2))}

        def sample(step: int) -> None:
            self._sheet(self.run / f"{title}-{step:06d}.jpg", axis)

        files = Progressed(self.run / f"{title}.safetensors", max(1, min(250, steps // 2)), sample)
        opponent = Opponent(self.judge, judge) if adversarial else None
        seconds = run_phase(title, self.net, losses, plan, files, self.console, opponent)
        self.training.phases.append(
            package.Phase(
                axis=axis,
                bank="high" if axis else None,
                objective=spec.model_dump() | {"scale": recipe.scale},
                steps=steps,
                batch=plan.batch,
                crop=plan.crop,
                learning_rate=rate,
                seed=plan.seed,
                seconds=round(seconds, 1),
                pictures=len(self.photos.files) - len(self.photos.skipped),
                skipped=len(self.photos.skipped),
                started_from=recipe.start.name if axis is None and recipe.start else None,
            )
        )

    def _squares(self, file: Path) -> Squares:
        """What is trained on: cut, with a hole, and copies in it; read again from a file where it has been."""
        recipe = self.recipe
        if not file.exists():
            parts = [
                self._cut(f"{recipe.seed} squares {i}")
                for i in track(range(0, recipe.squares, recipe.batch), "squares", console=self.console)
            ]
            tensors = {name: torch.cat([part[name] for part in parts])[: recipe.squares] for name in parts[0]}
            save_file(tensors, file)
        return load_file(file)

    @torch.inference_mode()
    def _cut(self, seed: str) -> Squares:
        """A batch of squares cut anywhere, half of them mirrored, and a hole in each."""
        recipe = self.recipe
        draw, side = random.Random(seed), recipe.side
        cut = []
        for picture in self.photos.batch(recipe.batch, seed):
            top, left = (draw.randint(0, recipe.scale - side) for _ in range(2))
            square = picture[:, top : top + side, left : left + side]
            cut.append(square.flip(-1) if draw.random() < 0.5 else square)
        real, holes = torch.stack(cut), masks.batch(recipe.batch, side, seed)
        copied = given(fill(real, holes), holes)[:, 4:]
        return {"real": _bytes(real), "hole": _bytes(holes), "copied": _bytes(copied)}

    def _batch(self, seed: str) -> tuple[Tensor, Tensor]:
        """Squares (N, 3, side, side) in [0, 1], and what the network is given of them, (N, 7, side, side)."""
        draw = random.Random(seed)
        chosen = torch.tensor([draw.randrange(self.recipe.squares) for _ in range(self.recipe.batch)])
        drawn = [self.squares[name][chosen].float() / 255 for name in ("real", "hole", "copied")]
        if draw.random() < 0.5:
            drawn = [part.flip(-1) for part in drawn]
        real, holes, copied = (part.to(self.device) for part in drawn)
        return real, torch.cat([fill(real, holes), holes, copied], 1)

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

    def _write(self) -> package.Manifest:
        recipe = self.recipe
        manifest = package.Manifest(
            title=recipe.title,
            description=f"{recipe.description} {recipe.credit}".strip(),
            application="completion",
            network=self.network,
            axes=self.net.specs,
            training=self.training,
            licence=recipe.licence,
        )
        package.write(self.out, manifest, self.net)
        if self.photos.skipped:
            self.console.print(f"{len(self.photos.skipped)} unreadable pictures were skipped.")
        return manifest


def _bytes(values: Tensor) -> Tensor:
    return (values * 255).round().to(torch.uint8)


def middle(squares: Tensor, side: int) -> Tensor:
    """The middle of squares: (N, C, S, S) to (N, C, side, side)."""
    edge = (squares.shape[-1] - side) // 2
    return squares[..., edge : edge + side, edge : edge + side]
