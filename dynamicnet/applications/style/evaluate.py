"""What ``dynamic-net evaluate`` measures of a style model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.style.curve import Curve, measure
from dynamicnet.applications.style.objective import StyleObjective, StyleSpec, Terms, both, targets_of
from dynamicnet.applications.style.recipe import check_encoder, displaced
from dynamicnet.applications.style.regularity import SIDE, regularity
from dynamicnet.applications.style.yardstick import iterations_matched, optimise_pixels
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation import report
from dynamicnet.evaluation.auto import agreement, distances, middle
from dynamicnet.evaluation.curve import averages
from dynamicnet.evaluation.even import level
from dynamicnet.evaluation.front import check, comparable, compare
from dynamicnet.evaluation.pair import Pair, Sample
from dynamicnet.evaluation.task import Task
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.auto import POSITIONS
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.training.phase import Plan
from dynamicnet.training.photos import Photos


@dataclass(frozen=True)
class Yardstick:
    """Direct optimisation of the pixels, and what the network reaches on the same pictures.

    Attributes:
        reached: the network's mean objective. optimised: the mean after ``iterations`` iterations.
        matched: how many iterations the network's result is worth.
        iterations: how many were run. pictures: on how many pictures.
    """

    reached: float
    optimised: float
    matched: int
    iterations: int
    pictures: int


def objective(
    folder: Path, manifest: package.Manifest, encoder: Encoder, axis: str | None, bank: str | None
) -> StyleObjective:
    """The objective that one phase of a package's training minimised.

    Raises:
        DynamicNetError: ``not-evaluable``, the package does not say; ``encoder-differs``.
    """
    phase = next((p for p in manifest.training.phases if (p.axis, p.bank) == (axis, bank)), None)
    if phase is None:
        raise DynamicNetError("not-evaluable", f"'{folder.name}' does not say what it was trained on.")
    check_encoder(folder, manifest.training, encoder)
    title = package.phase_name(axis, bank)
    targets = targets_of(package.read_objectives(folder), title)
    return StyleObjective(StyleSpec.model_validate(phase.objective), encoder, targets)


def evaluate(task: Task) -> dict[str, Any]:
    """Measure every axis of a style model on held-out squares, and print the tables.

    Returns:
        The figures, for the manifest.
    """
    task.only("test", "all", "against")
    folder, console = task.folder, task.console
    encoder = Encoder(*task.encoder)
    loaded = package.load(folder)
    check(task, loaded.manifest)
    squares = task.photos(task.side).centres(task.limit)
    measured: dict[str, Any] = {
        "pictures": len(squares),
        "of": task.part,
        "side": squares.shape[-1],
        "encoder": encoder.name,
        "axes": {},
    }
    main = objective(folder, loaded.manifest, encoder, None, None)
    inputs = torch.split(squares, 1)
    for axis in loaded.manifest.axes:
        high = objective(folder, loaded.manifest, encoder, axis.id, "high")
        low = objective(folder, loaded.manifest, encoder, axis.id, "low") if "low" in axis.signs else main
        progress = track(inputs, f"{folder.name} {axis.id}", console=console)
        curve = measure(loaded.net, axis, low, high, progress)
        ends = {
            end: _yardstick(aim, values, inputs[: task.yardstick], task.iterations)
            for end, aim, values in (("low", low, curve.low[0]), ("high", high, curve.high[-1]))
        }
        console.print(_table(folder.name, axis, curve))
        console.print(_summary(curve, ends))
        even = level(loaded.net, axis, encoder, inputs)
        console.print(str(even))
        levelled = axis.model_copy(update={"even": even.alphas})
        regular = _regularity(loaded.net, levelled, low, high, inputs) if task.side >= SIDE else None
        console.print(f"regularity: {regular}")
        travels = distances(loaded.net, levelled, inputs)
        agreed = agreement(travels, curve.low, [levelled.position_of(alpha) for alpha in curve.alphas])
        if agreed:
            console.print(_auto(agreed))
        figures = _figures(curve, ends) | {"position": even.figures(), "auto": {"middle": middle(travels)} | agreed}
        if regular:
            figures["regularity"] = regular
        if task.against and comparable(axis):
            figures["against"] = compare(task, axis, pair(task, loaded.manifest.training, low, high, inputs))
        report.write(task, axis, len(inputs), figures)
        measured["axes"][axis.id] = figures
    return measured


def pair(
    task: Task, training: package.Training, low: StyleObjective, high: StyleObjective, inputs: Sequence[Tensor]
) -> Pair:
    """What an axis is compared by, and what is compared with it trained by: as θ was.

    Args:
        task: of which the photographs are taken that were trained on.
        training: of the package.
        low: O₀.
        high: O₁.
        inputs: what is measured on, each (1, 3, H, W).
    """
    main = training.phases[0]
    photos = Photos(task.images, main.crop, held_out=False)

    def batch(count: int, draw: str) -> Sample:
        pictures = photos.batch(count, draw)
        return pictures, pictures

    def cut(outputs: Tensor, sample: Sample, draw: str) -> tuple[Tensor, Sample]:
        outputs, pictures = displaced(outputs, sample[1], draw)
        return outputs, (pictures, pictures)

    return Pair(
        both=lambda outputs, sample: both(low, high, outputs, sample[1]),
        held_out=[(one, one) for one in inputs],
        plan=Plan(main.steps, main.batch, main.crop, main.learning_rate, main.seed),
        batch=batch,
        cut=cut,
    )


def _yardstick(aim: StyleObjective, values: Tensor, pictures: Sequence[Tensor], iterations: int) -> Yardstick:
    runs = [optimise_pixels(aim, picture, iterations) for picture in pictures]
    means: list[float] = torch.tensor(runs).mean(0).tolist()
    reached = float(values[: len(pictures)].mean())
    return Yardstick(reached, means[-1], iterations_matched(reached, means), iterations, len(pictures))


@torch.inference_mode()
def _regularity(
    net: DynamicNet, axis: AxisSpec, low: StyleObjective, high: StyleObjective, inputs: Sequence[Tensor]
) -> dict[str, Any]:
    """Of pictures at five positions, the median, and of the paintings at both ends."""
    alphas = [axis.alpha_at(position) for position in POSITIONS]
    peaks = [regularity(net.render(net.prepare(one), {axis.id: per_picture(alphas)}).clamp(0, 1)) for one in inputs]
    return {
        "positions": list(POSITIONS),
        "median": [round(median, 2) for median in torch.cat(peaks, 1).median(1).values.tolist()],
        "paintings": [low.spec.regularity, high.spec.regularity],
    }


def _table(name: str, axis: AxisSpec, curve: Curve) -> Table:
    title = f"{name}: {axis.id}, O₀ of {axis.ends[0]} and O₁ of {axis.ends[1]}"
    table = Table("α", "O₀", "O₁", *Terms._fields, title=title, box=SIMPLE, show_edge=False, pad_edge=False)
    columns = _averages(curve)
    pairs = [(columns[name], columns[f"{name}_margin"]) for name in ("low", "high", *Terms._fields)]
    for i, alpha in enumerate(curve.alphas):
        halves = [f"{margins[i]:.3f}".lstrip("0") for _, margins in pairs]
        table.add_row(f"{alpha:+.1f}", *(f"{means[i]:.4f} ±{h}" for (means, _), h in zip(pairs, halves, strict=True)))
    return table


def _summary(curve: Curve, ends: dict[str, Yardstick]) -> str:
    lines = [
        f"mean O₀ rises and mean O₁ falls at every step: {'yes' if curve.mean_is_monotone() else 'NO'}",
        f"single pictures: O₀ rises at every step for {curve.rising():.0%}, O₁ falls for {curve.falling():.0%}",
    ]
    for end, y in ends.items():
        more = "or more" if y.matched == y.iterations else ""
        lines.append(
            f"{end} end: {y.reached:.4f}, worth {y.matched} {more} iterations of L-BFGS on the pixels "
            f"({y.optimised:.4f} after {y.iterations}, {y.pictures} pictures)"
        )
    return "\n".join(lines)


def _auto(agreed: dict[str, Any]) -> str:
    return (
        f"auto: {agreed['miss']:.2f} of the slider from where O₀ itself reaches its mean in the middle (always the "
        f"middle: {agreed['miss_of_middle']:.2f}), correlation {agreed['correlation']:.2f}"
    )


def _averages(curve: Curve) -> dict[str, list[float]]:
    terms = dict(zip(Terms._fields, curve.terms.unbind(2), strict=True))
    return averages(low=curve.low, high=curve.high, **terms)


def _figures(curve: Curve, ends: dict[str, Yardstick]) -> dict[str, Any]:
    return {
        "alpha": curve.alphas,
        **_averages(curve),
        "monotone": curve.mean_is_monotone(),
        "low_rises": round(curve.rising(), 3),
        "high_falls": round(curve.falling(), 3),
        "ends": {
            end: {
                "objective": round(y.reached, 5),
                "optimised": round(y.optimised, 5),
                "iterations": y.iterations,
                "iterations_matched": y.matched,
                "pictures": y.pictures,
            }
            for end, y in ends.items()
        },
    }
