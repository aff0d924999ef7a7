"""What ``dynamic-net evaluate`` measures of a restoration model."""

from collections.abc import Iterator
from typing import Any

import torch
from rich.progress import track
from rich.table import Table
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.restoration.against import Way, compared, methods, table
from dynamicnet.applications.restoration.auto import guess_costs
from dynamicnet.applications.restoration.measure import (
    LEAST,
    SHARES,
    ends,
    everywhere,
    figures,
    levels_of,
    measure,
    pair,
    spec_of,
    whole,
)
from dynamicnet.applications.restoration.noise import EVEN, Kind, Levels
from dynamicnet.applications.restoration.objective import RestorationSpec, likeness, log_error, psnr
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation import even, report
from dynamicnet.evaluation.auto import distances, middle
from dynamicnet.evaluation.baselines import CPU, along
from dynamicnet.evaluation.curve import averages, grid
from dynamicnet.evaluation.task import Task
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.model import placed
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast
from dynamicnet.training.photos import Photos

GOLDEN = 0.618034
"""Multiples of it lie evenly between two whole numbers, however many there are."""


def evaluate(task: Task) -> dict[str, Any]:
    """Measure every axis of a restoration model on photographs not trained on, and print the tables.

    Returns:
        The figures, for the manifest.

    Raises:
        DynamicNetError: ``not-evaluable``, the package does not say what it was trained on; ``encoder-differs``;
            or as :func:`dynamicnet.applications.restoration.against.methods`.
    """
    task.only("test", "all", "against")
    loaded, console = package.load(task.folder), task.console
    training, axes = loaded.manifest.training, loaded.manifest.axes
    kind, encoder = spec_of(training, None).noise, Encoder(*task.encoder)
    specs = {axis.id: spec_of(training, axis.id) for axis in axes}
    if training.encoder and training.encoder["sha256"] != encoder.sha256:
        raise DynamicNetError(
            "encoder-differs", f"'{task.folder.name}' was trained with {training.encoder['file']}; give that."
        )
    photos = task.photos(task.side)
    squares = torch.split(photos.centres(min(even.INPUTS, task.limit or even.INPUTS)), 1)
    strengths = levels_of(loaded.manifest)
    alone = strengths.main  # what θ takes out, where the strength is at 0
    measured: dict[str, Any] = {"of": task.part, "noise": kind, "encoder": encoder.name, "axes": {}}
    for axis in axes:
        if axis is axes[0]:
            found = _strength(task, axis, strengths, kind, photos, training)
            levels = [EVEN.at(i * GOLDEN % 1) for i in range(len(squares))]
        else:
            found = _grain(task, axis, specs[axis.id], encoder, photos, alone)
            levels = [alone] * len(squares)
        measured["pictures"] = found.pop("pictures")
        if axis is axes[0] and (unlike := _count(task, photos) - measured["pictures"]):
            console.print(f"{unlike} were left out: smaller than {LEAST} pixels, or larger than can be rendered whole.")
        inputs = [pair(kind, one, at, str(i), i)[0] for i, (one, at) in enumerate(zip(squares, levels, strict=True))]
        evenness = even.level(loaded.net, axis, encoder, inputs)
        console.print(str(evenness))
        travels = distances(loaded.net, axis.model_copy(update={"even": evenness.alphas}), inputs)
        found |= {"position": evenness.figures(), "auto": {"middle": middle(travels)}}
        report.write(task, axis, measured["pictures"], found)
        measured["axes"][axis.id] = found
    return measured


def _strength(
    task: Task, axis: AxisSpec, levels: Levels, kind: Kind, photos: Photos, training: package.Training
) -> dict[str, Any]:
    """PSNR and SSIM at every level of noise along the axis, ours beside what was asked for."""
    ours = task.folder.name
    ways = {ours: Way(along(task.folder, axis), levels, everywhere(levels))} | methods(task, axis, training)
    scores = {}
    for name, way in ways.items():
        progress = track(_whole(task, photos), f"{name} {axis.id}", _count(task, photos), console=task.console)
        scores[name] = measure(way.render, kind, progress, way.wanted)
    found = figures(scores[ours], levels)
    task.console.print(_table(f"{ours}: {axis.id}, noise of kind {kind}", axis, found))
    _, low, high = ends(scores[ours])
    result: dict[str, Any] = {
        "pictures": low.shape[1],
        "alpha": grid(axis),
        **averages(low=low, high=high),
        "noise": found,
    }
    if axis.guess:
        net = placed(package.load(task.folder).net, CPU)
        result["guess"] = guess_costs(net, axis, levels, kind, (picture for _, picture in _whole(task, photos)))
        for name, costs in result["guess"].items():
            listed = ", ".join(f"{cost} at {level}" for level, cost in costs.items())
            task.console.print(f"alpha=auto costs, in dB, pictures {name}: {listed}")
    if task.against:
        against = compared({name: (one, ways[name].levels) for name, one in scores.items()})
        task.console.print(table(f"{ours}: PSNR at the level's own α (the best)", against))
        result["against"] = {name: one for name, one in against.items() if "low" in one}
        result["classical"] = {name: one for name, one in against.items() if "low" not in one}
    return result


@torch.inference_mode()
def _grain(
    task: Task, axis: AxisSpec, spec: RestorationSpec, encoder: Encoder, photos: Photos, noise: float
) -> dict[str, Any]:
    """Log error, what the crisp end was trained on besides, and PSNR along the axis, the strength at 0."""
    render = along(task.folder, axis)
    progress = track(_whole(task, photos), f"{task.folder.name} {axis.id}", _count(task, photos), console=task.console)
    rows = []
    for i, (name, picture) in enumerate(progress):
        noisy, clean = pair(spec.noise, picture, noise, f"{name} {noise:g}", i)
        row = []
        for share in SHARES:
            with autocast(noisy.device):
                output = render(noisy, [share]).float().clamp(0, 1)
            features, textures = likeness(encoder, output, clean)
            added = spec.perceptual * features + spec.texture * textures
            row.append(torch.cat([log_error(output, clean), added, psnr(output, clean)]))
        rows.append(torch.stack(row))
    low, high, decibels = torch.stack(rows, 1).unbind(2)
    found: dict[str, Any] = {"pictures": len(rows), "alpha": grid(axis), **averages(low=low, high=high)}
    found |= {"noise": round(noise, 2), "psnr": [round(value, 3) for value in decibels.mean(1).tolist()]}
    title = f"{task.folder.name}: {axis.id}, noise {noise:.1f}"
    table = Table("α", "log error", "perceptual distance", "PSNR", title=title)
    for values in zip(found["alpha"], found["low"], found["high"], found["psnr"], strict=True):
        table.add_row(*(f"{value:.{digits}f}" for value, digits in zip(values, (1, 4, 4, 2), strict=True)))
    task.console.print(table)
    return found


def _whole(task: Task, photos: Photos) -> Iterator[tuple[str, Tensor]]:
    return whole(photos.files, task.limit)


def _count(task: Task, photos: Photos) -> int:
    return min(len(photos.files), task.limit or len(photos.files))


def _table(title: str, axis: AxisSpec, found: dict[str, Any]) -> Table:
    table = Table("α", *(f"noise {name}" for name in found), title=f"{title}: PSNR, SSIM")
    for i, alpha in enumerate(grid(axis)):
        cells = []
        for one in found.values():
            at = one["along"]["alpha"].index(alpha)
            cells.append(f"{one['along']['psnr'][at]:.2f}  {one['along']['ssim'][at]:.3f}")
        table.add_row(f"{alpha:+.1f}", *cells, end_section=i == len(SHARES) - 1)
    for title, *names in (("its own", "alpha", "psnr", "ssim"), ("the best", "best_alpha", "best_psnr")):
        cells = ["{:+.2f}: {:.2f}".format(*(one[name] for name in names)) for one in found.values()]
        table.add_row(title, *cells)
    return table
