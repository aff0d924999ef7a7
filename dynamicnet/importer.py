"""Checkpoints released by the paper's authors (github.com/AlonShoshan10/dynamic_net), made into model packages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dynamicnet import package
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.blocks import AxisSpec, Sign
from dynamicnet.package import Manifest, NetworkSpec, Training

KindName = Literal["style", "style-dual", "dcgan"]


@dataclass(frozen=True)
class Kind:
    """One layout of the authors', and what it is here.

    Attributes:
        application: what a person does with it.
        network: the main network with the same architecture.
        axis: its only axis.
        layers: the authors' name of every layer, by ours.
    """

    application: str
    network: str
    axis: AxisSpec
    layers: Mapping[str, str]


_POINTS = ("res2", "res5", "up2")

_STYLE_MAIN = {
    **{f"stem.{i}.0": f"conv{i}.conv2d" for i in (1, 2, 3)},
    **{f"stem.{i}.1": f"in{i}" for i in (1, 2, 3)},
    **{f"res{i}.convs.{j}.0": f"res{i}.conv{j + 1}.conv2d" for i in range(1, 6) for j in (0, 1)},
    **{f"res{i}.convs.{j}.1": f"res{i}.in{j + 1}" for i in range(1, 6) for j in (0, 1)},
    **{f"up{i}.1.0": f"deconv{i}.conv2d" for i in (1, 2)},
    **{f"up{i}.1.1": f"in{i + 3}" for i in (1, 2)},
    "out.0": "deconv3.conv2d",
}


def _style_layers(banks: Mapping[Sign, str]) -> dict[str, str]:
    main = {f"network.stages.{ours}": f"main.{theirs}" for ours, theirs in _STYLE_MAIN.items()}
    blocks = {
        f"axes.alpha.banks.{sign}.{point}.convs.{2 * j}": f"{bank}.tuning_block{i}.conv{j}"
        for sign, bank in banks.items()
        for i, point in enumerate(_POINTS)
        for j in range(3)
    }
    return main | blocks


_DCGAN_STAGES = ("start", "up8", "up16", "up32", "out")

_DCGAN_LAYERS = {
    **{f"network.stages.{stage}.{j}": f"main.layer{i}.{j}" for i, stage in enumerate(_DCGAN_STAGES) for j in (0, 1)},
    **{f"axes.alpha.banks.high.up16.convs.{2 * j}": f"tuning_blocks.tuning_block0.conv{j}" for j in range(3)},
}

KINDS: dict[KindName, Kind] = {
    "style": Kind(
        "style",
        "johnson",
        AxisSpec(id="alpha", title="α", ends=("main objective", "second objective"), blocks=_POINTS),
        _style_layers({"high": "tuning_blocks"}),
    ),
    "style-dual": Kind(
        "style",
        "johnson",
        AxisSpec(
            id="alpha",
            title="α",
            ends=("lower objective", "higher objective"),
            range=(-1.0, 1.0),
            default=0.0,
            blocks=_POINTS,
        ),
        _style_layers({"high": "tuning_blocks_higher", "low": "tuning_blocks_lower"}),
    ),
    # Theirs makes pictures in [−1, 1] of latents (N, 100, 1, 1), ours the same ones in [0, 1] of (N, 100).
    "dcgan": Kind(
        "generation",
        "dcgan",
        AxisSpec(id="alpha", title="α", ends=("main objective", "second objective"), default=0.0, blocks=("up16",)),
        _DCGAN_LAYERS,
    ),
}
"""The layouts that can be imported, as data."""


def import_checkpoint(file: Path, kind: KindName, out: Path, title: str | None = None) -> Manifest:
    """Make a checkpoint of the authors' a model package, in float32, so that it computes what theirs does.

    Args:
        file: the checkpoint (.pth).
        kind: its layout.
        out: the folder of the package; its tensors and manifest are replaced where it exists.
        title: what people read, 1 to 80 characters; the file's name unless given.

    Returns:
        The manifest that was written.

    Raises:
        DynamicNetError: ``checkpoint-missing``, ``checkpoint-unreadable``, ``checkpoint-mismatch`` or
            ``title-invalid``; nothing is written then.
    """
    title = file.stem[:80] if title is None else title
    if not 1 <= len(title) <= 80:
        raise DynamicNetError("title-invalid", f"A title has 1 to 80 characters; got {len(title)}.")
    layout = KINDS[kind]
    manifest = Manifest(
        title=title,
        application=layout.application,
        network=NetworkSpec(name=layout.network),
        axes=[layout.axis],
        training=Training(commands=[], data=f"Imported from {file.name}; how it was trained is not known."),
        licence="That of the checkpoint: github.com/AlonShoshan10/dynamic_net states its own; check it before use.",
    )
    net = package.build(manifest)
    net.load_state_dict(_translate(read_checkpoint(file), layout.layers, net.state_dict(), kind))
    package.write(out, manifest, net, half=False)
    return manifest


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Read a PyTorch checkpoint: tensors by name, on the CPU. No code in it is run.

    A checkpoint that keeps them under ``state_dict`` or ``model``, next to other things, is unwrapped, and so are the
    names of one that DataParallel trained.

    Raises:
        DynamicNetError: ``checkpoint-missing`` or ``checkpoint-unreadable``.
    """
    if not file.is_file():
        raise DynamicNetError("checkpoint-missing", f"There is no file '{file}'.", 404)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # bytes that are not a checkpoint make the reader fail in whatever way they happen to
        raise _unreadable(file, "it is not a PyTorch checkpoint, or holds more than tensors") from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise _unreadable(file, "it holds no tensors by name")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _unreadable(file, f"'{name}' is not a tensor; save the state_dict alone")
        if value.layout != torch.strided or value.device.type != "cpu":
            raise _unreadable(file, f"'{name}' is not stored as plain values")
    wrapped = all(name.startswith("module.") for name in content)
    return {name.removeprefix("module."): value for name, value in content.items()} if wrapped else dict(content)


def _unreadable(file: Path, why: str) -> DynamicNetError:
    return DynamicNetError("checkpoint-unreadable", f"The checkpoint '{file.name}' cannot be read: {why}.")


def _translate(
    given: Mapping[str, Tensor], layers: Mapping[str, str], wanted: Mapping[str, Tensor], kind: KindName
) -> dict[str, Tensor]:
    """The tensors by our names, checked against those the network wants."""
    theirs = {}
    for name in wanted:
        layer, _, leaf = name.rpartition(".")
        theirs[name] = f"{layers[layer]}.{leaf}"
    what = f"The checkpoint is not of the kind '{kind}'"
    missing = [name for name in theirs.values() if name not in given]
    if missing:
        raise DynamicNetError("checkpoint-mismatch", f"{what}: it lacks {len(missing)} tensors, first '{missing[0]}'.")
    extra = sorted(given.keys() - set(theirs.values()))
    if extra:
        raise DynamicNetError(
            "checkpoint-mismatch", f"{what}: it has {len(extra)} tensors too many, first '{extra[0]}'."
        )
    for name, tensor in wanted.items():
        found = given[theirs[name]]
        if found.shape != tensor.shape or found.is_floating_point() != tensor.is_floating_point():
            raise DynamicNetError(
                "checkpoint-mismatch",
                f"{what}: '{theirs[name]}' is {list(found.shape)} of {found.dtype}; it must be {list(tensor.shape)} "
                f"of {tensor.dtype}.",
            )
        if not bool(torch.isfinite(found).all()):
            raise DynamicNetError("checkpoint-mismatch", f"'{theirs[name]}' holds values that are not finite.")
    return {name: given[theirs[name]] for name in wanted}
