"""The recipe for image generation: θ learns to make pictures of one subset, ψ of another (paper section 4.3)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from dynamicnet import package, pictures
from dynamicnet.applications.generation.described import TABLE, is_described
from dynamicnet.applications.generation.judged import Judged
from dynamicnet.applications.generation.lesson import Teacher
from dynamicnet.applications.generation.pictures import drawn, mosaic
from dynamicnet.applications.generation.taught import Taught, was_taught
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import Axis, AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.model import pick_device, placed
from dynamicnet.networks import NETWORKS
from dynamicnet.training.phase import Budget, Done, Plan, Progressed, run_phase
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
        data: pictures with labels, which are judged (:class:`Judged`), or with a table that describes each in full,
            which are taught (:class:`Taught`); ``low`` and ``high`` are its subsets at the ends of the axis.
        low: what θ learns to make; None with ``base``.
        encoder: frozen, of what judges; not looked at where pictures are taught.
        channels: of the generator, see :class:`dynamicnet.networks.upsampling.UpsamplingNetwork`.
        base: a package whose θ and axes are kept as they are, and given this axis on top.
        likeness: see :class:`Judged`.
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
        self.teacher: Teacher
        base = None if recipe.base is None else package.load(recipe.base)
        if is_described(recipe.data):
            self.teacher = Taught(recipe.data, recipe.low, recipe.high, base, recipe.axis, console)
        elif base is not None and was_taught(base):
            raise DynamicNetError("recipe-invalid", f"--base was told what to draw: --data needs a table ({TABLE}).")
        else:
            self.teacher = Judged(recipe.data, recipe.encoder, recipe.likeness, recipe.seed, self.device, console)
        self.training = package.Training(
            commands=[command],
            data=f"{recipe.data.name}; held out: {HELD_OUT}",
            encoder=self.teacher.encoder,
        )
        try:
            self.net = placed(self._network(base), self.device)
        except ValueError as error:
            raise DynamicNetError("recipe-invalid", f"{error}.") from None
        self.teacher.begin(self.net, [subset for subset in (recipe.low, recipe.high) if subset is not None])
        self.samples = drawn(range(1, SAMPLES + 1), self.net.network).to(self.device)
        claim_run(run, recipe)
        self.budget = Budget(recipe.hours, recipe.axis_steps + (recipe.main_steps if recipe.low else 0))

    def _network(self, base: package.Package | None) -> DynamicNet:
        recipe = self.recipe
        if base is None:
            params = {"channels": list(recipe.channels)} | self.teacher.params
            self.network = package.NetworkSpec(name=NETWORK, params=params)
            return DynamicNet(NETWORKS[NETWORK](**params), [recipe.axis])
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
        recipe = self.recipe
        title = package.phase_name(axis, axis and "high")
        side = self.net.network.side
        plan = Plan(steps, recipe.batch, side, rate, recipe.seed, betas=self.teacher.betas, average=0.995)
        lesson = self.teacher.lesson(subset, axis, plan, title)

        def training(done: Done) -> package.Training:
            return with_phase(
                self.training,
                plan,
                done,
                axis=axis,
                bank=None if axis is None else "high",
                objective=lesson.objective,
                pictures=len(lesson.pictures.files),
                skipped=len(lesson.pictures.skipped),
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
        done = run_phase(title, self.net, lesson.losses, plan, files, self.console, lesson.opponent, self.budget)
        self.training = training(done)

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
