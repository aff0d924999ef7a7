"""What was measured along one axis, in files: JSON, CSV, and the plane of both objectives as PNG and SVG."""

import csv
import json
from collections.abc import Mapping
from typing import Any

from dynamicnet.evaluation.baselines import SINGLE
from dynamicnet.evaluation.task import Task
from dynamicnet.method.blocks import AxisSpec

COLUMNS = ("share", "low", "low_margin", "high", "high_margin")


def write(task: Task, axis: AxisSpec, count: int, figures: Mapping[str, Any]) -> None:
    """Write figures to the axis's folder in ``task.out``; without matplotlib there are no plots.

    Args:
        task: what was measured, and where its files go.
        axis: the axis.
        count: on how many pictures.
        figures: of the axis, for the manifest: ``alpha``, ``low`` and ``high``, margins where there are any, and
            ``against``, the same by method, where it was compared.
    """
    ours = task.folder.name
    folder = task.out / axis.id
    folder.mkdir(parents=True, exist_ok=True)
    methods = figures.get("against") or {ours: {"share": figures["alpha"], **figures}}
    name = folder / ("front" if "against" in figures else "curve")
    name.with_suffix(".json").write_text(json.dumps(methods, indent=2) + "\n", "utf-8")
    with name.with_suffix(".csv").open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["method", *COLUMNS])
        for method, one in methods.items():
            columns = (one.get(column, [""] * len(one["share"])) for column in COLUMNS)
            rows.writerows([method, *row] for row in zip(*columns, strict=True))
    try:
        from matplotlib.figure import Figure
    except ImportError:
        task.console.print("No plots: they need matplotlib, pip install --editable '.[plots]'.")
        return
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    plot = figure.subplots()
    for number, (method, one) in enumerate(methods.items()):
        style: dict[str, Any] = {"fmt": "o-", "ms": 3, "lw": 1, "color": f"C{number}"}
        if method in SINGLE:
            style |= {"fmt": "x", "ms": 8, "mew": 2, "elinewidth": 1, "zorder": 3}
            style["color"] = "k" if method == "fixed" else "0.6"
        elif method == ours:
            style |= {"ms": 4, "lw": 2.5, "elinewidth": 1, "zorder": 2}
        margins = {"xerr": one.get("low_margin"), "yerr": one.get("high_margin")}
        plot.errorbar(one["low"], one["high"], **margins, label=method, **style)
    plot.set_xlabel(f"O₀ ({axis.ends[0]})")
    plot.set_ylabel(f"O₁ ({axis.ends[1]})")
    plot.set_title(f"{ours}, {count} pictures" + (", 95% intervals" if margins["xerr"] else ""))
    plot.spines[["top", "right"]].set_visible(False)
    plot.legend(frameon=False)
    for suffix in (".png", ".svg"):
        figure.savefig(name.with_suffix(suffix), dpi=160)
