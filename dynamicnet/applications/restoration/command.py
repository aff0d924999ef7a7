"""``dynamic-net train restoration`` and ``restoration-auto``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dynamicnet.commands import (
    DEFAULT_ENCODER,
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
    begin,
    command_line,
    console,
    written,
)
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.networks import NETWORKS


def mount(app: typer.Typer, train: typer.Typer) -> None:
    """Add the commands to the command line."""
    train.command("restoration")(train_restoration)
    train.command("restoration-auto")(train_restoration_auto)


def train_restoration(
    images: Annotated[Path, typer.Option(help="Folder of photographs.", exists=True, file_okay=False)],
    out: Out,
    title: Title,
    noise: Annotated[
        Literal["gaussian", "camera"],
        typer.Option(help="White and not clipped, as in published tables; or what files from cameras hold."),
    ],
    description: Description = "",
    exclude: Annotated[
        Path | None, typer.Option(help="File of names of photographs to leave out, one a line.", exists=True)
    ] = None,
    encoder: Encoder = None,
    dual: Annotated[
        bool, typer.Option("--dual", help="Range −1…1: θ for what is in the middle, ψ for lighter and for heavier.")
    ] = False,
    main_noise: Annotated[
        float, typer.Option(min=5.1, max=74.9, help="With --dual, the noise that θ learns: its standard deviation.")
    ] = 19.3649,  # as many times 5 as 75 is of it
    start: Annotated[Path | None, typer.Option(help="Start from this package's θ and ψ.")] = None,
    scale: Annotated[
        int, typer.Option(help="Photographs are scaled so that their shorter side is this, in pixels.")
    ] = 256,
    main_steps: MainSteps = 10000,
    axis_steps: Annotated[int, typer.Option(min=0, help="Steps of phase two, per bank: the noise at the end.")] = 2000,
    path_steps: Annotated[
        int, typer.Option(min=0, help="Steps of phase three, per bank: any alpha and its noise.")
    ] = 20000,
    crisp_steps: Annotated[int, typer.Option(min=0, help="Steps of a second axis, faithful to crisp; 0 for none.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Patches a step.")] = 32,
    crop: Annotated[int, typer.Option(help="Side of the patches, in pixels: a multiple of 16 up to 112.")] = 96,
    main_rate: MainRate = 1e-3,
    axis_rate: Annotated[float, typer.Option(help="Highest learning rate of the other phases.")] = 1e-3,
    perceptual: Annotated[float, typer.Option(help="Weight of deep features at the crisp end.")] = 1.0,
    texture: Annotated[float, typer.Option(help="Weight of Gram matrices at the crisp end.")] = 1.0,
    seed: Seed = 0,
    run: Run = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    hours: Hours = None,
    device: Device = "auto",
) -> None:
    """Train a restoration model: from light noise to heavy noise and, with --crisp-steps, from faithful to crisp.

    A run that was stopped goes on where it was.
    """
    from dynamicnet import package
    from dynamicnet.applications.restoration.measure import levels_of
    from dynamicnet.applications.restoration.noise import EVEN, LIGHT, MARGIN, Levels
    from dynamicnet.applications.restoration.recipe import NETWORK, RestorationRecipe, RestorationTraining

    if crop % 16 or not 32 <= crop <= scale // 2 - MARGIN:
        raise DynamicNetError(
            "recipe-invalid", f"--crop: give a multiple of 16, from 32 up to half of --scale less {MARGIN}."
        )
    points = NETWORKS[NETWORK]().default_points
    span, main = ((-1.0, 1.0), main_noise) if dual else ((0.0, 1.0), LIGHT)
    if start is not None and not main_steps:  # θ is that of the package
        main = levels_of(package.read_manifest(start)).main
    levels = Levels(span, main)
    recipe = RestorationRecipe(
        title=title,
        description=description,
        noise=noise,
        strength=AxisSpec(
            id="strength",
            title="Strength",
            ends=("light", "heavy"),
            range=span,
            default=round(levels.alpha(EVEN.at(0.5)), 2),
            blocks=points,
        ),
        crisp=AxisSpec(id="crisp", title="Grain", ends=("faithful", "crisp"), default=0.0, blocks=("up", "fine")),
        levels=levels,
        start=start,
        images=images,
        exclude=exclude,
        encoder=encoder or DEFAULT_ENCODER,
        scale=scale,
        main_steps=main_steps,
        axis_steps=axis_steps,
        path_steps=path_steps,
        crisp_steps=crisp_steps,
        batch=batch,
        crop=crop,
        main_rate=main_rate,
        axis_rate=axis_rate,
        perceptual=perceptual,
        texture=texture,
        seed=seed,
        licence=licence,
        hours=hours,
    )
    RestorationTraining(recipe, out, begin(out, run, recipe.title), device, command_line(), console).train()
    written(out, images, [encoder] if encoder else [])


def train_restoration_auto(
    folder: Annotated[Path, typer.Argument(help="The package: weights/NAME.", exists=True, file_okay=False)],
    images: Annotated[Path, typer.Option(help="Folder of photographs, as for train restoration.", exists=True)],
    exclude: Annotated[
        Path | None, typer.Option(help="File of names of photographs to leave out, one a line.", exists=True)
    ] = None,
    scale: Annotated[int, typer.Option(help="Shorter side of the photographs, in pixels: at least 240.")] = 256,
    count: Annotated[int, typer.Option(help="Patches to learn levels of noise from.")] = 16000,
    rendered: Annotated[int, typer.Option(help="Patches that are rendered at nine strengths.")] = 4096,
    steps: Annotated[int, typer.Option(min=0, help="Steps of training on either.")] = 6000,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Have a restoration model learn which strength a picture needs: what alpha=auto gives it."""
    import torch

    from dynamicnet import package
    from dynamicnet.applications.restoration.auto import train_guess
    from dynamicnet.applications.restoration.measure import levels_of, spec_of
    from dynamicnet.applications.restoration.patches import Patches, read_names
    from dynamicnet.model import pick_device, placed
    from dynamicnet.training.photos import Photos

    loaded = package.load(folder)
    manifest = loaded.manifest
    strength, *others = manifest.axes
    axis = strength.model_copy(update={"guess": True})
    manifest = manifest.model_copy(update={"axes": [axis, *others]})
    place = pick_device(device)
    torch.manual_seed(seed)
    net = placed(package.build(manifest), place).requires_grad_(False)
    net.load_state_dict(loaded.net.state_dict(), strict=False)
    photos = Photos(images, scale, held_out=False, exclude=read_names(exclude), console=console)
    patches, kind = Patches(photos, place), spec_of(manifest.training, None).noise
    cost = train_guess(net, axis, levels_of(manifest), patches, kind, count, rendered, steps, seed)
    training = manifest.training.model_copy(update={"commands": [*manifest.training.commands, command_line()]})
    package.write(folder, manifest.model_copy(update={"training": training}), net)
    console.print(f"{folder}: written; a guess costs {cost:.2f} dB on what it learned from")
