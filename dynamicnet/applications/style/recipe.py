"""The recipe for style transfer: phase one trains θ on O₀, phase two freezes it and trains ψ on O₁.

A third phase (:mod:`dynamicnet.training.path`) makes the way between the ends as good as the ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet import package, pictures
from dynamicnet.applications.style.objective import StyleObjective, StyleSpec, both, style_targets, targets_of
from dynamicnet.applications.style.regularity import SIDE, regularity
from dynamicnet.errors import DynamicNetError, reason
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import Axis, AxisSpec, Sign
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.model import LAYOUT, pick_device, placed
from dynamicnet.networks import NETWORKS, TRAINED_WITH
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.path import balance, mixed, shares
from dynamicnet.training.phase import Budget, Done, Losses, Plan, Progressed, run_phase
from dynamicnet.training.photos import HELD_OUT, Photos, to_show
from dynamicnet.training.runs import claim_run, with_phase
from dynamicnet.training.sheets import write_sheet

T = TypeVar("T")

CELL = 16
"""Pixels from one feature of an encoder's deepest layer to the next."""


@dataclass(frozen=True)
class End:
    """One objective: a painting, the size it is looked at, and its weight."""

    painting: Path
    size: int
    weight: float


@dataclass(frozen=True)
class StyleRecipe:
    """Everything that decides what a training run produces.

    Attributes:
        name: the package's name; title, description: what people read about it.
        axis: the axis to train; a range from −1 trains two banks.
        main: O₀; None with ``base``.
        high: O₁ at the high end. low: the objective at the low end of a dual axis.
        reach: the share of the α trained with that the end of the slider stands for. An objective is at its best
            around α = 1, so just before it single pictures no longer gain; the slider ends where they still do.
        main_steps, axis_steps, path_steps: of phase one, and for each bank of phases two and three.
        base: a package whose θ and axes are kept as they are, and given this axis on top.
        start: a package whose network and θ phase one starts from.
        order: see :class:`dynamicnet.package.Manifest`.
        hours: see :class:`dynamicnet.training.phase.Budget`.
    """

    title: str
    description: str
    axis: AxisSpec
    main: End | None
    high: End
    low: End | None
    network: str
    base: Path | None
    start: Path | None
    content: Path
    encoder: tuple[Path, ...]
    main_steps: int
    axis_steps: int
    path_steps: int
    batch: int
    crop: int
    main_rate: float
    axis_rate: float
    variation: float
    patches: float
    palette: float
    reach: float
    seed: int
    licence: str
    order: int
    hours: float | None


class StyleTraining:
    """A run of a recipe: its network, its objectives and the folder it checkpoints to."""

    def __init__(self, recipe: StyleRecipe, out: Path, run: Path, device: str, command: str, console: Console) -> None:
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
        self.encoder = Encoder(*recipe.encoder).to(self.device)
        self.photos = Photos(recipe.content, recipe.crop, held_out=False, console=console)
        self.samples = to_show(recipe.content, recipe.crop, 6).to(self.device)
        self.training = package.Training(
            commands=[command],
            data=f"{len(self.photos.files)} photographs; held out: {HELD_OUT}",
            encoder={"file": self.encoder.name, "sha256": self.encoder.sha256},
        )
        self.targets: dict[str, Tensor] = {}
        self.paintings = {end: _read(end) for end in (recipe.main, recipe.high, recipe.low) if end}
        try:
            self.net = placed(self._network(), self.device)
        except ValueError as error:
            raise DynamicNetError("recipe-invalid", f"{error}.") from None
        claim_run(run, recipe)
        steps = (recipe.axis_steps + recipe.path_steps) * len(recipe.axis.signs)
        self.budget = Budget(recipe.hours, steps + (recipe.main_steps if recipe.main else 0))

    def _network(self) -> DynamicNet:
        recipe = self.recipe
        if recipe.base is not None:
            base = package.load(recipe.base)
            self.network = base.manifest.network
            self.targets = package.read_objectives(recipe.base)
            trained, now = base.manifest.training, self.training
            check_encoder(recipe.base, trained, self.encoder)
            data = trained.data if now.data == trained.data else f"{trained.data}; {recipe.axis.id}: {now.data}"
            self.training = trained.model_copy(update={"commands": [*trained.commands, *now.commands], "data": data})
            base.net.add_axis(recipe.axis)
            return base.net
        start = None if recipe.start is None else package.load(recipe.start)
        self.network = package.NetworkSpec(name=recipe.network) if start is None else start.manifest.network
        if start is not None and recipe.main is None:
            return DynamicNet(start.net.network, [recipe.axis])
        params = self.network.params | TRAINED_WITH.get(self.network.name, {})
        self.network = package.NetworkSpec(name=self.network.name, params=params)
        network = NETWORKS[self.network.name](**params)
        if start is not None:
            network.load_state_dict(start.net.network.state_dict())
        return DynamicNet(network, [recipe.axis])

    def train(self) -> package.Manifest:
        """Run both phases and write the package.

        Returns:
            The manifest as written, without measured figures: ``dynamic-net evaluate`` adds those.
        """
        recipe = self.recipe
        self.net.requires_grad_(False)
        self.net.train()  # noise lies anywhere
        if recipe.main is not None:
            self.net.network.requires_grad_(True)
            self._phase(recipe.main, None, recipe.main_steps)
            self.net.network.requires_grad_(False)
        axis: Axis = self.net.axes[recipe.axis.id]  # type: ignore[assignment]
        ends: list[tuple[Sign, End]] = [("high", recipe.high)]
        if recipe.low is not None:
            ends.append(("low", recipe.low))
        for sign, end in ends:
            bank = axis.banks[sign]
            bank.requires_grad_(True)
            self._phase(end, sign, recipe.axis_steps)
            if recipe.path_steps:
                self._phase(end, sign, recipe.path_steps, self._beginning())
            bank.requires_grad_(False)
            for point in recipe.axis.blocks:
                axis.block(sign, point).scale(recipe.reach)
        return self._write(self.out, self.training)

    def _phase(self, end: End, sign: Sign | None, steps: int, beginning: StyleObjective | None = None) -> None:
        """Run phase one (no sign), two, or three (with the objective of α = 0 as ``beginning``)."""
        recipe = self.recipe
        bank = package.phase_name(None if sign is None else recipe.axis.id, sign)
        title = f"{bank}.path" if beginning else bank
        objective = self._objective(end, bank)
        rate = recipe.main_rate if sign is None else recipe.axis_rate
        plan = Plan(steps, recipe.batch, recipe.crop, rate, recipe.seed)
        alpha = {None: 0.0, "high": 1.0, "low": -1.0}[sign]

        def at(number: int, share: float) -> tuple[Tensor, Tensor]:
            assert beginning is not None
            torch.manual_seed(plan.seed + number)
            batch = self.photos.batch(plan.batch, f"{plan.seed} scale {number}").to(self.device)
            return both(beginning, objective, self.net(batch, {recipe.axis.id: alpha * share}), batch)

        scale = balance(at) if beginning else 1.0

        def losses(step: int) -> Losses:
            draw = f"{plan.seed} {title} {step}"
            torch.manual_seed(plan.seed + step)  # where the noise of networks that have some lies
            batch = self.photos.batch(plan.batch, draw).to(self.device, memory_format=LAYOUT)
            along = shares(2, draw)[step % 2].expand(plan.batch) if beginning else torch.ones(plan.batch)
            with autocast(self.device):
                outputs = self.net(batch, {recipe.axis.id: per_picture((alpha * along).tolist())}).float()
                outputs, batch = displaced(outputs, batch, draw)
                look = objective.look(outputs, batch)
            terms = objective.compare(outputs, look)
            totals = objective.total(terms)
            if beginning:
                low = beginning.total(beginning.compare(outputs, look))
                totals = mixed(low, totals, scale, along)
            return {
                "total": totals.mean(),
                "content": terms.content.mean(),
                "style": terms.style.mean(),
                "variation": terms.variation.mean(),
                "patches": terms.patches.mean(),
                "palette": terms.palette.mean(),
            }

        mixture = {"mixed_with": beginning.spec.model_dump() | {"scale": scale}} if beginning else {}

        def training(done: Done) -> package.Training:
            return with_phase(
                self.training,
                plan,
                done,
                axis=None if sign is None else recipe.axis.id,
                bank=sign,
                objective=objective.spec.model_dump() | mixture,
                pictures=len(self.photos.files),
                skipped=len(self.photos.skipped),
                start=recipe.start,
            )

        def pause(done: Done) -> None:
            columns = [0.0] if sign is None else [alpha * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
            axis = None if sign is None else recipe.axis.id
            write_sheet(self.run / f"{title}-{done.steps:06d}.jpg", self.net, self.samples, axis, columns)
            self._write(self.run / self.out.name, training(done))

        files = Progressed(self.run / f"{title}.safetensors", pause)
        self.training = training(run_phase(title, self.net, losses, plan, files, self.console, budget=self.budget))

    def _beginning(self) -> StyleObjective:
        """The objective at α = 0: phase one's, of this run or of the package it builds on."""
        if self.recipe.main is not None:
            return self._objective(self.recipe.main, package.phase_name(None, None))
        assert self.recipe.base is not None
        phase = next(p for p in self.training.phases if p.axis is None)
        targets = targets_of(self.targets, package.phase_name(None, None))
        targets = {key: tensor.to(self.device) for key, tensor in targets.items()}
        return StyleObjective(StyleSpec.model_validate(phase.objective), self.encoder, targets)

    def _objective(self, end: End, title: str) -> StyleObjective:
        painting = self.paintings[end]
        spec = StyleSpec(
            painting=end.painting.name,
            size=end.size,
            style_weight=end.weight,
            variation_weight=self.recipe.variation,
            patches_weight=self.recipe.patches,
            palette_weight=self.recipe.palette,
            lifted=True,
            regularity=round(float(regularity(painting).median()), 2) if end.size >= SIDE else None,
        )
        targets = style_targets(self.encoder, painting.to(self.device))
        known = targets_of(self.targets, title)
        if known.keys() != targets.keys() or any(not torch.equal(known[key].to(t), t) for key, t in targets.items()):
            self.targets.update({f"{title}.{key}": tensor for key, tensor in targets.items()})
        return StyleObjective(spec, self.encoder, targets)

    def _write(self, folder: Path, training: package.Training) -> package.Manifest:
        manifest = package.Manifest(
            title=self.recipe.title,
            description=self.recipe.description,
            application="style",
            network=self.network,
            axes=self.net.specs,
            training=training,
            licence=self.recipe.licence,
            order=self.recipe.order,
        )
        package.write(folder, manifest, self.net)
        package.write_objectives(folder, self.targets)
        return manifest


def check_encoder(folder: Path, training: package.Training, encoder: Encoder) -> None:
    """Whether an encoder is the one that a package was trained with.

    Raises:
        DynamicNetError: ``encoder-differs``.
    """
    if training.encoder.get("sha256") != encoder.sha256:
        wanted = training.encoder.get("file")
        raise DynamicNetError("encoder-differs", f"'{folder.name}' was trained with {wanted}; give that as --encoder.")


def _read(end: End) -> Tensor:
    """A painting, (1, 3, H, W).

    Raises:
        DynamicNetError: ``painting-missing``, ``painting-unreadable`` or ``painting-flat``.
    """
    try:
        painting = pictures.to_tensor(pictures.read_fitted(end.painting.read_bytes(), end.size))
    except OSError as error:
        raise DynamicNetError(
            "painting-missing", f"Cannot read the painting '{end.painting}': {reason(error)}."
        ) from None
    except DynamicNetError as error:
        raise DynamicNetError("painting-unreadable", f"The painting '{end.painting}': {error.message}") from None
    if (painting == painting[..., :1, :1]).all():  # what is relative to the painting would be no number
        raise DynamicNetError("painting-flat", f"The painting '{end.painting}' is of one colour: it has no style.")
    return painting


def displaced(outputs: Tensor, pictures: Tensor, draw: str) -> tuple[Tensor, Tensor]:
    """Both from one random position on, a cell smaller.

    An encoder's max-pooling looks at the largest of 2×2, 4×4, 8×8 pixels. Where those of training always lay as the
    network's own cells do, it would learn to put one bright pixel into each, and lay a weave over everything.
    """
    random = Random(f"{draw} shift")
    top, left = random.randrange(CELL), random.randrange(CELL)
    height, width = (side - CELL for side in outputs.shape[2:])
    rows, columns = slice(top, top + height), slice(left, left + width)
    return outputs[..., rows, columns], pictures[..., rows, columns]


def spread(values: Sequence[T], count: int, what: str) -> list[T]:
    """One value for each of ``count`` objectives: as given, or the single one given for all.

    Raises:
        DynamicNetError: ``recipe-invalid``, another number of values was given.
    """
    if len(values) == 1:
        return list(values) * count
    if len(values) != count:
        raise DynamicNetError(
            "recipe-invalid", f"{what}: give one value, or {count}, from the low end to the high end."
        )
    return list(values)
