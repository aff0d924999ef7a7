"""`dynamic-net train generation`, and `draw-heads` for something to train on."""

from pathlib import Path
from typing import Annotated

import typer

from dynamicnet import package
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
    Out,
    Run,
    Seed,
    Title,
    axis_of,
    begin,
    command_line,
    console,
    numbers,
    two_names,
    written,
)
from dynamicnet.errors import DynamicNetError
from dynamicnet.networks import NETWORKS
from dynamicnet.networks.upsampling import FEWEST


def mount(app: typer.Typer, train: typer.Typer) -> None:
    """Add the commands to the command line."""
    train.command("generation")(train_generation)
    app.command("draw-heads")(draw_heads_)


def train_generation(
    data: Annotated[
        Path,
        typer.Option(help="Folder of folders whose names are labels, or CelebA's.", exists=True, file_okay=False),
    ],
    out: Out,
    title: Title,
    axis_id: Annotated[str, typer.Option(help="The axis's id.")],
    axis_title: Annotated[str, typer.Option(help="The axis's title.")],
    ends: Annotated[str, typer.Option(help="Names of both ends: dark,blond")],
    low: Annotated[str | None, typer.Option("--from", help="Folders the axis starts from: 'male-*'.")] = None,
    high: Annotated[str | None, typer.Option("--to", help="Folders it leads to: 'female-*'.")] = None,
    attribute: Annotated[
        str | None, typer.Option(help="An attribute of CelebA's, instead: from pictures without to those with it.")
    ] = None,
    encoder: Encoder = None,
    description: Description = "",
    default: Annotated[float, typer.Option(help="Where the slider starts.")] = 0.0,
    base: Annotated[Path | None, typer.Option(help="Give this package one more axis; its θ stays as it is.")] = None,
    channels: Annotated[
        str, typer.Option(help="Of the generator at 4×4, 8×8 and so on: five make 64×64 pixels, six 128×128.")
    ] = "192,128,80,40,20",
    main_steps: MainSteps = 2000,
    axis_steps: Annotated[int, typer.Option(min=0, help="Steps of phase two.")] = 1000,
    batch: Batch = 32,
    main_rate: MainRate = 1e-3,
    axis_rate: AxisRate = 1e-3,
    likeness: Annotated[
        float | None,
        typer.Option(help="Weight of staying like the picture at 0, unless a table tells the parts.", show_default="1"),
    ] = None,
    seed: Seed = 0,
    run: Run = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, and credit the data asks for.")] = "Apache-2.0",
    hours: Hours = None,
    device: Device = "auto",
) -> None:
    """Train a generator on one subset of labelled pictures, and an axis that leads to another.

    --data DIR --from 'male-*' --to 'female-*', or with CelebA's folder --attribute Male. With --base, phase one and
    --from are left out. Where DIR has a table of what each picture shows (parts.csv, as draw-heads writes it), the
    generator is told what to draw, --axis-id is the part that changes, and later axes are learned on top of earlier
    ones. A run that was stopped goes on where it was.
    """
    from dynamicnet.applications.generation.described import is_described
    from dynamicnet.applications.generation.labelled import WITHOUT
    from dynamicnet.applications.generation.recipe import NETWORK, GenerationRecipe, GenerationTraining

    if attribute is not None:
        if low is not None or high is not None:
            raise DynamicNetError("recipe-invalid", "Give --from and --to, or --attribute, not both.")
        low, high = None if base else WITHOUT + attribute, attribute
    if high is None or (low is None) != (base is not None):
        raise DynamicNetError("recipe-invalid", "Give --from and --to, or --attribute; with --base, --to alone.")
    names = two_names(ends)
    widths = tuple(round(number) for number in numbers(channels, "--channels"))
    if len(widths) < FEWEST:
        raise DynamicNetError("recipe-invalid", f"--channels: {FEWEST} numbers at least.")
    network = package.load(base).net.network if base else NETWORKS[NETWORK](channels=widths)
    if not network.latent:
        raise DynamicNetError("recipe-invalid", f"--base: '{base}' makes no pictures of seeds.")
    points = network.default_points
    if is_described(data):
        if encoder is not None or likeness is not None:
            raise DynamicNetError(
                "recipe-invalid", f"'{data}' has a table of parts: there --encoder and --likeness have no use."
            )
        points = tuple(network.points)[-len(points) :]  # the last too: lines that are told are to be as sharp as told
    spec = axis_of(id=axis_id, title=axis_title, ends=names, default=default, blocks=points)
    recipe = GenerationRecipe(
        title=title,
        description=description,
        axis=spec,
        data=data,
        encoder=encoder or DEFAULT_ENCODER,
        channels=widths,
        low=low,
        high=high,
        base=base,
        main_steps=main_steps,
        axis_steps=axis_steps,
        batch=batch,
        main_rate=main_rate,
        axis_rate=axis_rate,
        likeness=1.0 if likeness is None else likeness,
        seed=seed,
        licence=licence,
        hours=hours,
    )
    GenerationTraining(recipe, out, begin(out, run, recipe.title), device, command_line(), console).train()
    written(out, data, [encoder] if encoder else [], parts=False)


def draw_heads_(
    out: Annotated[Path, typer.Argument(help="Where the folders go.")],
    count: Annotated[int, typer.Option(min=1, help="How many heads in all.")] = 8000,
    seed: Annotated[int, typer.Option(help="Every head follows from it.")] = 0,
) -> None:
    """Draw heads to train a generator on, into folders by hair, skin, beard and glasses, and a table of their parts."""
    from dynamicnet.applications.generation.heads import CREDIT, draw_heads

    console.print(f"{out}: {', '.join(draw_heads(out, count, seed))}. {CREDIT}")
