"""The command line: the same road as the server, and the only way models are made."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from dynamicnet import alpha as alphas
from dynamicnet import package, pictures
from dynamicnet.alpha import AlphaLike
from dynamicnet.applications import Inputs
from dynamicnet.applications.restoration import command as restoration
from dynamicnet.auto import automatic
from dynamicnet.blocks import AxisSpec
from dynamicnet.errors import DynamicNetError
from dynamicnet.model import Model
from dynamicnet.networks import NETWORKS
from dynamicnet.sweep import plan

app = typer.Typer(
    help="Dynamic-Net: train a network once, then tune its objective with a slider.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
train_app = typer.Typer(help="Train a model package in two phases.", no_args_is_help=True)
app.add_typer(train_app, name="train")
console = Console(markup=False)  # brackets belong to names: [plots], photo[1].png

Weights = Annotated[Path, typer.Option(help="Folder of model packages.", envvar="DYNAMICNET_WEIGHTS")]
Device = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda, cuda:1 …")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where to; the suffix decides the format.")]
Photo = Annotated[
    Path | None, typer.Argument(help="The picture, for models that take one.", exists=True, dir_okay=False)
]
ModelName = Annotated[str | None, typer.Option(help="A model's name; the first one unless told otherwise.")]
AlphaText = Annotated[
    str | None, typer.Option(help='0.6, auto, 0.2,0.5,0.9 (one per insertion point) or {"strength": 0.6}.')
]
Position = Annotated[
    str | None, typer.Option(help="Instead of --alpha: 0 to 1 along a slider whose equal steps look equal.")
]
Mask = Annotated[
    Path | None,
    typer.Option(help="A picture, white where PHOTO has a hole; transparency does as well.", exists=True),
]
Where = Annotated[
    Path | None,
    typer.Option(help="A picture: alpha counts in full where it is white, not at all where black.", exists=True),
]
Seed = Annotated[str | None, typer.Option(help="7, or 1,2,3 for a grid, for models that make pictures.")]
Latent = Annotated[
    Path | None,
    typer.Option(help="JSON file instead of --seed: a list of numbers, or of such lists.", exists=True),
]
MaxSide = Annotated[int | None, typer.Option(help="Shrink so that the longer side is at most this.")]
Quality = Annotated[int, typer.Option(help="Of JPEG and WebP, 1 to 100.")]
Norm = Annotated[bool, typer.Option("--norm", help="Normalise within tuning-blocks, which the paper does not.")]
DEFAULT_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@app.command()
def infer(
    output: Output,
    photo: Photo = None,
    model: ModelName = None,
    alpha: AlphaText = None,
    position: Position = None,
    mask: Mask = None,
    where: Where = None,
    seed: Seed = None,
    latent: Latent = None,
    max_side: MaxSide = None,
    quality: Quality = 90,
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
) -> None:
    """Render one picture at one α.

    [dim]dynamic-net infer photo.jpg --model starry-night --alpha 0.6 -o out.png[/dim]
    """
    format = _format(output)  # noqa: A001
    pictures.check_format(format, quality)
    loaded = _model(weights, model, device)
    inputs = _inputs(photo, mask, where, seed, latent, max_side)
    chosen = _alpha(loaded, inputs, alpha, position)
    prepared = loaded.prepare(loaded.encode(inputs))
    output.write_bytes(pictures.write(loaded.render(prepared, chosen), format, quality))
    console.print(f"{output}: {loaded.manifest.title}, alpha {chosen}")


@app.command()
def sweep(
    output: Output,
    photo: Photo = None,
    model: ModelName = None,
    axis: Annotated[str | None, typer.Option(help="The axis to move; the first one unless told otherwise.")] = None,
    frames: Annotated[int, typer.Option(help="How many steps from one end to the other, 2 to 60.")] = 12,
    alpha: AlphaText = None,
    position: Position = None,
    mask: Mask = None,
    where: Where = None,
    seed: Seed = None,
    latent: Latent = None,
    max_side: MaxSide = None,
    quality: Quality = 80,
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
) -> None:
    """Render one picture along an axis: an animation (.webp, .gif), or a contact sheet (.png, .jpg).

    [dim]dynamic-net sweep photo.jpg --model starry-night --frames 12 --max-side 640 -o out.webp[/dim]
    """
    loaded = _model(weights, model, device)
    inputs = _inputs(photo, mask, where, seed, latent, max_side)
    chosen = _alpha(loaded, inputs, alpha, position)
    planned = plan(loaded.manifest.axes, chosen, axis, frames, _format(output), quality)
    encoded = loaded.encode(inputs)
    planned.check_size(encoded.size)
    prepared = loaded.prepare(encoded)
    rendered = [
        picture
        for some in planned.batches(loaded.together(encoded.size))
        for picture in loaded.render_together([(prepared, each) for each in some])
    ]
    output.write_bytes(planned.write(rendered))
    console.print(f"{output}: {loaded.manifest.title}, alpha {planned.labels[0]} to {planned.labels[-1]}")


@app.command()
def models(weights: Weights = DEFAULT_WEIGHTS) -> None:
    """List the models, their axes and the ends of each."""
    table = Table()
    for column in ("model", "axis", "from", "to", "range", "default"):
        table.add_column(column, overflow="fold", no_wrap=column == "model")
    for folder in package.find(weights):
        for i, axis in enumerate(package.read_manifest(folder).axes):
            span = f"{axis.range[0]:g} … {axis.range[1]:g}"
            table.add_row("" if i else folder.name, axis.id, *axis.ends, span, f"{axis.default:g}")
    console.print(table)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A checkpoint of the authors' code (.pth).", exists=True, dir_okay=False)
    ],
    kind: Annotated[
        Literal["style", "style-dual", "dcgan"],
        typer.Option(help="DynamicStyleTransfer, its dual form, or DynamicDcGan."),
    ],
    name: Annotated[str, typer.Option(help="Name of the package to write.")],
    title: Annotated[str | None, typer.Option(help="What people read.")] = None,
    weights: Weights = DEFAULT_WEIGHTS,
) -> None:
    """Turn a checkpoint released by the paper's authors into a model package."""
    from dynamicnet.importer import import_checkpoint

    import_checkpoint(file, kind, weights / name, title)
    console.print(f"{weights / name}: written")


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    images: Annotated[Path, typer.Option(help="Folder of photographs; the held-out ones are used.", exists=True)],
    encoder: Annotated[Path, typer.Option(help="The frozen encoder the model was trained with.", exists=True)],
    side: Annotated[int, typer.Option(help="Side of the centre squares measured on, in pixels.")] = 256,
    limit: Annotated[int | None, typer.Option(help="At most so many photographs.")] = None,
    yardstick: Annotated[int, typer.Option(help="Photographs whose pixels are optimised directly, at both ends.")] = 16,
    iterations: Annotated[int, typer.Option(help="Iterations of that optimisation.")] = 40,
    against: Annotated[
        str,
        typer.Option(
            help="What to compare with, commas between: fixed, long, dni, blend, film or gains, which are trained, or "
            "other packages; of a generator, a package trained directly on what an axis leads to."
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for tables, plots and what is trained to compare with; default runs/evaluate/NAME."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the figures into the model's manifest.")] = False,
    weights: Weights = DEFAULT_WEIGHTS,
) -> None:
    """Measure a model on photographs it was not trained on.

    Both objectives over an 11-point grid of α, for how many single photographs each moves the right way at every
    step, and how many iterations of direct optimisation of the pixels either end is worth (Johnson et al. 2016).
    """
    from dynamicnet.evaluation import EVALUATIONS, Task

    folder = weights / name
    manifest = package.read_manifest(folder)
    measured = EVALUATIONS[manifest.application](
        Task(
            *(folder, images, encoder, side, limit, yardstick, iterations, console),
            out or Path("runs/evaluate") / name,
            tuple(filter(None, against.split(","))),
        )
    )
    if write:
        package.write_manifest(folder, manifest.with_measured(measured))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.", envvar="DYNAMICNET_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", envvar="DYNAMICNET_PORT")] = 8000,
) -> None:
    """Serve the page, POST /infer and the WebSocket; further settings are environment variables."""
    # In place of this process, where PyTorch is loaded already: the server has its threads set up before.
    settings = {"DYNAMICNET_HOST": host, "DYNAMICNET_PORT": str(port)}
    os.execve(sys.executable, [sys.executable, "-m", "server"], os.environ | settings)


@train_app.command("style")
def train_style(
    style: Annotated[
        list[Path], typer.Option(help="A painting; one for all objectives, or one for each.", exists=True)
    ],
    axis: Annotated[Literal["strength", "style", "scale"], typer.Option(help="What the axis moves between.")],
    content: Annotated[Path, typer.Option(help="Folder of photographs.", exists=True, file_okay=False)],
    encoder: Annotated[
        Path, typer.Option(help="Frozen encoder: .safetensors, or torchvision's VGG-16 .pth.", exists=True)
    ],
    out: Annotated[Path, typer.Option(help="The package to write: weights/NAME.")],
    title: Annotated[str, typer.Option(help="What people read.")],
    description: Annotated[str, typer.Option(help="A sentence more.")] = "",
    axis_id: Annotated[str | None, typer.Option(help="The axis's id; its kind unless told otherwise.")] = None,
    axis_title: Annotated[str | None, typer.Option(help="The axis's title.")] = None,
    ends: Annotated[str | None, typer.Option(help="Names of both ends: faint,strong")] = None,
    default: Annotated[float | None, typer.Option(help="Where the slider starts.")] = None,
    weight: Annotated[str, typer.Option(help="Style weight; one, or one per objective from the low end up.")] = "5",
    size: Annotated[str, typer.Option(help="Painting's shorter side in pixels; one, or one per objective.")] = "384",
    dual: Annotated[bool, typer.Option("--dual", help="Range −1…1: three objectives, low, main and high.")] = False,
    network: Annotated[str, typer.Option(help=f"Main network: {', '.join(NETWORKS)}.")] = "lean",
    norm: Norm = False,
    base: Annotated[Path | None, typer.Option(help="Give this package one more axis; its θ stays as it is.")] = None,
    start: Annotated[Path | None, typer.Option(help="Start phase one from this package's θ.")] = None,
    main_steps: Annotated[int, typer.Option(help="Steps of phase one.")] = 2000,
    axis_steps: Annotated[int, typer.Option(help="Steps of phase two, per bank.")] = 2000,
    path_steps: Annotated[
        int,
        typer.Option(help="Steps of phase three, per bank: any alpha, on mixed objectives; 0 is the paper's way."),
    ] = 0,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 4,
    crop: Annotated[int, typer.Option(help="Side of the squares trained on, in pixels.")] = 256,
    main_rate: Annotated[float, typer.Option(help="Highest learning rate of phase one.")] = 2e-3,
    axis_rate: Annotated[float, typer.Option(help="Highest learning rate of phase two.")] = 1e-3,
    variation: Annotated[float, typer.Option(help="Weight of total variation.")] = 1.0,
    reach: Annotated[float, typer.Option(help="Where the slider ends, as a share of the α trained with.")] = 0.85,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    run: Annotated[Path | None, typer.Option(help="Checkpoints and sample sheets; default runs/NAME.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    device: Device = "auto",
) -> None:
    """Train a style model: content + style + total variation, from one objective to another.

    [bold]strength[/bold]: --weight 0.3,5 from faint to strong. [bold]style[/bold]: --style A.jpg --style B.jpg from
    one painting to another. [bold]scale[/bold]: --size 192,512 from fine to coarse strokes. Objectives are given from
    the low end of the slider to the high end; phase one trains on the first (on the middle one with --dual). With
    --base, only the new ends are given. A run that was stopped goes on where it was.
    """
    from dynamicnet.training.style import End, StyleRecipe, StyleTraining, spread

    count = (3 if dual else 2) - (base is not None)
    paintings = spread(style, count, "--style")
    weights = spread(_numbers(weight, "--weight"), count, "--weight")
    sizes = spread(_numbers(size, "--size"), count, "--size")
    objectives = [End(p, int(s), w) for p, s, w in zip(paintings, sizes, weights, strict=True)]
    high, low = objectives[-1], objectives[0] if dual else None
    main = None if base else objectives[1 if dual else 0]
    names = _two_names(ends) if ends else _ends(axis, objectives)
    if network not in NETWORKS:
        raise DynamicNetError("recipe-invalid", f"--network: there is no '{network}'; there are {', '.join(NETWORKS)}.")
    points = package.load(base).net.network.default_points if base else NETWORKS[network]().default_points
    spec = AxisSpec(
        id=axis_id or axis,
        title=axis_title or axis.capitalize(),
        ends=names,
        range=(-1.0, 1.0) if dual else (0.0, 1.0),
        default=default if default is not None else (0.0 if dual or base else 0.5),
        blocks=points,
        norm=norm,
    )
    recipe = StyleRecipe(
        title=title,
        description=description,
        axis=spec,
        main=main,
        high=high,
        low=low,
        network=network,
        base=base,
        start=start,
        content=content,
        encoder=encoder,
        main_steps=main_steps,
        axis_steps=axis_steps,
        path_steps=path_steps,
        batch=batch,
        crop=crop,
        main_rate=main_rate,
        axis_rate=axis_rate,
        variation=variation,
        reach=reach,
        seed=seed,
        licence=licence,
    )
    StyleTraining(recipe, out, run or Path("runs") / out.name, device, _command(), console).train()
    _written(out)


@train_app.command("generation")
def train_generation(
    data: Annotated[
        Path,
        typer.Option(help="Folder of folders whose names are labels, or CelebA's.", exists=True, file_okay=False),
    ],
    encoder: Annotated[Path, typer.Option(help="Frozen encoder, as for train style.", exists=True)],
    out: Annotated[Path, typer.Option(help="The package to write: weights/NAME.")],
    title: Annotated[str, typer.Option(help="What people read.")],
    axis_id: Annotated[str, typer.Option(help="The axis's id.")],
    axis_title: Annotated[str, typer.Option(help="The axis's title.")],
    ends: Annotated[str, typer.Option(help="Names of both ends: dark,blond")],
    low: Annotated[str | None, typer.Option("--from", help="Folders the axis starts from: 'male-*'.")] = None,
    high: Annotated[str | None, typer.Option("--to", help="Folders it leads to: 'female-*'.")] = None,
    attribute: Annotated[
        str | None, typer.Option(help="An attribute of CelebA's, instead: from pictures without to those with it.")
    ] = None,
    description: Annotated[str, typer.Option(help="A sentence more.")] = "",
    default: Annotated[float, typer.Option(help="Where the slider starts.")] = 0.0,
    base: Annotated[Path | None, typer.Option(help="Give this package one more axis; its θ stays as it is.")] = None,
    channels: Annotated[
        str, typer.Option(help="Of the generator at 4×4, 8×8, 16×16, 32×32 and 64×64.")
    ] = "192,128,80,40,20",
    main_steps: Annotated[int, typer.Option(help="Steps of phase one.")] = 2000,
    axis_steps: Annotated[int, typer.Option(help="Steps of phase two.")] = 1000,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 32,
    main_rate: Annotated[float, typer.Option(help="Highest learning rate of phase one.")] = 1e-3,
    axis_rate: Annotated[float, typer.Option(help="Highest learning rate of phase two.")] = 1e-3,
    likeness: Annotated[float, typer.Option(help="Weight of staying like the picture at 0.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    run: Annotated[Path | None, typer.Option(help="Checkpoints and sample sheets; default runs/NAME.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, and credit the data asks for.")] = "Apache-2.0",
    device: Device = "auto",
) -> None:
    """Train a generator on one subset of labelled pictures, and an axis that leads to another.

    --data DIR --from 'male-*' --to 'female-*', or with CelebA's folder --attribute Male. With --base, phase one and
    --from are left out. A run that was stopped goes on where it was.
    """
    from dynamicnet.training.generation import NETWORK, GenerationRecipe, GenerationTraining
    from dynamicnet.training.labelled import WITHOUT

    if attribute is not None:
        low, high = None if base else WITHOUT + attribute, attribute
    if high is None or (low is None) != (base is not None):
        raise DynamicNetError("recipe-invalid", "Give --from and --to, or --attribute; with --base, --to alone.")
    names = _two_names(ends)
    points = package.load(base).net.network.default_points if base else NETWORKS[NETWORK]().default_points
    spec = AxisSpec(id=axis_id, title=axis_title, ends=names, default=default, blocks=points)
    recipe = GenerationRecipe(
        title=title,
        description=description,
        axis=spec,
        data=data,
        encoder=encoder,
        channels=tuple(round(number) for number in _numbers(channels, "--channels")),
        low=low,
        high=high,
        base=base,
        main_steps=main_steps,
        axis_steps=axis_steps,
        batch=batch,
        main_rate=main_rate,
        axis_rate=axis_rate,
        likeness=likeness,
        seed=seed,
        licence=licence,
    )
    GenerationTraining(recipe, out, run or Path("runs") / out.name, device, _command(), console).train()
    _written(out)


@app.command("draw-heads")
def draw_heads_(
    out: Annotated[Path, typer.Argument(help="Where the folders go.")],
    count: Annotated[int, typer.Option(help="How many heads in all.")] = 8000,
    seed: Annotated[int, typer.Option(help="Every head follows from it.")] = 0,
) -> None:
    """Draw heads to train a generator on, into folders by hair colour and beard."""
    from dynamicnet.training.heads import CREDIT, draw_heads

    console.print(f"{out}: {', '.join(draw_heads(out, count, seed))}. {CREDIT}")


def _format(output: Path) -> str:
    suffix = output.suffix.lower().lstrip(".")
    return {"jpg": "jpeg"}.get(suffix, suffix)


def _model(weights: Path, name: str | None, device: str) -> Model:
    names = [folder.name for folder in package.find(weights)]
    if not names:
        raise DynamicNetError("no-models", f"There is no model package in '{weights}'.", 503)
    return Model.load(weights / (name or names[0]), device)


def _alpha(model: Model, inputs: Inputs, alpha: str | None, position: str | None) -> AlphaLike:
    axes = model.manifest.axes
    named, auto = automatic(alphas.choose(alpha, position, axes), axes)
    alphas.resolve(named, axes, 1)
    return auto.at(model.choose(inputs, auto)) if auto else named


def _inputs(
    photo: Path | None,
    mask: Path | None,
    where: Path | None,
    seed: str | None,
    latent: Path | None,
    max_side: int | None,
) -> Inputs:
    return Inputs(
        image=photo.read_bytes() if photo else None,
        mask=mask.read_bytes() if mask else None,
        where=where.read_bytes() if where else None,
        seed=seed,
        latent=latent.read_text("utf-8", "replace") if latent else None,
        max_side=max_side,
    )


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise DynamicNetError("recipe-invalid", f"{option}: '{text}' is not a number or numbers with commas.") from None


def _ends(axis: str, objectives: list) -> tuple[str, str]:  # type: ignore[type-arg]
    if axis == "style":
        return objectives[0].painting.stem, objectives[-1].painting.stem
    return {"strength": ("faint", "strong"), "scale": ("fine strokes", "coarse strokes")}[axis]


def _two_names(ends: str) -> tuple[str, str]:
    names = [name.strip() for name in ends.split(",")]
    if len(names) != 2:
        raise DynamicNetError("recipe-invalid", "--ends: give two names with a comma between.")
    return names[0], names[1]


def _command() -> str:
    """The command line as it was given, for a manifest."""
    return shlex.join(["dynamic-net", *sys.argv[1:]])


def _written(out: Path) -> None:
    console.print(f"{out}: written; now run dynamic-net evaluate {out.name}")


@train_app.command("completion")
def train_completion(
    images: Annotated[Path, typer.Option(help="Folder of pictures.", exists=True, file_okay=False)],
    encoder: Annotated[Path, typer.Option(help="Frozen encoder, as for train style.", exists=True)],
    out: Annotated[Path, typer.Option(help="The package to write: weights/NAME.")],
    title: Annotated[str, typer.Option(help="What people read.")],
    description: Annotated[str, typer.Option(help="A sentence more.")] = "",
    credit: Annotated[str, typer.Option(help="Whose pictures they are, and under which licence.")] = "",
    start: Annotated[Path | None, typer.Option(help="Start phase one from this package's θ.")] = None,
    channels: Annotated[int, typer.Option(help="Of the network's body; more of them know more shapes.")] = 64,
    norm: Norm = False,
    scale: Annotated[
        int, typer.Option(help="Pictures are scaled so that their shorter side is this, in pixels.")
    ] = 256,
    side: Annotated[int, typer.Option(help="Side of the squares cut from them, in pixels.")] = 128,
    squares: Annotated[int, typer.Option(help="How many squares are cut, each with its hole.")] = 2000,
    perceptual: Annotated[float, typer.Option(help="Weight of deep features at the sharp end.")] = 2.0,
    texture: Annotated[float, typer.Option(help="Weight of Gram matrices at the sharp end.")] = 3.0,
    adversarial: Annotated[float, typer.Option(help="Weight of the discriminator at the sharp end.")] = 0.5,
    energy: Annotated[float, typer.Option(help="Weight of local gradient energies at the sharp end.")] = 0.5,
    main_steps: Annotated[int, typer.Option(help="Steps of phase one.")] = 3000,
    axis_steps: Annotated[int, typer.Option(help="Steps of phase two.")] = 1000,
    path_steps: Annotated[int, typer.Option(help="Steps of phase three, as for train style.")] = 0,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 8,
    main_rate: Annotated[float, typer.Option(help="Highest learning rate of phase one.")] = 1e-3,
    axis_rate: Annotated[float, typer.Option(help="Highest learning rate of phase two.")] = 1e-3,
    reach: Annotated[float, typer.Option(help="The end of the slider, as a multiple of the α trained with.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    run: Annotated[Path | None, typer.Option(help="Checkpoints and sample sheets; default runs/NAME.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
    device: Device = "auto",
) -> None:
    """Train a completion model: from a smooth, safe filling of holes to a sharp one that may be wrong.

    Phase one minimises the error in the hole; phase two adds what makes it look real. A run that was stopped goes on
    where it was.
    """
    from dynamicnet.objectives.completion import CompletionSpec
    from dynamicnet.training.completion import NETWORK, CompletionRecipe, CompletionTraining

    if side % 4 or not 32 <= side <= scale:
        raise DynamicNetError("recipe-invalid", "--side: give a multiple of 4, from 32 up to --scale.")
    recipe = CompletionRecipe(
        title=title,
        description=description,
        credit=credit,
        axis=AxisSpec(
            id="sharpness",
            title="Sharpness",
            ends=("smooth", "sharp"),
            blocks=NETWORKS[NETWORK]().default_points,
            norm=norm,
        ),
        sharp=CompletionSpec(perceptual=perceptual, texture=texture, adversarial=adversarial, energy=energy),
        start=start,
        channels=channels,
        images=images,
        encoder=encoder,
        scale=scale,
        side=side,
        squares=squares,
        main_steps=main_steps,
        axis_steps=axis_steps,
        path_steps=path_steps,
        batch=batch,
        main_rate=main_rate,
        axis_rate=axis_rate,
        reach=reach,
        seed=seed,
        licence=licence,
    )
    CompletionTraining(recipe, out, run or Path("runs") / out.name, device, _command(), console).train()
    _written(out)


train_app.command("restoration")(restoration.train)


def main() -> None:
    """Run the command line; an error a person can mend is one sentence and exit status 1."""
    try:
        app()
    except DynamicNetError as error:
        Console(stderr=True).print(error.message, style="red", markup=False)
        raise SystemExit(1) from None
