"""The recipe for restoration: θ learns light noise; then ψ, with θ frozen, noise up to the heaviest.

On a dual axis θ learns what is in the middle, and two banks of ψ what is lighter and what is heavier. Phase three shows
ψ every α, each with noise of the level that α stands for. A second axis, if it is asked for, learns
what keeps a picture crisp with the first one frozen, at every strength, so that the two mix.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from rich.console import Console
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.applications.restoration.noise import EVEN, Kind, Levels, noised
from dynamicnet.applications.restoration.objective import RestorationSpec, likeness, log_error, psnr, smoothing_error
from dynamicnet.applications.restoration.patches import Pairs, Patches, read_names
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import Axis, AxisSpec, Sign, TuningBlock
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.model import pick_device, placed
from dynamicnet.networks import NETWORKS
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.path import shares
from dynamicnet.training.phase import Budget, Done, Losses, Plan, Progressed, run_phase
from dynamicnet.training.photos import HELD_OUT, Photos, to_show
from dynamicnet.training.runs import claim_run, with_phase
from dynamicnet.training.sheets import write_sheet

NETWORK = "unet"
SAMPLES = 6
CLEAN = 4
"""Of so many pictures with noise of cameras, one has none, and one has less than α stands for.

Clipped noise is taken out with its mean, which makes light parts lighter and dark ones darker; where there is less of
it than α stands for, they are to stay as they are. That counts by the square of the share of ``EVEN``: light noise
moves means little, and was taken out less well for it. Of who has seen noise of one level and none, what has less
would keep it: the further a slider went beyond what a picture needs, the more noise came back.
"""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the way from light to heavy noise, on sample sheets


@dataclass(frozen=True)
class RestorationRecipe:
    """Everything that decides what a training run produces.

    Attributes:
        title, description: what people read about the model.
        noise: of which kind.
        strength, crisp: the axes; ``crisp`` is trained if ``crisp_steps`` are.
        levels: the noise that each α of ``strength`` stands for.
        start: a package of the same networks; phases start from its θ and from its ψ of axes of the same id. What has
            no steps stays as it is there, and so does what the manifest says of it.
        images: folder of photographs, scaled so that their shorter side is ``scale``.
        exclude: file of names of photographs that are left out.
        encoder: for ``crisp``.
        crop: side of the patches, in pixels.
        perceptual, texture: weights at the crisp end, see :class:`RestorationSpec`.
        hours: see :class:`dynamicnet.training.phase.Budget`.
    """

    title: str
    description: str
    noise: Kind
    strength: AxisSpec
    crisp: AxisSpec
    levels: Levels
    start: Path | None
    images: Path
    exclude: Path | None
    encoder: Path
    scale: int
    main_steps: int
    axis_steps: int
    path_steps: int
    crisp_steps: int
    batch: int
    crop: int
    main_rate: float
    axis_rate: float
    perceptual: float
    texture: float
    seed: int
    licence: str
    hours: float | None


class RestorationTraining:
    """A run of a recipe: its network, its noise and the folder it checkpoints to."""

    def __init__(
        self, recipe: RestorationRecipe, out: Path, run: Path, device: str, command: str, console: Console
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
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        torch.manual_seed(recipe.seed)
        axes = [recipe.strength, *([recipe.crisp] if recipe.crisp_steps else [])]
        net = DynamicNet(NETWORKS[NETWORK](), axes)
        for module in net.axes.modules():
            if isinstance(module, TuningBlock):
                _begin(module)
        commands, kept = [command], []
        if recipe.start is not None:
            start = package.load(recipe.start)
            net.load_state_dict(start.net.state_dict(), strict=False)
            steps = {None: recipe.main_steps, recipe.strength.id: recipe.axis_steps + recipe.path_steps}
            kept = [phase for phase in start.manifest.training.phases if not steps.get(phase.axis, 1)]
            commands = [*start.manifest.training.commands, command] if kept else commands
        self.net = placed(net, self.device)
        self.encoder = Encoder(recipe.encoder).to(self.device) if recipe.crisp_steps else None
        names = self.excluded = read_names(recipe.exclude)
        self.photos = Photos(recipe.images, recipe.scale, held_out=False, exclude=names, console=console)
        self.pairs = Pairs(Patches(self.photos, self.device), recipe.noise, recipe.crop)
        self.samples = self._samples(to_show(recipe.images, recipe.scale, SAMPLES, names))
        self.training = package.Training(
            commands=commands,
            phases=kept,
            data=f"{self.pairs.patches.count} photographs; held out: {HELD_OUT}"
            + (f", and {len(names)} named in {recipe.exclude.name}" if recipe.exclude else ""),
            encoder={"file": self.encoder.name, "sha256": self.encoder.sha256} if self.encoder else {},
        )
        claim_run(run, recipe)
        banks = len(recipe.strength.signs) * (recipe.axis_steps + recipe.path_steps)
        self.budget = Budget(recipe.hours, recipe.main_steps + banks + recipe.crisp_steps)

    def train(self) -> package.Manifest:
        """Run all phases and write the package.

        Returns:
            The manifest as written, without measured figures: ``dynamic-net evaluate`` adds those.
        """
        recipe, strength = self.recipe, self.recipe.strength
        self.net.requires_grad_(False)
        self.net.network.requires_grad_(True)
        self._phase("main", None, None, (0.0, 0.0), recipe.main_steps)
        self.net.network.requires_grad_(False)
        for sign in strength.signs:
            name = package.phase_name(strength.id, sign)
            end = strength.range[1 if sign == "high" else 0]
            with self._trained(strength, sign):
                self._phase(name, strength, sign, (end, end), recipe.axis_steps)
                self._phase(f"{name}.path", strength, sign, (0.0, end), recipe.path_steps)
        if recipe.crisp_steps:
            with self._trained(recipe.crisp, "high"):
                name = package.phase_name(recipe.crisp.id, "high")
                self._phase(name, recipe.crisp, "high", strength.range, recipe.crisp_steps)
        return self._write(self.out, self.training)

    @contextmanager
    def _trained(self, spec: AxisSpec, sign: Sign) -> Iterator[None]:
        """Within it, one bank of one axis is trained and nothing else."""
        axis: Axis = self.net.axes[spec.id]  # type: ignore[assignment]
        bank = axis.banks[sign].requires_grad_(True)
        yield
        bank.requires_grad_(False)

    def _phase(
        self, title: str, axis: AxisSpec | None, sign: Sign | None, alphas: tuple[float, float], steps: int
    ) -> None:
        """Train θ (no axis) or one bank of an axis, at strengths between ``alphas``."""
        if not steps:
            return
        recipe = self.recipe
        rate = recipe.main_rate if axis is None else recipe.axis_rate
        plan = plan_of(steps, recipe.batch, recipe.crop, rate, recipe.seed)
        crisp = axis is recipe.crisp
        others = 1 / CLEAN if recipe.noise == "camera" and not crisp else 0.0
        low, high = sorted(round(recipe.levels.at(alpha), 4) for alpha in alphas)
        spec = RestorationSpec(
            noise=recipe.noise,
            levels=(low, high),
            perceptual=recipe.perceptual if crisp else 0.0,
            texture=recipe.texture if crisp else 0.0,
            clean=others,
            lighter=others,
        )
        data = {"scale": recipe.scale, "excluded": sorted(self.excluded)}
        net = DynamicNet(self.net.network) if axis is None else self.net  # no ψ where none counts

        def losses(step: int) -> Losses:
            draw = f"{plan.seed} {title} {step}"
            random = Random(draw)
            # Some at the end itself, which nothing lies beyond; a bank sees more of what is near it, where α is large.
            power = 1.0 if crisp else 0.5
            along = [min(1.0, 1.09 * random.random() ** power) for _ in range(plan.batch)]
            strengths = [alphas[0] + share * (alphas[1] - alphas[0]) for share in along]
            levels = [recipe.levels.at(alpha) for alpha in strengths]
            first = random.randrange(CLEAN)
            some, fewer = slice(first, None, CLEAN), slice((first + 1) % CLEAN, None, CLEAN)
            if spec.lighter:
                levels[fewer] = [random.random() * level for level in levels[fewer]]
            noisy, clean = self.pairs.batch(levels, draw)
            if spec.clean:
                noisy[some] = clean[some]
            named = {} if axis is None else {recipe.strength.id: per_picture(strengths)}
            grain = shares(plan.batch, draw)
            if crisp:
                named[recipe.crisp.id] = per_picture(grain.tolist())
            with autocast(self.device):
                outputs = net(noisy, named).float()
            error = log_error(outputs, clean)
            if spec.clean:
                heavy = torch.tensor([EVEN.share(recipe.levels.at(alpha)) ** 2 for alpha in strengths[some]])
                error[some] = heavy.to(self.device, non_blocking=True) * smoothing_error(outputs[some], clean[some])
            if not crisp:
                return {"total": error.mean()}
            assert self.encoder is not None
            features, textures = likeness(self.encoder, outputs, clean)
            added = spec.perceptual * features + spec.texture * textures
            return {
                "total": (error + grain.to(self.device, non_blocking=True) * added).mean(),
                "error": error.mean(),
                "perceptual": features.mean(),
                "texture": textures.mean(),
            }

        def training(done: Done) -> package.Training:
            return with_phase(
                self.training,
                plan,
                done,
                axis=None if axis is None else axis.id,
                bank=sign,
                objective=spec.model_dump() | (data if axis is None else {}),
                pictures=self.pairs.patches.count,
                skipped=len(self.photos.skipped),
                start=recipe.start,
            )

        def pause(done: Done) -> None:
            self._sheet(f"{title}-{done.steps:06d}", axis)
            self._write(self.run / self.out.name, training(done))

        files = Progressed(self.run / f"{title}.safetensors", pause)
        self.training = training(run_phase(title, self.net, losses, plan, files, self.console, budget=self.budget))

    def _write(self, folder: Path, training: package.Training) -> package.Manifest:
        manifest = package.Manifest(
            title=self.recipe.title,
            description=self.recipe.description,
            application="restoration",
            network=package.NetworkSpec(name=NETWORK),
            axes=self.net.specs,
            training=training,
            licence=self.recipe.licence,
        )
        package.write(folder, manifest, self.net)
        return manifest

    def _samples(self, centres: Tensor) -> dict[float, tuple[Tensor, Tensor]]:
        """By α along the strength: squares of photographs with noise of its level, and without."""
        centres = centres.to(self.device)
        samples = {}
        for level in map(EVEN.at, SHARES):
            generator = torch.Generator(self.device).manual_seed(0)
            levels = torch.full((len(centres),), level, device=self.device)
            samples[self.recipe.levels.alpha(level)] = noised(self.recipe.noise, centres, levels, generator, Random(0))
        return samples

    @torch.inference_mode()
    def _sheet(self, name: str, axis: AxisSpec | None) -> None:
        """Say what is reached at each strength on noise of its level, and show noise of the middle at each."""
        strength = self.recipe.strength.id
        reached = []
        for alpha, (noisy, clean) in self.samples.items():
            named = {strength: alpha} | ({self.recipe.crisp.id: 1.0} if axis is self.recipe.crisp else {})
            reached.append(f"{float(psnr(self.net(noisy, named), clean).mean()):.2f}")
        self.console.print(f"{name}: {'  '.join(reached)} dB")
        noisy = list(self.samples.values())[len(SHARES) // 2][0]
        moved, alphas = (axis.id, SHARES) if axis is self.recipe.crisp and axis else (strength, list(self.samples))
        write_sheet(self.run / f"{name}.jpg", self.net, noisy, moved, alphas)


def plan_of(steps: int, batch: int, crop: int, rate: float, seed: int) -> Plan:
    """How a phase is trained."""
    return Plan(steps, batch, crop, rate, seed, (0.9, 0.99), average=0.999)


def _begin(block: TuningBlock) -> None:
    """He's initialisation of all but the last convolution: what comes through a frozen network is faint enough."""
    for convolution in [module for module in block.modules() if isinstance(module, nn.Conv2d)][:-1]:
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
