"""`dynamic-net train encoder`."""

from pathlib import Path
from typing import Annotated

import typer

from dynamicnet.commands import Batch, Device, Hours, Run, Seed, begin, command_line, console
from dynamicnet.decode import MIN_SIDE
from dynamicnet.errors import DynamicNetError


def mount(app: typer.Typer, train: typer.Typer) -> None:
    """Add the command to the command line."""
    train.command("encoder")(train_encoder)


def train_encoder(
    teacher: Annotated[
        list[Path],
        typer.Option(
            help="A frozen encoder, .safetensors; each layer is learned from the first that has it, and the student "
            "starts as the last.",
            exists=True,
        ),
    ],
    content: Annotated[
        list[Path], typer.Option(help="Folder of pictures; of several, as many are looked at of each.", exists=True)
    ],
    out: Annotated[Path, typer.Option(help="The file to write, .safetensors.")],
    source: Annotated[str, typer.Option(help="What it was distilled from, for people.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")],
    steps: Annotated[int, typer.Option(help="Steps.")] = 2000,
    batch: Batch = 8,
    crop: Annotated[int, typer.Option(min=MIN_SIDE, help="Side of the squares looked at, in pixels.")] = 128,
    rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 5e-4,
    seed: Seed = 0,
    run: Run = None,
    hours: Hours = None,
    device: Device = "auto",
) -> None:
    """Distil the frozen encoder that perceptual objectives look with.

    A run that was stopped goes on where it was.
    """
    from dynamicnet.training.distil import DistilRecipe, distil

    if batch < len(content):
        raise DynamicNetError("recipe-invalid", "--batch: give at least one picture of each --content.")
    recipe = DistilRecipe(
        teachers=tuple(teacher),
        content=tuple(content),
        steps=steps,
        batch=batch,
        crop=crop,
        rate=rate,
        seed=seed,
        source=source,
        licence=licence,
        hours=hours,
    )
    distil(recipe, out, begin(out, run), device, command_line(), console)
    console.print(f"{out}: written")
