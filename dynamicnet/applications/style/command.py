"""`dynamic-net train style`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dynamicnet import package
from dynamicnet.commands import (
    DEFAULT_ENCODER,
    AxisRate,
    Batch,
    Description,
    Device,
    Encoders,
    Hours,
    MainRate,
    MainSteps,
    Norm,
    Run,
    Seed,
    axis_of,
    begin,
    command_line,
    console,
    numbers,
    two_names,
    written,
)
from dynamicnet.decode import MIN_SIDE
from dynamicnet.errors import DynamicNetError
from dynamicnet.networks import NETWORKS

NETWORK = "scales"
RGB = 3
STRENGTHS = "0.1,1.5,6"
WEIGHT = "1.5"
LEAST = 48  # pixels: an encoder's deepest layer sees 32, and squares are cut 16 smaller, see recipe.py


def mount(app: typer.Typer, train: typer.Typer) -> None:
    """Add the commands to the command line."""
    train.command("style")(train_style)


def train_style(
    style: Annotated[
        list[Path], typer.Option(help="A painting; one for all objectives, or one for each.", exists=True)
    ],
    content: Annotated[Path, typer.Option(help="Folder of photographs.", exists=True, file_okay=False)],
    axis: Annotated[
        Literal["strength", "style", "scale"], typer.Option(help="What the axis moves between.")
    ] = "strength",
    encoder: Encoders = None,
    out: Annotated[Path | None, typer.Option(help="The package to write; weights/ and the painting's name.")] = None,
    title: Annotated[str | None, typer.Option(help="What people read; the package's name.")] = None,
    description: Description = "",
    axis_id: Annotated[str | None, typer.Option(help="The axis's id; its kind by default.")] = None,
    axis_title: Annotated[str | None, typer.Option(help="The axis's title.")] = None,
    ends: Annotated[str | None, typer.Option(help="Names of both ends: faint,strong")] = None,
    default: Annotated[float | None, typer.Option(help="Where the slider starts.")] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            help=f"Style weight; one, or one per objective from the low end up. {WEIGHT} by default; for strength, "
            f"{STRENGTHS}, with --dual."
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="Painting's shorter side in pixels; one, or one per objective.")] = "384",
    dual: Annotated[bool, typer.Option("--dual", help="Range −1…1: three objectives, low, main and high.")] = False,
    network: Annotated[
        str | None,
        typer.Option(help=f"Main network, one that is given a picture: {', '.join(NETWORKS)}; {NETWORK} by default."),
    ] = None,
    norm: Norm = True,
    base: Annotated[Path | None, typer.Option(help="Give this package one more axis; its θ stays as it is.")] = None,
    start: Annotated[Path | None, typer.Option(help="Start phase one from this package's network and θ.")] = None,
    main_steps: MainSteps = 2000,
    axis_steps: Annotated[int, typer.Option(min=0, help="Steps of phase two, per bank.")] = 300,
    path_steps: Annotated[
        int,
        typer.Option(
            min=0, help="Steps of phase three, per bank: any alpha, on mixed objectives; 0 is the paper's way."
        ),
    ] = 450,
    batch: Batch = 4,
    crop: Annotated[int, typer.Option(min=LEAST, help="Side of the squares trained on, in pixels.")] = 256,
    main_rate: MainRate = 2e-3,
    axis_rate: AxisRate = 1.5e-3,
    variation: Annotated[float, typer.Option(help="Weight of total variation.")] = 1.0,
    patches: Annotated[
        float, typer.Option(help="Weight of colours in places that the photograph gives no reason for.")
    ] = 2.0,
    palette: Annotated[
        float, typer.Option(help="Weight of the painting's colours, as much of each, against its strokes'.")
    ] = 0.33,
    reach: Annotated[float, typer.Option(help="Where the slider ends, as a share of the α trained with.")] = 0.9,
    seed: Seed = 0,
    run: Run = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    order: Annotated[int, typer.Option(help="Models are listed from the lowest; the first is what people see.")] = 0,
    hours: Hours = None,
    device: Device = "auto",
) -> None:
    """Train a style model: content + style + total variation + patches + palette, from one objective to another.

    [bold]strength[/bold]: --weight 0.3,5 from faint to strong. [bold]style[/bold]: --style A.jpg --style B.jpg from
    one painting to another. [bold]scale[/bold]: --size 192,512 from fine to coarse strokes. Objectives are given from
    the low end of the slider to the high end; phase one trains on the first (on the middle one with --dual). With
    --base, only the new ends are given. A run that was stopped goes on where it was.
    """
    from dynamicnet.applications.style.recipe import End, StyleRecipe, StyleTraining, spread

    if base and start:
        raise DynamicNetError("recipe-invalid", "--base keeps a θ, --start is where one begins: give one of them.")
    if network and (base or start):
        raise DynamicNetError("recipe-invalid", "--network: a package's is given by --base or --start.")
    out = out or Path("weights") / style[0].stem
    if weight is None:
        weight, dual = (STRENGTHS, True) if axis == "strength" and base is None else (WEIGHT, dual)
    count = (3 if dual else 2) - (base is not None)
    paintings = spread(style, count, "--style")
    weights = spread(numbers(weight, "--weight"), count, "--weight")
    sizes = spread(numbers(size, "--size"), count, "--size")
    objectives = [End(p, int(s), w) for p, s, w in zip(paintings, sizes, weights, strict=True)]
    high, low = objectives[-1], objectives[0] if dual else None
    main = None if base else objectives[1 if dual else 0]
    names = two_names(ends) if ends else _ends(axis, objectives)
    network = network or NETWORK
    if network not in NETWORKS:
        raise DynamicNetError("recipe-invalid", f"--network: there is no '{network}'; there are {', '.join(NETWORKS)}.")
    if any(one < 0 for one in (*weights, variation, patches, palette)):
        raise DynamicNetError("recipe-invalid", "--weight, --variation, --patches and --palette are 0 or more.")
    if any(one < MIN_SIDE for one in sizes) or reach <= 0:
        raise DynamicNetError("recipe-invalid", f"--size is {MIN_SIDE} or more, and --reach more than 0.")
    given = base or start
    loaded = package.load(given) if given else None
    if loaded and loaded.manifest.application != "style":
        raise DynamicNetError("recipe-invalid", f"'{given}' is no style model: it is of {loaded.manifest.application}.")
    painter = loaded.net.network if loaded else NETWORKS[network]()
    if painter.latent or painter.inputs != RGB:
        raise DynamicNetError("recipe-invalid", f"'{given or network}' is not given a picture alone, as a style is.")
    points = painter.default_points
    spec = axis_of(
        id=axis_id or axis,
        title=axis_title or axis.capitalize(),
        ends=names,
        range=(-1.0, 1.0) if dual else (0.0, 1.0),
        default=default if default is not None else (0.0 if dual or base else 0.5),
        blocks=points,
        norm=norm,
    )
    recipe = StyleRecipe(
        title=title or out.name,
        description=description,
        axis=spec,
        main=main,
        high=high,
        low=low,
        network=network,
        base=base,
        start=start,
        content=content,
        encoder=tuple(encoder or [DEFAULT_ENCODER]),
        main_steps=main_steps,
        axis_steps=axis_steps,
        path_steps=path_steps,
        batch=batch,
        crop=crop,
        main_rate=main_rate,
        axis_rate=axis_rate,
        variation=variation,
        patches=patches,
        palette=palette,
        reach=reach,
        seed=seed,
        licence=licence,
        order=order,
        hours=hours,
    )
    StyleTraining(recipe, out, begin(out, run, recipe.title), device, command_line(), console).train()
    written(out, content, encoder or [])


def _ends(axis: str, objectives: list) -> tuple[str, str]:  # type: ignore[type-arg]
    if axis == "style":
        return objectives[0].painting.stem, objectives[-1].painting.stem
    return {"strength": ("faint", "strong"), "scale": ("fine strokes", "coarse strokes")}[axis]
