"""Model packages: a folder in weights/ with a manifest (model.json) and tensors (model.safetensors).

A third file, objectives.safetensors, holds what ``dynamic-net evaluate`` needs of the objectives the model was
trained on (the Gram matrices of a painting, say); a package serves without it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save
from torch import Tensor, nn

from dynamicnet.errors import DynamicNetError, complaint, printable, reason
from dynamicnet.files.replaced import replaced
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.networks import NETWORKS

FORMAT: Final = 1
MANIFEST = "model.json"
TENSORS = "model.safetensors"
TRIED = (33, 45)
OBJECTIVES = "objectives.safetensors"
TITLE: Final = 80
"""The most characters of a title."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NetworkSpec(_Strict):
    """Which main network, and its parameters."""

    name: str
    params: dict[str, Any] = {}


class Phase(_Strict):
    """One training run: the main network (axis null), or one bank of one axis."""

    axis: str | None
    bank: Literal["high", "low"] | None
    objective: dict[str, Any]
    steps: int
    batch: int
    crop: int
    learning_rate: float
    seed: int
    seconds: float
    pictures: int
    skipped: int
    started_from: str | None = None


class Training(_Strict):
    """Where the weights come from."""

    commands: list[str]
    data: str
    encoder: dict[str, str] = {}
    phases: list[Phase] = []


class Manifest(_Strict):
    """model.json.

    Attributes:
        order: models are listed from the lowest to the highest, and by name where it is the same; where none is asked
            for, it is the first.
    """

    format: Literal[1] = FORMAT
    title: Annotated[str, Field(min_length=1, max_length=TITLE)]
    description: str = ""
    application: str
    network: NetworkSpec
    axes: Annotated[list[AxisSpec], Field(min_length=1)]
    training: Training
    measured: dict[str, Any] = {}
    licence: str
    order: int = 0

    def with_measured(self, measured: dict[str, Any]) -> "Manifest":
        """The same with the figures of an evaluation, its maps from positions to α and what ``alpha=auto`` aims at."""
        found = {
            axis: {"even": tuple(figures["position"]["alpha"]), "middle": figures["auto"]["middle"]}
            for axis, figures in measured["axes"].items()
        }
        axes = [axis.model_copy(update=found[axis.id]) for axis in self.axes]
        return self.model_copy(update={"measured": measured, "axes": axes})


@dataclass(frozen=True)
class Package:
    """A model package in memory; ``net`` is float32 on the CPU, in evaluation mode, without gradients."""

    folder: Path
    version: str
    manifest: Manifest
    net: DynamicNet

    @property
    def id(self) -> str:
        """What the package is asked for by: its folder's name."""
        return self.folder.name


def phase_name(axis: str | None, bank: str | None) -> str:
    """What a phase is called: in its checkpoint's name, and before each of its tensors in objectives.safetensors."""
    return "main" if axis is None else f"{axis}.{bank}"


def build(manifest: Manifest) -> DynamicNet:
    """The network a manifest describes, untrained.

    Raises:
        DynamicNetError: ``package-invalid``.
    """
    if manifest.network.name not in NETWORKS:
        raise _invalid(f"unknown network '{manifest.network.name}'; this version has {', '.join(NETWORKS)}")
    try:
        network = NETWORKS[manifest.network.name](**manifest.network.params)
    except (TypeError, ValueError, RuntimeError) as error:  # torch raises the last for sizes it cannot make
        raise _invalid(f"network.params cannot be used ({str(error).splitlines()[0]})") from None
    try:
        return DynamicNet(network, manifest.axes)
    except ValueError as error:
        raise _invalid(str(error)) from None


def read_manifest(folder: Path) -> Manifest:
    """Read and check model.json.

    Raises:
        DynamicNetError: ``package-missing`` or ``package-invalid``, with the one thing to mend first.
    """
    if folder.name.encode(errors="replace").decode() != folder.name:  # it has bytes of another encoding
        raise _invalid("its folder's name is not in UTF-8; rename it", folder)
    try:
        data = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        what = f"model package at '{folder}'" if folder.parent.is_dir() else f"folder '{folder.parent}'"
        raise DynamicNetError("package-missing", f"There is no {what}.", 404) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _invalid(f"{MANIFEST} cannot be read ({reason(error)})", folder) from None
    version = data.get("format") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise _invalid(
            f"format {version} is newer than this version understands ({FORMAT}); upgrade dynamic-net", folder
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(f"{'.'.join(map(str, first['loc'])) or MANIFEST}: {complaint(first)}", folder) from None


def version(folder: Path) -> str:
    """A word that changes when a package does; by its files' sizes and times, as reading them would take long."""
    digest = blake2b(digest_size=8)
    for file in (folder / MANIFEST, folder / TENSORS):
        try:
            about = file.stat()
            digest.update(f"{folder.name} {about.st_size} {about.st_mtime_ns} ".encode("utf-8", "surrogateescape"))
        except OSError:
            digest.update(b"-")
    return digest.hexdigest()


def load(folder: Path) -> Package:
    """Read a package, check its tensors against its manifest, and return it ready to render.

    Raises:
        DynamicNetError: ``package-missing`` or ``package-invalid``.
    """
    before = version(folder)
    manifest = read_manifest(folder)
    try:
        net = build(manifest)
    except DynamicNetError as error:
        raise _invalid(error.message, folder) from None
    tensors = _read_tensors(folder / TENSORS)
    _check_tensors(tensors, net.state_dict(), folder)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    net.eval().requires_grad_(False)
    _check_runs(net, folder)
    return Package(folder, before, manifest, net)


def _read_tensors(file: Path) -> dict[str, Tensor]:
    try:
        return from_bytes(file.read_bytes())  # load_file maps it, and who reads a mapped file that is cut dies
    except (OSError, SafetensorError) as error:
        raise _invalid(f"{file.name} cannot be read ({reason(error)})", file.parent) from None


def _check_tensors(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], folder: Path) -> None:
    missing, extra = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing:
        raise _invalid(f"{TENSORS} lacks {len(missing)} tensors, first '{missing[0]}'", folder)
    if extra:
        raise _invalid(f"{TENSORS} has {len(extra)} tensors too many, first '{extra[0]}'", folder)
    for name, tensor in wanted.items():
        if given[name].shape != tensor.shape:
            raise _invalid(f"'{name}' is {list(given[name].shape)}, the manifest asks for {list(tensor.shape)}", folder)
        if not bool(torch.isfinite(given[name]).all()):
            raise _invalid(f"'{name}' holds values that are not finite", folder)


def _check_runs(net: DynamicNet, folder: Path) -> None:
    """Make one small picture, of odd sides: what a network says of itself need not be so."""
    network = net.network
    height, width = (network.side, network.side) if network.latent else TRIED
    inputs = torch.zeros(1, network.drawn) if network.latent else torch.zeros(1, network.inputs, height, width)
    try:
        with torch.inference_mode():
            made = net(inputs, {axis.id: axis.range[1] or axis.range[0] for axis in net.specs})
    except Exception as error:  # whatever a network of one's own does
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise _invalid(f"the network cannot be run; look at its points and its multiple ({said})", folder) from None
    if made.shape != (1, 3, height, width):
        given = "×".join(map(str, made.shape[1:]))
        raise _invalid(f"the network makes {given}, and a picture is 3×{height}×{width}", folder)


def write(folder: Path, manifest: Manifest, net: DynamicNet, *, half: bool = True) -> None:
    """Write a package; ``half`` stores real numbers that it has room for as float16: enough for every shipped model."""
    _write_tensors(folder / TENSORS, {name: _halved(t) if half else t for name, t in stored(net).items()})
    write_manifest(folder, manifest)


def stored(module: nn.Module) -> dict[str, Tensor]:
    """What a module holds, on the CPU, real numbers as float32; copies, as safetensors writes nothing shared."""
    return {
        name: tensor.detach().to(
            "cpu",
            torch.float32 if tensor.is_floating_point() else tensor.dtype,
            copy=True,
            memory_format=torch.contiguous_format,
        )
        for name, tensor in module.state_dict().items()
    }


def _halved(tensor: Tensor) -> Tensor:
    """In float16, if that has room for it."""
    halved = tensor.half() if tensor.is_floating_point() else tensor
    return halved if bool(torch.isfinite(halved).all()) else tensor


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write model.json alone, when only what is said about the model changes."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    _replace(folder / MANIFEST, text.encode())


def write_objectives(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the tensors of the objectives, float32."""
    _write_tensors(
        folder / OBJECTIVES,
        {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in tensors.items()},
    )


def _write_tensors(file: Path, tensors: dict[str, Tensor]) -> None:
    # safetensors' own files are for their owner alone; a server may be someone else.
    _replace(file, save(tensors))


def _replace(file: Path, data: bytes) -> None:
    with replaced(file) as partial:
        partial.write_bytes(data)


def read_objectives(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of the objectives.

    Raises:
        DynamicNetError: ``objectives-missing`` or ``package-invalid``.
    """
    if not (folder / OBJECTIVES).exists():
        raise DynamicNetError(
            "objectives-missing",
            f"'{folder}' has no {OBJECTIVES}, as packages of styles do that were trained here: it can be used, and "
            "neither be measured nor have an axis added.",
        )
    return _read_tensors(folder / OBJECTIVES)


def find(folder: Path) -> list[Path]:
    """The model packages in a folder, in their order and by name; one that says none, or is damaged, is at 0."""
    packages = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
    return sorted(packages, key=lambda package: (_order(package), package))


def _order(folder: Path) -> int:
    try:
        return int(json.loads((folder / MANIFEST).read_bytes())["order"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0


def _invalid(what: str, folder: Path | None = None) -> DynamicNetError:
    where = f" '{printable(folder.name)}'" if folder else ""
    return DynamicNetError(
        "package-invalid", f"The model package{where} is not valid: {what}." if folder else what, 500
    )
