"""The command line: the same road as the server, and the only way models are made."""

import json
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from rich.console import Console
from rich.table import Table

from dynamicnet import __version__, package, pictures
from dynamicnet.applications import APPLICATIONS, Inputs
from dynamicnet.commands import DEFAULT_ENCODER, DEFAULT_WEIGHTS, Device, Encoders, console
from dynamicnet.decode import MIN_SIDE
from dynamicnet.errors import DynamicNetError, printable, reason
from dynamicnet.files.keep import Choice
from dynamicnet.folders import each, format_of
from dynamicnet.method import alpha as alphas
from dynamicnet.method.alpha import AlphaLike
from dynamicnet.method.auto import automatic
from dynamicnet.model import Model
from dynamicnet.sweep import plan
from dynamicnet.training import command
from dynamicnet.training.phase import Stopped

app = typer.Typer(
    help="Dynamic-Net: train a network once, then tune its objective with a slider.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
train_app = typer.Typer(help="Train a model package, or what it needs.", no_args_is_help=True)
app.add_typer(train_app, name="train")
stderr = Console(stderr=True, markup=False)

WEIGHTS = "DYNAMICNET_WEIGHTS"
Weights = Annotated[Path, typer.Option(help="Folder of model packages.", envvar=WEIGHTS)]
Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="Where to; the suffix decides the format.")]
Photos = Annotated[
    Path | None,
    typer.Argument(
        help="The picture, for models that take one; or a folder of them, and --out one to make.", exists=True
    ),
]
Photo = Annotated[
    Path | None, typer.Argument(help="The picture, for models that take one.", exists=True, dir_okay=False)
]
ModelName = Annotated[str | None, typer.Option(help="A model's name; the first one by default.")]
AlphaText = Annotated[
    str | None, typer.Option(help='0.6, auto, 0.2,0.5,0.9 (one per insertion point) or {"strength": 0.6}.')
]
Position = Annotated[
    str | None, typer.Option(help="Instead of --alpha: 0 to 1 along a slider whose equal steps look equal.")
]
Mask = Annotated[
    Path | None,
    typer.Option(
        help="A picture, white where PHOTO has a hole; a transparent PHOTO needs none.", exists=True, dir_okay=False
    ),
]
Where = Annotated[
    Path | None,
    typer.Option(
        help="A picture: white where the result is wanted, black where PHOTO is to stay.", exists=True, dir_okay=False
    ),
]
Seed = Annotated[str | None, typer.Option(help="7, or 1,2,3 for a grid, for models that make pictures.")]
Latent = Annotated[
    Path | None,
    typer.Option(help="JSON file instead of --seed: a list of numbers, or of such lists.", exists=True, dir_okay=False),
]
MaxSide = Annotated[
    int | None, typer.Option(help="Shrink so that the longer side is at most this, and the shorter at least 32.")
]
Detail = Annotated[
    int | None,
    typer.Option(help="Longer side that a style works at; a larger one gives finer strokes."),
]
Quality = Annotated[int, typer.Option(help="Of JPEG and WebP, 1 to 100.")]


def _say_version(asked: bool) -> None:
    if asked:
        console.print(f"dynamic-net {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Say which this is.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Dynamic-Net: train a network once, then tune its objective with a slider."""
    for name in get_close_matches(WEIGHTS, os.environ.keys() - {WEIGHTS}, cutoff=0.85):
        stderr.print(f"There is no setting {name}; did you mean {WEIGHTS}?", style="red", soft_wrap=True)


@app.command()
def infer(
    output: Output,
    photo: Photos = None,
    model: ModelName = None,
    alpha: AlphaText = None,
    position: Position = None,
    mask: Mask = None,
    where: Where = None,
    seed: Seed = None,
    latent: Latent = None,
    max_side: MaxSide = None,
    detail: Detail = None,
    quality: Quality = 90,
    metadata: Annotated[
        Choice,
        typer.Option(help="keep: PHOTO's copyright, author, date, camera and DPI; keep,gps: and where it was taken."),
    ] = "none",
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
) -> None:
    """Render one picture at one α, or a folder of them: what is in the other folder already is not made again.

    Of a folder, it ends with 1 if a photograph could not be used.

    [dim]dynamic-net infer photo.jpg --model starry-night --alpha 0.6 -o out.png[/dim]

    [dim]dynamic-net infer photos/ --model starry-night --alpha 0.6 --out painted/[/dim]
    """
    is_folder = photo is not None and photo.is_dir()
    if is_folder:
        pictures.check_quality(quality)
        if detail is not None:
            pictures.check_detail(detail)
        if mask:  # or each photograph would be blamed for it
            pictures.read_layers(mask.read_bytes(), what="mask")
        if where:
            pictures.read_where(where.read_bytes())
    else:
        _check_place(output, photo, mask, where)
        pictures.check_format(format_of(output), quality)
    loaded = _model(weights, model, device)

    def make(photo: Path | None, format: str) -> tuple[bytes, AlphaLike]:  # noqa: A002
        inputs = _inputs(loaded, photo, mask, where, seed, latent, max_side, detail)
        chosen = _alpha(loaded, inputs, alpha, position)
        encoded = loaded.encode(inputs)
        of = photo if is_folder else None
        _tell(encoded.notes, of)
        picture = loaded.render(loaded.prepare(encoded), chosen)
        _tell(pictures.lost(picture, format), of)
        if is_folder and alphas.AUTO in (alpha or ""):
            _tell([f"alpha {json.dumps(chosen)}"], of)
        return pictures.write(picture, format, quality, encoded.metadata.chosen(metadata)), chosen

    if is_folder:
        settings = {
            "model": loaded.folder.name,
            "weights": _word(loaded.folder / package.TENSORS),
            "alpha": _plain(alpha, "alpha"),
            "position": _plain(position, "position"),
            "mask": _named(mask),
            "where": _named(where),
            "max_side": max_side,
            "detail": detail,
            "quality": quality,
            "metadata": metadata,
        }
        said, all_used = each(cast(Path, photo), output, lambda *one: make(*one)[0], settings, stderr)
        console.print(said, soft_wrap=True)
        raise typer.Exit(0 if all_used else 1)
    data, chosen = make(photo, format_of(output))
    _write(output, data)
    console.print(f"{output}: {loaded.manifest.title}, alpha {json.dumps(chosen)}", soft_wrap=True)


@app.command()
def sweep(
    output: Output,
    photo: Photo = None,
    model: ModelName = None,
    axis: Annotated[str | None, typer.Option(help="The axis to move; the first one by default.")] = None,
    frames: Annotated[int, typer.Option(help="How many steps from one end to the other, 2 to 60.")] = 12,
    alpha: AlphaText = None,
    position: Position = None,
    mask: Mask = None,
    where: Where = None,
    seed: Seed = None,
    latent: Latent = None,
    max_side: MaxSide = None,
    detail: Detail = None,
    quality: Quality = 90,
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
) -> None:
    """Render one picture along an axis: an animation (.webp, .gif), or a contact sheet (.png, .jpg).

    [dim]dynamic-net sweep photo.jpg --model starry-night --frames 12 --max-side 640 -o out.webp[/dim]
    """
    _check_place(output, photo, mask, where)
    loaded = _model(weights, model, device)
    inputs = _inputs(loaded, photo, mask, where, seed, latent, max_side, detail)
    chosen = _alpha(loaded, inputs, alpha, position)
    planned = plan(loaded.manifest.axes, chosen, axis, frames, format_of(output), quality)
    encoded = loaded.encode(inputs)
    _tell(encoded.notes)
    planned.check_size(encoded.size)
    prepared = loaded.prepare(encoded).in_srgb
    rendered = [
        picture
        for some in planned.batches(loaded.together(encoded.size))
        for picture in loaded.render_together([(prepared, each) for each in some])
    ]
    _write(output, planned.write(rendered))
    console.print(f"{output}: {loaded.manifest.title}, alpha {planned.labels[0]} to {planned.labels[-1]}")


@app.command()
def models(weights: Weights = DEFAULT_WEIGHTS) -> None:
    """List the models, their axes and the ends of each."""
    table = Table()
    for column in ("model", "axis", "from", "to", "range", "default"):
        table.add_column(column, overflow="fold", no_wrap=column == "model")
    for folder, manifest in _packages(weights):
        for i, axis in enumerate(manifest.axes):
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
    title: Annotated[str | None, typer.Option(help="The title that people see.")] = None,
    weights: Weights = DEFAULT_WEIGHTS,
) -> None:
    """Turn a checkpoint of the paper's authors into a model package."""
    from dynamicnet.importer import import_checkpoint

    import_checkpoint(file, kind, weights / name, title)
    console.print(f"{weights / name}: written")


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    to: Annotated[Path, typer.Option(help="Folder to write prepare.onnx and render.onnx to; it is made.")],
    weights: Weights = DEFAULT_WEIGHTS,
) -> None:
    """Write a model as two ONNX files, for engines other than PyTorch: docs/export.md.

    [dim]dynamic-net export starry-night --to exported[/dim]
    """
    from dynamicnet.export import export as write

    for file in write(weights / name, to):
        console.print(f"{file}: written", soft_wrap=True, highlight=False)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    images: Annotated[
        Path,
        typer.Option(help="Folder of photographs; those held out of training are used, one in eight.", exists=True),
    ],
    encoder: Encoders = None,
    test: Annotated[
        Path | None,
        typer.Option(help="Folder of photographs that no training saw: all of them are used.", exists=True),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Use all of --images, including those trained on, if too few were held out.")
    ] = False,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of masks, for a model that fills holes; by default, holes are drawn.", exists=True),
    ] = None,
    holes: Annotated[Literal["white", "black"], typer.Option(help="The colour of the hole in those masks.")] = "white",
    side: Annotated[
        int,
        typer.Option(
            min=MIN_SIDE,
            help="Side of the centre squares measured on, in pixels; restoration measures whole photographs as well.",
        ),
    ] = 256,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many photographs.")] = None,
    yardstick: Annotated[
        int, typer.Option(min=1, help="Photographs whose pixels are optimised directly, at both ends.")
    ] = 16,
    iterations: Annotated[int, typer.Option(min=1, help="Iterations of that optimisation.")] = 40,
    against: Annotated[
        str,
        typer.Option(
            help="What to compare axes from 0 to 1 with, commas between: fixed, long, dni, blend, film or gains, which "
            "are trained, or other packages; of a generator, a package trained directly on what an axis leads to; of "
            "restoration, bm3d as well."
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for tables, plots and what is trained to compare with; default runs/evaluate/NAME."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Store the figures in the model's manifest, if there are enough photographs."),
    ] = False,
    weights: Weights = DEFAULT_WEIGHTS,
) -> None:
    """Measure a model on photographs it was not trained on.

    Both objectives over an 11-point grid of α, and more, by application. Of style: for how many single photographs each
    moves the right way at every step, and how many iterations of direct optimisation of the pixels either end is worth
    (Johnson et al. 2016). Of restoration: PSNR and SSIM at five levels of noise.
    """
    from dynamicnet.evaluation.task import Task

    folder = weights / name
    manifest = package.read_manifest(folder)
    if manifest.application not in APPLICATIONS:
        raise DynamicNetError("package-invalid", f"There is no application '{manifest.application}' here.")
    measured = import_module(f"dynamicnet.applications.{manifest.application}.evaluate").evaluate(
        Task(
            *(folder, images, tuple(encoder or [DEFAULT_ENCODER]), side, limit, yardstick, iterations, console),
            out or Path("runs/evaluate") / name,
            tuple(filter(None, against.split(","))),
            *(test, masks, holes, all_, write),
        )
    )
    if write:
        package.write_manifest(folder, manifest.with_measured(measured))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 by default.")] = None,
) -> None:
    """Serve the page, POST /infer and the WebSocket; further settings are environment variables, or in .env."""
    given = {"DYNAMICNET_HOST": host, "DYNAMICNET_PORT": port}
    settings = {name: str(value) for name, value in given.items() if value is not None}
    # In place of this process, where PyTorch is loaded already: the server has its threads set up before.
    os.execve(sys.executable, [sys.executable, "-m", "server"], os.environ | settings)


def _model(weights: Path, name: str | None, device: str) -> Model:
    return Model.load(weights / (name or _packages(weights)[0][0].name), device)


def _packages(weights: Path) -> list[tuple[Path, package.Manifest]]:
    """Every package of a folder with its manifest; says which are damaged, and leaves them out.

    Raises:
        DynamicNetError: ``no-models``.
    """
    found = []
    for folder in package.find(weights):
        try:
            found.append((folder, package.read_manifest(folder)))
        except DynamicNetError as error:
            stderr.print(f"Left out: {error.message}", style="red", soft_wrap=True)
    if not found:
        what = "model package in" if weights.is_dir() else "folder"
        raise DynamicNetError("no-models", f"There is no {what} '{weights}'.", 503)
    return found


def _check_place(output: Path, *given: Path | None) -> None:
    """Refuse to begin where nothing can be written in the end, or what is given would be lost.

    Raises:
        DynamicNetError: ``output-refused``.
    """
    if not output.parent.is_dir():
        raise DynamicNetError("output-refused", f"There is no folder '{output.parent}'; make it first.")
    if not os.access(output if output.exists() else output.parent, os.W_OK) or output.is_dir():
        raise DynamicNetError("output-refused", f"Cannot write '{output}'.")
    if output.exists() and any(file is not None and output.samefile(file) for file in given):
        raise DynamicNetError("output-refused", f"'{output}' is what is read, and would be lost; name another file.")


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise DynamicNetError("output-refused", f"Cannot write '{output}': {reason(error)}.") from None


def _plain(typed: str | None, what: str) -> str | None:
    """What was typed, in one way of several to say it: 0.30 is 0.3."""
    return typed and json.dumps(alphas.parse(typed, what), sort_keys=True)


def _named(file: Path | None) -> str | None:
    return f"{file.name} ({_word(file)})" if file else None


def _word(file: Path) -> str:
    """What tells a file from another by what it holds."""
    return blake2b(file.read_bytes(), digest_size=4).hexdigest()


def _alpha(model: Model, inputs: Inputs, alpha: str | None, position: str | None) -> AlphaLike:
    axes = model.manifest.axes
    named, auto = automatic(alphas.choose(alpha, position, axes), axes)
    alphas.resolve(named, axes, 1)
    return auto.at(model.choose(inputs, auto)) if auto else named


def _inputs(
    loaded: Model,
    photo: Path | None,
    mask: Path | None,
    where: Path | None,
    seed: str | None,
    latent: Path | None,
    max_side: int | None,
    detail: int | None,
) -> Inputs:
    return Inputs(
        image=photo.read_bytes() if photo else None,
        mask=mask.read_bytes() if mask else None,
        where=where.read_bytes() if where else None,
        seed=seed,
        latent=latent.read_text("utf-8", "replace") if latent else None,
        max_side=max_side,
        detail=detail,
    )


def _tell(notes: Sequence[str], of: Path | None = None) -> None:
    """Say what is not as a person may expect; of which photograph, where there are several."""
    for note in notes:
        stderr.print(f"{printable(str(of))}: {note}" if of else note, soft_wrap=True)


command.mount(app, train_app)
for name in APPLICATIONS:
    import_module(f"dynamicnet.applications.{name}.command").mount(app, train_app)


def main() -> None:
    """Run the command line; an error a person can mend, or a signal, is one sentence and an exit status."""
    try:
        app()
    except DynamicNetError as error:
        stderr.print(error.message, style="red", soft_wrap=True)
        raise SystemExit(1) from None
    except Stopped as stopped:
        console.print(str(stopped))
        raise SystemExit(stopped.status) from None
