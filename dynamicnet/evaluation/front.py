"""How near an axis comes to networks trained for single mixtures, in the plane of its two objectives (paper figure 1).

Objectives are scaled so that both run from 0 to 1 between the fixed networks of the two ends; volumes are taken up to
``REFERENCE`` in both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from rich.table import Table
from torch import Tensor

from dynamicnet import package
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation.baselines import NAMES, SHARES, SINGLE, Baselines, Mixtures, Render, along, beginning
from dynamicnet.evaluation.curve import averages, grid
from dynamicnet.evaluation.pair import Both, Pair, Sample
from dynamicnet.evaluation.task import Task
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.training.path import balance, mixed

REFERENCE = 1.1
MIXTURES = (0.0, 0.5, 1.0)

Plane = np.ndarray[Any, np.dtype[np.float64]]
"""Points (N, 2) in the plane of both objectives."""


@dataclass(frozen=True)
class Method:
    """What one way of moving between the objectives reaches.

    Attributes:
        shares: of O₁, from the low end to the high end; α of a Dynamic-Net.
        low: O₀, (shares, pictures). high: O₁.
    """

    shares: list[float]
    low: Tensor
    high: Tensor

    @property
    def plane(self) -> Plane:
        """Mean of both objectives at each share, (shares, 2)."""
        return torch.stack([self.low.mean(1), self.high.mean(1)], 1).double().numpy()

    @property
    def monotone(self) -> float:
        """Share of pictures whose O₀ rises and whose O₁ falls at every step."""
        return float(((self.low.diff(dim=0) > 0).all(0) & (self.high.diff(dim=0) < 0).all(0)).float().mean())

    def best(self, share: float, scale: float) -> float:
        """The least that the mean mixture of a share comes to anywhere along the way."""
        low, high = self.plane.T
        return float(((1 - share) * scale * low + share * high).min())


def compare(task: Task, axis: AxisSpec, pair: Pair) -> dict[str, Any]:
    """Train what an axis is compared with where it has not been, measure all, and print a table.

    Args:
        task: the model, what it is compared with, and where what is trained for that goes.
        axis: the axis.
        pair: its objectives.

    Returns:
        The figures, for the manifest.

    Raises:
        DynamicNetError: ``not-comparable``; or as :func:`dynamicnet.package.load`.
    """
    scale = _scale(task.folder, axis, pair)
    mixtures = Mixtures(
        plan=pair.plan,
        batch=lambda shares, draw: pair.batch(len(shares), draw),
        loss=lambda outputs, sample, shares: mixed(*pair.both(outputs, sample), scale, shares),
        cut=pair.cut,
    )
    baselines = Baselines(task.folder, axis, mixtures, task.out / axis.id, task.console)
    methods: dict[str, Method] = {}

    def measure(name: str, render: Render) -> None:
        progress = track(pair.held_out, name, console=task.console)
        methods[name] = trace(render, pair.both, progress, list(SHARES) if name in SINGLE else grid(axis))

    measure(task.folder.name, along(task.folder, axis))
    measure("fixed", baselines.render("fixed"))
    scaled(methods["fixed"].plane, methods["fixed"].plane[[0, -1]])  # before hours go into what cannot be compared
    for name in task.against:
        if name not in NAMES:
            measure(Path(name).name, another(Path(name), axis))
        elif name != "fixed":
            measure(name, baselines.render(name))
    figures = _figures(methods, scale)
    task.console.print(_table(f"{task.folder.name}: {axis.id}", figures))
    return figures


def check(task: Task, manifest: package.Manifest) -> None:
    """Say what cannot be compared, before anything is measured; axes from −1 to 1 are left out.

    Args:
        task: what is to be compared with what.
        manifest: of the package that is measured.

    Raises:
        DynamicNetError: ``not-comparable``, or as :func:`dynamicnet.package.read_manifest`.
    """
    if not task.against:
        return
    compared = [axis for axis in manifest.axes if comparable(axis)]
    if not compared:
        raise DynamicNetError(
            "not-comparable", "--against compares axes from 0 to 1, which mix two objectives, and there is none."
        )
    for axis in manifest.axes:
        if axis not in compared:
            task.console.print(f"{axis.id} is not compared: it goes from −1 to 1, by a ψ for either half")
    others = [name for name in task.against if name not in NAMES]
    for name in others:
        if not Path(name).is_dir():
            known = ", ".join(NAMES)
            raise DynamicNetError("not-comparable", f"--against: '{name}' is no package, and none of {known}.")
        application = package.read_manifest(Path(name)).application
        if application != manifest.application:
            raise DynamicNetError("not-comparable", f"'{name}' is of {application}, not {manifest.application}.")
    for axis in compared:
        beginning(task.folder, axis)
        for name in others:
            _same(Path(name), axis)


def comparable(axis: AxisSpec) -> bool:
    """Whether it goes from one objective to another."""
    return "low" not in axis.signs


def another(folder: Path, axis: AxisSpec) -> Render:
    """Pictures of another package, from one end of its axis of that name to the other, whatever its range.

    Raises:
        DynamicNetError: ``not-comparable``, it has none; or as :func:`dynamicnet.package.load`.
    """
    return along(folder, _same(folder, axis))


def _same(folder: Path, axis: AxisSpec) -> AxisSpec:
    axes = {one.id: one for one in package.read_manifest(folder).axes}
    if axis.id not in axes:
        raise DynamicNetError("not-comparable", f"'{folder}' has no axis '{axis.id}'; it has {', '.join(axes)}.")
    return axes[axis.id]


def _scale(folder: Path, axis: AxisSpec, pair: Pair) -> float:
    """How phase three mixed both objectives, or would have."""
    phases = [phase for phase in package.read_manifest(folder).training.phases if phase.axis == axis.id]
    known = phases[-1].objective.get("mixed_with", {}).get("scale") if phases else None
    if known:
        return float(known)
    render = along(folder, axis)

    def at(number: int, share: float) -> tuple[Tensor, Tensor]:
        plan = pair.plan
        sample = pair.batch(plan.batch, f"{plan.seed} scale {number}")
        return pair.both(render(sample[0], [share] * plan.batch), sample)

    return balance(at)


@torch.inference_mode()
def trace(render: Render, both: Both, samples: Iterable[Sample], shares: list[float]) -> Method:
    """Both objectives of what is rendered of some samples, each of one."""
    lows: list[Tensor] = []
    highs: list[Tensor] = []
    for sample in samples:
        outputs = render(sample[0], shares).clamp(0, 1)
        for values, totals in zip((lows, highs), both(outputs, sample), strict=True):
            values.append(totals)
    return Method(shares, torch.stack(lows, 1), torch.stack(highs, 1))


def scaled(points: Plane, ends: Plane) -> Plane:
    """Points in the plane in which the fixed networks of the two ends, (2, 2), lie at (0, 1) and (1, 0)."""
    (x0, y1), (x1, y0) = ends
    if not (x1 > x0 and y1 > y0):
        raise DynamicNetError(
            "not-comparable",
            "The networks that are trained for one end each do not differ as they should: from O₀'s to O₁'s, O₀ goes "
            f"from {x0:.4g} to {x1:.4g} and O₁ from {y1:.4g} to {y0:.4g}, where the one is to rise and the other to "
            "fall. Train for more steps, or towards an end that is farther away.",
        )
    return np.stack([(points[:, 0] - x0) / (x1 - x0), (points[:, 1] - y0) / (y1 - y0)], 1)


def attained(points: Plane, at: np.ndarray) -> np.ndarray:
    """The least O₁ on a polyline through points (N, 2) with at most so much O₀, up to ``REFERENCE``."""
    fine = np.concatenate([np.linspace(a, b, 2000) for a, b in pairwise(points)])
    fine = fine[np.argsort(fine[:, 0], kind="stable")]
    least = np.minimum.accumulate(np.minimum(fine[:, 1], REFERENCE))
    index = np.searchsorted(fine[:, 0], at, side="right") - 1
    return np.where(index >= 0, least[index.clip(0)], REFERENCE)


def volumes(points: Plane, front: Plane) -> tuple[float, float]:
    """Hypervolume of a polyline, and the area by which it falls short of a front's; both scaled."""
    at = np.linspace(min(points[:, 0].min(), front[:, 0].min()), REFERENCE, 4001)
    ours, theirs = attained(points, at), attained(front, at)
    width = at[1] - at[0]
    return float((REFERENCE - ours).sum() * width), float((ours - theirs).clip(0).sum() * width)


def _figures(methods: dict[str, Method], scale: float) -> dict[str, Any]:
    ends = methods["fixed"].plane[[0, -1]]
    front = scaled(methods["fixed"].plane, ends)
    whole = volumes(front, front)[0]
    figures: dict[str, Any] = {}
    for name, method in methods.items():
        volume, short = volumes(scaled(method.plane, ends), front)
        figures[name] = {
            "share": method.shares,
            **averages(low=method.low, high=method.high),
            "hypervolume": round(volume / whole, 4),
            "short": round(short / whole, 4),
            "monotone": round(method.monotone, 3),
            "best": {str(share): round(method.best(share, scale), 5) for share in MIXTURES},
        }
    return figures


def _table(title: str, figures: dict[str, Any]) -> Table:
    table = Table(
        *("", "hypervolume", "short of the front", "single pictures in order"),
        *(f"best at share {share:g}" for share in MIXTURES),
        title=title,
    )
    for name, one in figures.items():
        volumes_ = f"{one['hypervolume']:.3f}", f"{one['short']:.1%}", f"{one['monotone']:.0%}"
        table.add_row(name, *volumes_, *(f"{value:.4f}" for value in one["best"].values()))
    return table
