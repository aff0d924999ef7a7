"""`dynamic-net train completion`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dynamicnet.commands import (
    DEFAULT_ENCODER,
    AxisRate,
    Batch,
    Description,
    Device,
    Encoder,
    Hours,
    MainRate,
    MainSteps,
    Norm,
    Out,
    Run,
    Seed,
    Title,
    begin,
    command_line,
    console,
    written,
)
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.networks import NETWORKS

DEFAULT = 0.8
"""Where the slider starts: nearly at the sharp end, where filled holes are hardest to find."""

LEAST = 64
"""Side of a square, in pixels, at whose quarter local energies can be compared, see objective.py."""


def mount(app: typer.Typer, train: typer.Typer) -> None:
    """Add the commands to the command line."""
    train.command("completion")(train_completion)


def train_completion(
    images: Annotated[Path, typer.Option(help="Folder of pictures.", exists=True, file_okay=False)],
    out: Out,
    title: Title,
    encoder: Encoder = None,
    description: Description = "",
    credit: Annotated[str, typer.Option(help="Whose pictures they are, and under which licence.")] = "",
    start: Annotated[Path | None, typer.Option(help="Start phase one from this package's θ.")] = None,
    channels: Annotated[int, typer.Option(help="Of the network's body; more of them know more shapes.")] = 64,
    norm: Norm = False,
    scale: Annotated[
        int, typer.Option(help="Pictures are scaled so that their shorter side is this, in pixels.")
    ] = 256,
    side: Annotated[int, typer.Option(min=LEAST, help="Side of the squares cut from them, in pixels.")] = 128,
    squares: Annotated[int, typer.Option(min=1, help="How many squares are cut, each with its hole.")] = 2000,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of masks, instead of holes that are drawn.", exists=True, file_okay=False),
    ] = None,
    holes: Annotated[
        Literal["white", "black"], typer.Option(help="What those masks have where the hole is.")
    ] = "white",
    perceptual: Annotated[float, typer.Option(help="Weight of deep features at the sharp end.")] = 2.0,
    texture: Annotated[float, typer.Option(help="Weight of Gram matrices at the sharp end.")] = 3.0,
    adversarial: Annotated[float, typer.Option(help="Weight of the discriminator at the sharp end.")] = 0.5,
    energy: Annotated[float, typer.Option(help="Weight of local gradient energies at the sharp end.")] = 0.5,
    main_steps: MainSteps = 3000,
    axis_steps: Annotated[int, typer.Option(min=0, help="Steps of phase two.")] = 1000,
    path_steps: Annotated[int, typer.Option(min=0, help="Steps of phase three, as for train style.")] = 0,
    batch: Batch = 8,
    main_rate: MainRate = 1e-3,
    axis_rate: AxisRate = 1e-3,
    reach: Annotated[float, typer.Option(help="The end of the slider, as a multiple of the α trained with.")] = 1.0,
    seed: Seed = 0,
    run: Run = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    hours: Hours = None,
    device: Device = "auto",
) -> None:
    """Train a completion model: from a smooth, safe filling of holes to a sharp one that may be wrong.

    Phase one minimises the error in the hole; phase two adds what makes it look real. A run that was stopped goes on
    where it was.
    """
    from dynamicnet.applications.completion.objective import CompletionSpec
    from dynamicnet.applications.completion.recipe import NETWORK, CompletionRecipe, CompletionTraining

    if side % 4 or side > scale:
        raise DynamicNetError("recipe-invalid", f"--side: give a multiple of 4, from {LEAST} up to --scale.")
    recipe = CompletionRecipe(
        title=title,
        description=description,
        credit=credit,
        axis=AxisSpec(
            id="sharpness",
            title="Sharpness",
            ends=("smooth", "sharp"),
            default=DEFAULT,
            blocks=NETWORKS[NETWORK]().default_points,
            norm=norm,
        ),
        sharp=CompletionSpec(perceptual=perceptual, texture=texture, adversarial=adversarial, energy=energy),
        start=start,
        channels=channels,
        images=images,
        encoder=encoder or DEFAULT_ENCODER,
        scale=scale,
        side=side,
        squares=squares,
        masks=masks,
        holes=holes,
        main_steps=main_steps,
        axis_steps=axis_steps,
        path_steps=path_steps,
        batch=batch,
        main_rate=main_rate,
        axis_rate=axis_rate,
        reach=reach,
        seed=seed,
        licence=licence,
        hours=hours,
    )
    CompletionTraining(recipe, out, begin(out, run, recipe.title), device, command_line(), console).train()
    chosen = ("--masks", masks, "--holes", holes) if masks else ()
    written(out, images, [encoder] if encoder else [], *chosen)
