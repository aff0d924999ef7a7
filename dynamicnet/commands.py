"""What the commands share: options, and what they say."""

import math
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from dynamicnet.errors import DynamicNetError, complaint
from dynamicnet.evaluation.task import FEWEST
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.package import TITLE
from dynamicnet.training.photos import find, is_held_out

console = Console(markup=False)  # brackets belong to names: [plots], photo[1].png

DEFAULT_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
DEFAULT_ENCODER = DEFAULT_WEIGHTS / "encoder.safetensors"

Device = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda, cuda:1 …")]
Encoder = Annotated[
    Path | None, typer.Option(help="Frozen encoder, .safetensors; by default, the one that is shipped.")
]
Encoders = Annotated[
    list[Path] | None,
    typer.Option(
        help="Frozen encoder: .safetensors, or torchvision's VGG-16 .pth; of several, each adds what those before it "
        "lack; by default, the one that is shipped.",
    ),
]
Hours = Annotated[
    float | None,
    typer.Option(min=1e-3, help="Time for the whole run, which the phases share in proportion to their steps."),
]
Norm = Annotated[bool, typer.Option(help="Normalise within tuning-blocks; the paper does not.")]
Out = Annotated[Path, typer.Option(help="The package to write: weights/NAME.")]
Title = Annotated[str, typer.Option(help="The title that people see.")]
Description = Annotated[str, typer.Option(help="One more sentence about it.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of everything random.")]
Run = Annotated[Path | None, typer.Option(help="Folder for checkpoints and sample sheets; runs/NAME by default.")]
MainSteps = Annotated[int, typer.Option(min=0, help="Steps of phase one.")]
MainRate = Annotated[float, typer.Option(min=0, help="Highest learning rate of phase one.")]
AxisRate = Annotated[float, typer.Option(min=0, help="Highest learning rate of phase two.")]
Batch = Annotated[int, typer.Option(min=1, help="Pictures per step.")]


def numbers(text: str, option: str) -> list[float]:
    """The numbers of an option, with commas between.

    Raises:
        DynamicNetError: ``recipe-invalid``.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise DynamicNetError("recipe-invalid", f"{option}: '{text}' is not a number or numbers with commas.")
    return found


def two_names(ends: str) -> tuple[str, str]:
    """The names of an axis's ends.

    Raises:
        DynamicNetError: ``recipe-invalid``.
    """
    names = [name.strip() for name in ends.split(",")]
    if len(names) != 2:
        raise DynamicNetError("recipe-invalid", "--ends: give two names with a comma between.")
    return names[0], names[1]


def axis_of(**fields: object) -> AxisSpec:
    """An axis as options describe it.

    Raises:
        DynamicNetError: ``recipe-invalid``.
    """
    try:
        return AxisSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise DynamicNetError(
            "recipe-invalid", f"The axis: {complaint(first)} ({', '.join(map(str, first['loc']))}: {first['input']!r})."
        ) from None


def command_line() -> str:
    """The command line as it was given, for a manifest."""
    return shlex.join(["dynamic-net", *sys.argv[1:]])


def begin(out: Path, run: Path | None, title: str | None = None) -> Path:
    """The run's folder, said before anything that takes time.

    Raises:
        DynamicNetError: ``recipe-invalid``, the title is none that a package could have.
    """
    if title is not None and not 0 < len(title) <= TITLE:
        raise DynamicNetError("recipe-invalid", f"--title: 1 to {TITLE} characters; this one has {len(title)}.")
    folder = run or Path("runs") / out.name
    console.print(f"{out}: training; checkpoints, curves and samples go to {folder}", soft_wrap=True)
    return folder


def written(out: Path, images: Path, encoders: Iterable[Path], *more: str | Path, parts: bool = True) -> None:
    """Say that a package is there, and the command that measures it.

    Args:
        out: the package.
        images: what it was trained on.
        encoders: what it was trained with, other than what is shipped.
        more: options that belong to it.
        parts: whether it is measured on what was held out, if that is enough.
    """
    found, _ = find(images)
    held_out = sum(map(is_held_out, found))
    every = parts and held_out < FEWEST
    words: list[str | Path] = ["dynamic-net", "evaluate", out.name, "--images", images]
    if out.parent.resolve() != Path(os.environ.get("DYNAMICNET_WEIGHTS", DEFAULT_WEIGHTS)).resolve():
        words += ["--weights", out.parent]
    words += [word for encoder in encoders for word in ("--encoder", encoder)]
    words += [*more, *(["--all"] if every else []), *(["--write"] if len(found) >= FEWEST else [])]
    console.print(f"{out}: written; now measure it:\n{shlex.join(map(str, words))}", soft_wrap=True, highlight=False)
