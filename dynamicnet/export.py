"""A model package as two ONNX files, prepare.onnx and render.onnx, for engines other than PyTorch.

What one returns the other takes, by the same names; α is an input of the second. Needs the extra ``export``.
docs/export.md says how they are used.
"""

import json
import math
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet import __version__
from dynamicnet.applications import DETAIL
from dynamicnet.errors import DynamicNetError, reason
from dynamicnet.files.replaced import replaced
from dynamicnet.method.blocks import Axis
from dynamicnet.method.dynamic import DynamicNet, Residuals
from dynamicnet.method.pieces import finish
from dynamicnet.model import Model
from dynamicnet.networks.layers import Norm

if TYPE_CHECKING:
    from onnx import ModelProto

FORMAT = 1
METADATA = "dynamic-net"
"""The key under which each file says, in JSON, what there is to be known of the model."""

OPSET = 18  # the first with bitwise operators, which noise by position is made of
FEW = 256  # numbers, of which float16 would save nothing


class _Prepare(nn.Module):
    """Everything that does not depend on α, as tensors in a fixed order."""

    def __init__(self, net: DynamicNet) -> None:
        super().__init__()
        self.net = net
        self.names: list[str] = []

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs to what there is of :class:`Prepared`, and their size."""
        # Gated networks lay what they paint over a picture as it is given, whatever was padded to be looked at.
        prepared = self.net.prepare(inputs, inputs if self.net.network.gated else None)
        named = {"z": prepared.z, **{f"psi.{axis}.{sign}": psi for (axis, sign), psi in prepared.residuals.items()}}
        named |= {f"seen.{stage}": seen for stage, seen in prepared.seen.items()}
        if self.net.network.gated:
            named["picture"] = named.pop(f"seen.{_last(self.net)}")
        if prepared.size is not None:
            named["size"] = torch._shape_as_tensor(inputs)[2:]
        self.names = list(named)
        return tuple(named.values())


class _Render(nn.Module):
    """Everything that does, from what ``_Prepare`` makes and α of each axis."""

    def __init__(self, net: DynamicNet, names: Sequence[str]) -> None:
        super().__init__()
        self.net = net
        self.names = names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Features and α to pictures of the inputs' size, in [0, 1]."""
        net = self.net
        given = dict(zip(self.names, tensors, strict=True))
        size = given.get("size")
        seen = {name.removeprefix("seen."): tensor for name, tensor in given.items() if name.startswith("seen.")}
        residuals: Residuals = {
            (axis.spec.id, sign): given[f"psi.{axis.spec.id}.{sign}"]
            for axis in net._axes()
            for sign in axis.spec.signs
            if f"psi.{axis.spec.id}.{sign}" in given
        }
        alphas = {axis.spec.id: self._everywhere(given[f"alpha.{axis.spec.id}"], axis, size) for axis in net._axes()}
        if size is not None and "picture" in given:
            seen[_last(net)] = self._padded(given["picture"], size)
            size = torch._shape_as_tensor(given["picture"])[2:]
        stages = list(net.network.stages)
        z = finish(net._tune(given["z"], net.first_point, alphas, residuals))
        for name in stages[stages.index(net.first_point) + 1 :]:
            z = finish(net._tune(net.network.run(name, z, seen.get(name)), name, alphas))
        return (z if size is None else z[..., : size[0], : size[1]]).clamp(0, 1)

    def _everywhere(self, alpha: Tensor, axis: Axis, size: Tensor | None) -> Tensor:
        """α at every insertion point and, of pictures, pixel, whatever it varies along."""
        points = len(axis.spec.blocks)
        if size is None:
            return alpha.expand(-1, points, 1, 1)
        return self.net._pad(alpha.expand(-1, points, size[0], size[1]))  # type: ignore[call-overload]  # traced

    def _padded(self, picture: Tensor, size: Tensor) -> Tensor:
        """A picture as far beyond its borders as one of the size that was looked at was padded, in proportion."""
        right, bottom = (
            side * (small + -small % self.net.network.multiple) // small - side
            for side, small in ((picture.shape[3], size[1]), (picture.shape[2], size[0]))
        )
        return F.pad(picture, (0, right, 0, bottom))  # type: ignore[arg-type]  # traced


class _InstanceNorm(nn.Module):
    """What a :class:`Norm` of a group for each channel is: for engines, one operator in place of several."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return F.instance_norm(x, weight=self.norm.weight, bias=self.norm.bias, eps=self.norm.eps)


def _last(net: DynamicNet) -> str:
    return list(net.network.stages)[-1]


def export(folder: Path, to: Path) -> list[Path]:
    """Write a package as prepare.onnx and render.onnx.

    Args:
        folder: the package.
        to: where they go; made where it does not exist, and files of these names are replaced.

    Returns:
        The files.

    Raises:
        DynamicNetError: ``export-unavailable``, ``output-refused``, ``package-missing`` or ``package-invalid``.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise DynamicNetError(
            "export-unavailable",
            "Exporting needs one more package; install it with pip install --editable '.[export]'.",
        ) from None
    try:
        to.mkdir(parents=True, exist_ok=True)
        made = []
        for name, graph in _graphs(Model.load(folder, "cpu")).items():
            with replaced(to / f"{name}.onnx") as partial:
                partial.write_bytes(graph.SerializeToString())
            made.append(to / f"{name}.onnx")
        return made
    except OSError as error:
        raise DynamicNetError("output-refused", f"Cannot write to '{to}': {reason(error)}.") from None


def _graphs(model: Model) -> dict[str, "ModelProto"]:
    net = model.net
    _replace_norms(net)
    # Two pictures, of a size that has to be padded: what holds for the example alone would be taken for the rule.
    sides = () if net.network.latent else tuple(side * net.network.multiple + side for side in (5, 7))
    inputs = torch.rand(2, net.network.drawn or net.network.inputs, *sides)
    prepare = _Prepare(net)
    with torch.inference_mode():
        made = prepare(inputs)
    prepared = dict(zip(prepare.names, made, strict=True))
    given = dict(prepared)
    if "picture" in given:
        given["picture"] = torch.rand(2, 3, 99, 98)  # larger than it was looked at
    for axis in net._axes():
        shape = (2, len(axis.spec.blocks), *(sides or (1, 1)))
        # From end to end, so that no bank is passed over.
        given[f"alpha.{axis.spec.id}"] = torch.linspace(*axis.spec.range, math.prod(shape)).view(shape)
    render = _Render(net, list(given))
    metadata = json.dumps(_described(model), ensure_ascii=False)
    return {
        "prepare": _graph(prepare, {"inputs": inputs}, prepared, metadata),
        "render": _graph(render, given, {"output": inputs.new_empty(2, 3, 1, 1)}, metadata),
    }


def _replace_norms(net: nn.Module) -> None:
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, Norm) and child.num_groups == child.num_channels:
                setattr(module, name, _InstanceNorm(child))


def _described(model: Model) -> dict[str, object]:
    """What there is to be known of a model, for who has the two files alone."""
    manifest, network = model.manifest, model.net.network
    return {
        "format": FORMAT,
        "dynamic-net": __version__,
        "id": model.id,
        **manifest.model_dump(mode="json", include={"title", "description", "application", "licence"}),
        "axes": [axis.model_dump(mode="json", exclude={"guess", "middle", "norm"}) for axis in manifest.axes],
        "inputs": model.application.inputs,
        "output": "RGB of sRGB, NCHW, from 0 to 1",
        "multiple": network.multiple,
        **({"detail": DETAIL} if network.gated else {}),
    }


def _graph(module: nn.Module, given: dict[str, Tensor], returned: dict[str, Tensor], metadata: str) -> "ModelProto":
    """What a module does, as ONNX, with every dimension free that an example leaves open."""
    import onnx

    file = BytesIO()
    free = {name: _free(name, tensor.dim()) for name, tensor in (given | returned).items()}
    torch.onnx.register_custom_op_symbolic("aten::__xor_", _xor, OPSET)  # type: ignore[attr-defined]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every choice that does not depend on sizes or on α
        # The tracer: torch.export takes ten times as long, and holds that α of one number never meets a map.
        torch.onnx.export(
            module.eval(),
            tuple(given.values()),
            file,  # type: ignore[arg-type]  # the tracer takes one
            dynamo=False,
            opset_version=OPSET,
            input_names=list(given),
            output_names=list(returned),
            dynamic_axes=free,
        )
    graph = onnx.load_model_from_string(file.getvalue())
    for value in (*graph.graph.input, *graph.graph.output):
        shape: list[int | str] = list((given | returned)[value.name].shape)
        for i, name in free[value.name].items():
            shape[i] = name
        kind = value.type.tensor_type.elem_type
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, shape))
    onnx.helper.set_model_props(graph, {METADATA: metadata})
    _halve(graph)
    onnx.checker.check_model(graph)
    return graph


def _xor(g: Any, a: Any, b: Any) -> Any:  # noqa: ANN401  # the tracer's own types
    """Of whole numbers, for which PyTorch writes every bitwise operator but this."""
    return g.op("BitwiseXor", a, b).setType(a.type())


def _free(name: str, dimensions: int) -> dict[int, str]:
    """Which dimensions of a tensor are free, and what they are called."""
    free = {1: (), 2: (0,), 4: (0, 1, 2, 3) if name.startswith("alpha.") else (0, 2, 3)}[dimensions]
    return {i: f"{name}.{('pictures', 'points', 'height', 'width')[i]}" for i in free}


def _halve(model: "ModelProto") -> None:
    """Store weights in float16 that are the same in it, as those of packages are, and cast them."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or weights.size < FEW:
            continue
        with np.errstate(over="ignore"):
            halves = weights.astype(np.float16)
        if (halves.astype(np.float32) == weights).all():
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}.half"))
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
