"""What ``dynamic-net evaluate`` measures of a completion model."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.progress import track
from rich.table import Table
from torch import Tensor

from dynamicnet import package, pictures
from dynamicnet.applications.completion import masks, removal
from dynamicnet.applications.completion.maskfolder import MaskFolder
from dynamicnet.applications.completion.objective import CompletionSpec, both, squared_error
from dynamicnet.applications.completion.pictures import given
from dynamicnet.applications.completion.recipe import middle, plan_of
from dynamicnet.applications.completion.squares import Squares
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation import report
from dynamicnet.evaluation.auto import distances
from dynamicnet.evaluation.auto import middle as middle_travelled
from dynamicnet.evaluation.baselines import along
from dynamicnet.evaluation.curve import averages, grid
from dynamicnet.evaluation.decibels import decibels
from dynamicnet.evaluation.even import level
from dynamicnet.evaluation.front import check, comparable, compare, trace
from dynamicnet.evaluation.pair import Both, Pair, Sample
from dynamicnet.evaluation.task import Task
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.model import Model
from dynamicnet.networks.membrane import fill
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.training.photos import Photos

HoleOf = Callable[[int, int], Image.Image]
"""A hole in the i-th square of a side."""

HOLES: dict[str, HoleOf] = {
    "free-form": lambda side, i: masks.free_form(side, side, random.Random(f"evaluate {i}")),
    "centre": lambda side, i: masks.centre(side, side),
}


REMOVED = 24
"""Pictures that an object is removed from, at most."""

QUICK = ("Telea", "Navier-Stokes")
BEST = "FSR_BEST"
"""What is compared with: OpenCV's methods."""


@dataclass(frozen=True)
class Filled:
    """What one kind of hole was filled with along an axis; each tensor (alphas, pictures) unless it says otherwise.

    Attributes:
        alphas: the grid, from the smooth end to the sharp end.
        errors: mean squared error in the hole.
        energies: mean squared gradient in the hole. real_energies: of the real pictures, (pictures,).
        across: the step across the hole's border. beside: the one beside it, (pictures,); see :func:`steps`.
        classical: mean squared error of other methods, by name, (pictures,).
    """

    alphas: list[float]
    errors: Tensor
    energies: Tensor
    real_energies: Tensor
    across: Tensor
    beside: Tensor
    classical: dict[str, Tensor]

    @property
    def decibels(self) -> Tensor:
        """PSNR in the hole at each α, mean over the pictures."""
        return decibels(self.errors).mean(1)

    @property
    def sharpness(self) -> Tensor:
        """Gradient energy at each α against the real pictures'."""
        return self.energies.mean(1) / self.real_energies.mean()

    @property
    def steps(self) -> Tensor:
        """The step across the hole's border at each α against the one beside it."""
        return self.across.mean(1) / self.beside.mean()

    def gain(self, *methods: str) -> float:
        """How much better the smooth end is than the best of other methods, in dB of mean PSNR."""
        return float(self.decibels[0]) - max(float(decibels(self.classical[name]).mean()) for name in methods)

    def bounds(self) -> list[tuple[str, str, float, bool]]:
        """What is wanted, within which bounds, the result, and whether it holds."""
        gain, best, sharp, step = self.gain(*QUICK), self.gain(BEST), float(self.sharpness[-1]), float(self.steps.max())
        return [
            (f"PSNR at the smooth end above the better of {' and '.join(QUICK)}", "at least 2 dB", gain, gain >= 2),
            (f"PSNR at the smooth end above {BEST}", "above 0 dB", best, best > 0),
            ("sharpness at the sharp end", "0.8 to 1.2", sharp, 0.8 <= sharp <= 1.2),
            ("step across the border against the one beside it, at most", "at most 1.1", step, step <= 1.1),
        ]

    def rising(self, values: Tensor) -> float:
        """Share of pictures for which something rises at every step towards the sharp end."""
        return float((values.diff(dim=0) > 0).all(0).float().mean())

    def mean_is_monotone(self) -> bool:
        """Whether the mean error and the mean sharpness both rise at every step towards the sharp end."""
        return all(bool((values.mean(1).diff() > 0).all()) for values in (self.errors, self.energies))


def energy(pictures: Tensor, holes: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels that are both in the hole: (N, 3, H, W), (N, 1, H, W) to (N,)."""
    total = count = torch.zeros(())
    for dim in (2, 3):
        size = pictures.shape[dim] - 1
        inside = holes.narrow(dim, 0, size) * holes.narrow(dim, 1, size)
        total = total + (pictures.diff(dim=dim).square().mean(1, keepdim=True) * inside).sum((1, 2, 3))
        count = count + inside.sum((1, 2, 3))
    return total / count.clamp_min(1)


def steps(pictures: Tensor, holes: Tensor) -> tuple[Tensor, Tensor]:
    """The step across a hole's border and the one beside it, each (N,).

    Mean absolute differences of neighbouring pixels: of one in the hole and one that is known, and of that one and the
    next, which is known as well.

    Args:
        pictures: (N, 3, H, W).
        holes: (N, 1, H, W), 1 in the hole.
    """
    across = beside = count = torch.zeros(())
    for dim in (2, 3):
        size = pictures.shape[dim] - 2
        apart = pictures.diff(dim=dim).abs().mean(1, keepdim=True)
        pairs = [apart.narrow(dim, i, size) for i in range(2)]
        first, middle, last = (holes.narrow(dim, i, size) > 0 for i in range(3))
        for border, (beyond, near) in ((~first & ~middle & last, pairs), (first & ~middle & ~last, pairs[::-1])):
            across = across + (near * border).sum((1, 2, 3))
            beside = beside + (beyond * border).sum((1, 2, 3))
            count = count + border.sum((1, 2, 3))
    return across / count.clamp_min(1), beside / count.clamp_min(1)


def classical(picture: Tensor, hole: Image.Image) -> dict[str, Tensor]:
    """What OpenCV's methods make of a hole, (1, 3, H, W) each.

    Raises:
        DynamicNetError: ``opencv-missing``.
    """
    try:
        import cv2
        from cv2 import xphoto  # of OpenCV's contributed modules
    except ImportError:
        raise DynamicNetError(
            "opencv-missing", "OpenCV is what the results are compared with: pip install --editable '.[compare]'."
        ) from None
    array, mask = np.asarray(pictures.to_picture(picture)), np.asarray(hole)
    best = np.empty_like(array)
    xphoto.inpaint(array, 255 - mask, best, xphoto.INPAINT_FSR_BEST)
    quick = dict(zip(QUICK, (cv2.INPAINT_TELEA, cv2.INPAINT_NS), strict=True))
    results = {name: cv2.inpaint(array, mask, 3, method) for name, method in quick.items()} | {BEST: best}
    return {name: pictures.to_tensor(Image.fromarray(result)) for name, result in results.items()}


@torch.inference_mode()
def measure(net: DynamicNet, axis: AxisSpec, squares: Tensor, hole_of: HoleOf, progress: Callable[..., Any]) -> Filled:
    """Fill one hole in each of the squares (N, 3, S, S), at every α of the grid."""
    alphas = grid(axis)
    errors, energies, real_energies, across, beside = [], [], [], [], []
    others: dict[str, list[Tensor]] = {}
    for i, real in enumerate(progress(torch.split(squares, 1))):
        mask = hole_of(real.shape[-1], i)
        hole = masks.to_tensor(mask)
        prepared = net.prepare(_filled(real, mask))
        outputs = net.render(prepared, {axis.id: per_picture(alphas)}).clamp(0, 1)
        everywhere = hole.expand(len(alphas), -1, -1, -1)
        errors.append(squared_error(outputs, real, everywhere))
        energies.append(energy(outputs, everywhere))
        real_energies.append(energy(real, hole))
        over, next_to = steps(outputs, everywhere)
        across.append(over)
        beside.append(next_to[0])
        for name, result in classical(real, mask).items():
            others.setdefault(name, []).append(squared_error(result, real, hole))
    return Filled(
        alphas,
        torch.stack(errors, 1),
        torch.stack(energies, 1),
        torch.cat(real_energies),
        torch.stack(across, 1),
        torch.stack(beside),
        {name: torch.cat(values) for name, values in others.items()},
    )


def evaluate(task: Task) -> dict[str, Any]:
    """Measure a completion model on held-out squares like those it was trained on, and print the tables.

    Returns:
        The figures, for the manifest.
    """
    task.only("test", "masks", "all", "against")
    loaded, console = package.load(task.folder), task.console
    check(task, loaded.manifest)
    if task.against:
        _check_scale(loaded.manifest)
    phase = loaded.manifest.training.phases[0]
    squares = middle(task.photos(phase.objective["scale"]).centres(task.limit), phase.crop)
    encoder, holes = Encoder(*task.encoder), holes_of(task, phase.crop, len(squares))
    first = next(iter(holes.values()))
    reals = torch.split(squares, 1)
    inputs = [_filled(square, first(phase.crop, i)) for i, square in enumerate(reals)]
    samples: list[Sample] = list(zip(inputs, reals, strict=True))
    measured: dict[str, Any] = {"pictures": len(squares), "of": task.part, "side": phase.crop, "axes": {}}
    for axis in loaded.manifest.axes:
        judge = _judge(loaded.manifest.training, axis, encoder)
        progress = track(samples, f"{task.folder.name} {axis.id}", console=console)
        plane = trace(along(task.folder, axis), judge, progress, grid(axis))
        figures: dict[str, Any] = {"alpha": plane.shares, **averages(low=plane.low, high=plane.high)}
        for kind, hole_of in holes.items():
            title = f"{task.folder.name} {axis.id}, {kind}"
            filled = measure(
                loaded.net, axis, squares, hole_of, lambda rows, title=title: track(rows, title, console=console)
            )
            console.print(_table(title, axis, filled))
            console.print(_summary(filled))
            figures[kind] = _figures(filled)
        figures["removal"] = _removal(task, Model(loaded, torch.device("cpu")), axis, squares)
        even = level(loaded.net, axis, encoder, inputs)
        console.print(str(even))
        travels = distances(loaded.net, axis.model_copy(update={"even": even.alphas}), inputs)
        figures |= {"position": even.figures(), "auto": {"middle": middle_travelled(travels)}}
        if task.against and comparable(axis):
            figures["against"] = compare(task, axis, _pair(task, loaded.manifest.training, axis, judge, samples))
        report.write(task, axis, len(samples), figures)
        measured["axes"][axis.id] = figures
    return measured


def _spec(training: package.Training, axis: AxisSpec) -> CompletionSpec:
    sharp = next(phase for phase in training.phases if phase.axis == axis.id)
    return CompletionSpec.model_validate({name: sharp.objective[name] for name in CompletionSpec.model_fields})


def _judge(training: package.Training, axis: AxisSpec, encoder: Encoder) -> Both:
    """Reconstruction, and what an axis was trained on after that, as far as a real picture can judge it."""
    spec = _spec(training, axis)
    return lambda outputs, sample: both(spec, encoder, outputs, *sample)


def _check_scale(manifest: package.Manifest) -> None:
    """Whether a real picture can judge all of both objectives.

    Raises:
        DynamicNetError: ``not-comparable``.
    """
    training = manifest.training
    judged = [axis for axis in manifest.axes if _spec(training, axis).adversarial]
    if judged or "squares" not in training.phases[0].objective:
        raise DynamicNetError(
            "not-comparable",
            "What a discriminator says depends on whom it was trained against, so that there is no common scale: "
            "train with --adversarial 0, by this version, to compare.",
        )


def _pair(task: Task, training: package.Training, axis: AxisSpec, judge: Both, held_out: Sequence[Sample]) -> Pair:
    """Both objectives, and what to train on."""
    main = training.phases[0]
    plan = plan_of(main.steps, main.batch, main.crop, main.learning_rate, main.seed)
    photos = Photos(task.images, main.objective["scale"], held_out=False)
    folder = _folder(task, plan.crop)
    cut = (plan.crop, main.objective["squares"], plan.batch, plan.seed, task.out / "squares.safetensors", task.console)
    return Pair(
        both=judge,
        held_out=held_out,
        plan=plan,
        batch=Squares(photos, *cut, folder.batch if folder else masks.batch).batch,
    )


def _folder(task: Task, side: int) -> MaskFolder | None:
    return MaskFolder(task.masks, task.holes, side, task.console) if task.masks else None


def holes_of(task: Task, side: int, count: int) -> dict[str, HoleOf]:
    """Kinds of holes; of a folder of masks, so many from all over it."""
    folder = _folder(task, side)
    return {str(folder): lambda _, i: folder.mask(i * len(folder.files) // count)} if folder else HOLES


def _filled(square: Tensor, mask: Image.Image) -> Tensor:
    """What the network is given of a square (1, 3, S, S) with a hole: (1, 7, S, S)."""
    hole = masks.to_tensor(mask)
    return given(fill(square, hole), hole)


def _table(title: str, axis: AxisSpec, filled: Filled) -> Table:
    table = Table("α", "error", "PSNR", "sharpness", "step", title=f"{title} ({axis.ends[0]} to {axis.ends[1]})")
    columns = (filled.errors.mean(1), filled.decibels, filled.sharpness, filled.steps)
    for alpha, error, *others in zip(filled.alphas, *(column.tolist() for column in columns), strict=True):
        table.add_row(f"{alpha:+.1f}", f"{error:.5f}", *(f"{value:.3f}" for value in others))
    return table


def _summary(filled: Filled) -> str:
    others = ", ".join(f"{name} {decibels(errors).mean():.2f} dB" for name, errors in filled.classical.items())
    return "\n".join(
        [
            f"mean error and sharpness rise at every step: {'yes' if filled.mean_is_monotone() else 'NO'}; in single "
            f"pictures, the error for {filled.rising(filled.errors):.0%}, sharpness for "
            f"{filled.rising(filled.energies):.0%}",
            f"smooth end: {filled.decibels[0]:.2f} dB; {others}",
            *(
                f"{what}: {bound}; {result:.2f}{'' if holds else ': NOT HELD'}"
                for what, bound, result, holds in filled.bounds()
            ),
        ]
    )


def _removal(task: Task, model: Model, axis: AxisSpec, squares: Tensor) -> dict[str, Any]:
    """Errors of an object's own mask against those of a generous one, and print them."""
    photos = [pictures.to_picture(square) for square in torch.split(squares[:REMOVED], 1)]
    title = f"{task.folder.name} {axis.id}, removal"
    ratios = removal.measure(
        model, photos, [axis.range[0], axis.default], lambda rows: track(rows, title, console=task.console)
    )
    table = Table("α", *map(str, removal.FEATHERS), title=f"{title}: error by feather, against a generous mask's")
    for alpha, row in ratios.items():
        table.add_row(f"{alpha:.2f}", *(f"{one:.2f}" for one in row))
    worst = max(map(max, ratios.values()))
    task.console.print(table)
    task.console.print(f"error of an object's own mask: at most 1.3; {worst:.2f}{'' if worst <= 1.3 else ': NOT HELD'}")
    return {"feather": list(removal.FEATHERS), "ratio": {f"{alpha:g}": row for alpha, row in ratios.items()}}


def _figures(filled: Filled) -> dict[str, Any]:
    def rounded(values: Tensor) -> list[float]:
        return [round(v, 5) for v in values.tolist()]

    return {
        "alpha": filled.alphas,
        "error": rounded(filled.errors.mean(1)),
        "psnr": rounded(filled.decibels),
        "sharpness": rounded(filled.sharpness),
        "step": rounded(filled.steps),
        "monotone": filled.mean_is_monotone(),
        "error_rises": round(filled.rising(filled.errors), 3),
        "sharpness_rises": round(filled.rising(filled.energies), 3),
        "classical_psnr": {name: round(float(decibels(e).mean()), 3) for name, e in filled.classical.items()},
        "gain": round(filled.gain(*QUICK), 3),
        "gain_over_best": round(filled.gain(BEST), 3),
    }
