"""What the strength of a restoration model is compared with: networks for single levels, ways between, and BM3D."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.restoration.measure import LEVELS, Scores, alone, ends, everywhere, figures, levels_of
from dynamicnet.applications.restoration.noise import EVEN, Levels
from dynamicnet.applications.restoration.objective import log_error
from dynamicnet.applications.restoration.patches import Pairs, Patches
from dynamicnet.applications.restoration.recipe import plan_of
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation.baselines import CPU, NAMES, SINGLE, Baselines, Mixtures, Render, along
from dynamicnet.evaluation.curve import averages
from dynamicnet.evaluation.pair import Sample
from dynamicnet.evaluation.task import Task
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.training.photos import Photos

BM3D = "bm3d"

SHARES = (0.0, *map(EVEN.share, LEVELS))
"""What there is a network of its own for: the lightest noise, and every level that is measured."""


class Way(NamedTuple):
    """A way of restoring at any share of the strength.

    Attributes:
        levels: the noise that each α stands for; where there is no axis, ``EVEN``.
        wanted: by level, the shares at which it is to be measured.
    """

    render: Render
    levels: Levels
    wanted: Mapping[float, list[float]]


def methods(task: Task, axis: AxisSpec, training: package.Training) -> dict[str, Way]:
    """What was asked for by ``--against``, trained where it has not been.

    Raises:
        DynamicNetError: ``not-comparable``; ``bm3d-missing``; or as :func:`dynamicnet.package.load`.
    """
    baselines = None
    found: dict[str, Way] = {}
    for name in task.against:
        if name == BM3D:
            found[name] = Way(bm3d(), EVEN, {level: [EVEN.share(level)] for level in LEVELS})
        elif name in NAMES:
            baselines = baselines or Baselines(
                task.folder, axis, mixtures(task, training), task.out / axis.id, task.console
            )
            wanted = alone(SHARES) if name in SINGLE else everywhere(EVEN)
            found[name] = Way(baselines.render(name), EVEN, wanted)
        else:
            other = package.read_manifest(Path(name))
            levels = levels_of(other)
            found[Path(name).name] = Way(along(Path(name), other.axes[0]), levels, everywhere(levels))
    return found


def bm3d() -> Render:
    """BM3D (Dabov et al. 2007) for colour, told the level of the noise.

    Raises:
        DynamicNetError: ``bm3d-missing``.
    """
    try:
        from bm3d import bm3d_rgb
    except ImportError:
        raise DynamicNetError(
            "bm3d-missing", "BM3D, which is free for non-commercial use: pip install --editable '.[bm3d]'."
        ) from None

    def render(one: Tensor, shares: list[float]) -> Tensor:
        picture = one[0].permute(1, 2, 0).double().numpy()
        restored = np.stack([bm3d_rgb(picture, EVEN.at(share) / 255) for share in shares])
        return torch.from_numpy(restored).permute(0, 3, 1, 2).float()

    return render


def compared(scores: Mapping[str, tuple[Scores, Levels]]) -> dict[str, Any]:
    """Figures of ways of restoring by name, for the manifest: log errors on the lightest and heaviest noise as well."""
    found: dict[str, dict[str, Any]] = {}
    for name, (one, levels) in scores.items():
        found[name] = {"noise": figures(one, levels)}
        if name != BM3D:
            shares, low, high = ends(one)
            found[name] |= {"share": [round(share, 4) for share in shares], **averages(low=low, high=high)}
    return found


def table(title: str, found: Mapping[str, Any]) -> Table:
    """PSNR of each way at each level: at the level's own α, and in brackets where it is best.

    Beside networks for single levels, the most that a way falls short of them at any level, likewise.
    """
    fixed = found.get("fixed")
    table = Table("", *(f"noise {level:g}" for level in LEVELS), *(["short of fixed"] if fixed else []), title=title)
    for name, one in found.items():
        columns = {key: [at[key] for at in one["noise"].values()] for key in ("psnr", "best_psnr")}
        if fixed:
            wanted = [at["psnr"] for at in fixed["noise"].values()]
            for column in columns.values():
                column.append(max(there - here for there, here in zip(wanted, column, strict=True)))
        if name in (*SINGLE, BM3D):  # at the level's own α alone
            table.add_row(name, *(f"{value:.2f}" for value in columns["psnr"]))
        else:
            pairs = zip(*columns.values(), strict=True)
            table.add_row(name, *(f"{value:.2f} ({best:.2f})" for value, best in pairs))
    return table


def mixtures(task: Task, training: package.Training) -> Mixtures:
    """What is learnt for a share of the strength: the error on noise of its level, on what θ was trained on.

    Raises:
        DynamicNetError: ``not-comparable``, the package does not say what that was.
    """
    main = training.phases[0]
    if not {"scale", "excluded"} <= main.objective.keys():
        raise DynamicNetError(
            "not-comparable", f"'{task.folder.name}' does not say what it was trained on: train it by this version."
        )

    @cache
    def pairs() -> Pairs:
        photos = Photos(
            task.images, main.objective["scale"], held_out=False, exclude=frozenset(main.objective["excluded"])
        )
        return Pairs(Patches(photos, CPU), main.objective["noise"], main.crop)

    def batch(shares: Tensor, draw: str) -> Sample:
        return pairs().batch([EVEN.at(share) for share in shares.tolist()], draw)

    return Mixtures(
        plan=plan_of(main.steps, main.batch, main.crop, main.learning_rate, main.seed),
        batch=batch,
        loss=lambda outputs, sample, shares: log_error(outputs, sample[1]),
        shares=SHARES,
    )
