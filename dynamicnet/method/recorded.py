"""What a network computes, recorded and then made a strip of rows at a time: large pictures in little memory.

Statistics that are taken of the whole, by instance or group norm, are the reason why a picture cannot be cut into tiles.
So a network is run once on features that are not there (:class:`Recorded`), which costs nothing and leaves a graph of
all that it would have done. Then what a norm measures is made and kept, in order, and everything else is made of it
where it is needed: a strip of rows, and as many beside it as a convolution looks at. The numbers are those of the whole
but for rounding.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.strips import strips

ELEMENTS = 2**22
"""Of a strip of features, about: a piece of work takes no longer than a frame, and stays near the processor."""

Make = Callable[[int, int], Tensor]
"""Rows from one on and up to another, (N, C, rows, W)."""

_aten = torch.ops.aten
_count = itertools.count()


class Node:
    """One step of the graph: features (N, C, H, W), as rows of other nodes make rows of it."""

    def __init__(self, make: Make, parents: Sequence["Node"], like: Tensor, *, light: bool) -> None:
        """Note a step.

        Args:
            make: makes rows of it.
            parents: the nodes that it is made of.
            like: a tensor of its shape and type, without data.
            light: whether it costs little more than its parents do.
        """
        self.order = next(_count)
        self.make, self.parents, self.shape, self.dtype = make, tuple(parents), like.shape, like.dtype
        self.uses = 0
        self.kept: Tensor | None = None
        self.moments: tuple[Tensor, Tensor] | None = None  # sums of it and of its squares, by channel
        self.measured = False
        for parent in parents:
            parent.uses += 1
        # What it all comes down to, once what is kept is there: little work on a single map is done again, not kept.
        self.roots = {root for parent in parents for root in parent.roots} if parents else {self}
        self.light = light and all(parent.light for parent in parents)

    @property
    def is_kept(self) -> bool:
        """Whether the whole of it is to be in memory."""
        return self.measured or (self.uses > 1 and not (self.light and len(self.roots) < 2))

    def rows(self, top: int, bottom: int) -> Tensor:
        """Some rows of it."""
        return self.make(top, bottom) if self.kept is None else self.kept[:, :, top:bottom]

    def keep(self, device: torch.device) -> Pieces[None]:
        """Make all of it, and take its moments if they are wanted; let go of what it was made of."""
        count, channels, height, width = self.shape
        kept = torch.empty(self.shape, dtype=self.dtype, device=device, memory_format=torch.channels_last)
        sums = torch.zeros(2, count, channels, dtype=torch.float64, device=device)
        for rows in strips((height, width), ELEMENTS // channels):
            yield
            part = self.make(rows.start, rows.stop)
            kept[:, :, rows] = part
            if self.measured:
                flat = part.float().permute(0, 2, 3, 1).reshape(count, -1, channels)
                sums += torch.stack([flat.sum(1), flat.square().sum(1)])
        self.kept, self.moments = kept, (sums[0], sums[1])
        self.parents, self.make = (), _gone


def _gone(top: int, bottom: int) -> Tensor:
    raise AssertionError


class Recorded(Tensor):
    """Features without data, which remember what they would be made of. Of a single kind of operations: see _STEPS."""

    node: Node

    @staticmethod
    def __new__(cls, node: Node, like: Tensor, device: torch.device) -> "Recorded":
        """Features of a node."""
        made: Recorded = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, like.shape, strides=like.stride(), dtype=like.dtype, device=device
        )
        made.node = node
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Record an operation.

        Raises:
            NotImplementedError: it is none of those known here.
        """
        kwargs = kwargs or {}
        given: Recorded = next(one for one in args if isinstance(one, Recorded))
        if func in _SAME:
            return given
        if func is _aten.expand.default and tuple(args[1]) == tuple(given.shape):
            return given
        if func is _aten.split_with_sizes.default and list(args[1]) == [given.shape[0]]:
            return (given,)
        if func is _aten.chunk.default and args[2] == 1:
            step = -(-given.shape[1] // args[1])
            return tuple(
                given[:, start : start + step]  # which is recorded as a slice
                for start in range(0, given.shape[1], step)
            )
        step_of = _STEPS.get(func)
        if step_of is None:
            raise NotImplementedError(str(func))
        like = func(*(_without_data(one) for one in args), **kwargs)
        make, light = step_of(func, like, *args, **kwargs)
        parents = [one.node for one in args if isinstance(one, Recorded)]
        return cls(Node(make, parents, like, light=light), like, given.device)


def begin(make: Make, size: tuple[int, int], device: torch.device) -> Recorded:
    """A picture (1, 3, H, W), float32, some rows of which can be had at any time."""
    like = torch.empty(1, 3, *size, device="meta").to(memory_format=torch.channels_last)
    return Recorded(Node(make, (), like, light=True), like, device)


def ready(recorded: Tensor) -> Pieces[Make]:
    """Make all that has to be kept before rows of what was recorded can be made; ends with what makes them."""
    assert isinstance(recorded, Recorded)
    device, out = recorded.device, recorded.node
    del recorded
    pending = sorted(_before(out), key=lambda node: node.order)[::-1]
    while pending:
        node = pending.pop()  # so that nothing is held here that is let go of elsewhere
        if node.is_kept and node is not out:
            yield from node.keep(device)
        del node
    return out.rows


def _before(out: Node) -> set[Node]:
    found, left = {out}, [out]
    while left:
        new = set(left.pop().parents) - found
        found |= new
        left += new
    return found


def _without_data(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Recorded):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return value.to("meta") if isinstance(value, Tensor) else value


# How each operation makes rows of those of its arguments: (make, light).

Step = tuple[Make, bool]


def _each_by_itself(func: Any, like: Tensor, *args: Any, **kwargs: Any) -> Step:  # noqa: ANN401
    height = like.shape[2]

    def rows(value: Any, top: int, bottom: int) -> Any:  # noqa: ANN401
        if isinstance(value, Recorded):
            return value.node.rows(top, bottom)
        if isinstance(value, Tensor) and value.dim() > 2 and value.shape[-2] == height:
            return value[..., top:bottom, :]
        return value

    values = [one.node if isinstance(one, Recorded) else one for one in args]
    del args

    def make(top: int, bottom: int) -> Tensor:
        return func(  # type: ignore[no-any-return]
            *(one.rows(top, bottom) if isinstance(one, Node) else rows(one, top, bottom) for one in values), **kwargs
        )

    return make, True


def _pad(
    func: Any,  # noqa: ANN401
    like: Tensor,
    x: Recorded,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Step:
    if mode != "reflect" or len(pad) != 4:
        raise NotImplementedError(f"padding by {mode}")
    node, (left, right, above, _) = x.node, pad
    height = x.shape[2]

    def make(top: int, bottom: int) -> Tensor:
        low, high = top - above, bottom - above
        over, under = max(0, -low), max(0, high - height)
        first = max(0, min(low, height - under - 1))  # what is reflected has to be there
        last = min(height, max(high, over + 1))
        padded = F.pad(node.rows(first, last), (left, right, over, under), mode="reflect")
        begin = low + over - first
        return padded[:, :, begin : begin + bottom - top]

    return make, True


def _conv2d(
    func: Any,  # noqa: ANN401
    like: Tensor,
    x: Recorded,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Any = 0,  # noqa: ANN401
    dilation: Any = 1,  # noqa: ANN401
    groups: int = 1,
) -> Step:
    if any(torch.tensor(padding).flatten() != 0) or any(torch.tensor(dilation).flatten() != 1):
        raise NotImplementedError("a convolution that pads or is dilated")
    node, kernel, step = x.node, weight.shape[2], stride[0]

    def make(top: int, bottom: int) -> Tensor:
        return F.conv2d(node.rows(top * step, (bottom - 1) * step + kernel), weight, bias, stride, groups=groups)

    return make, False


def _group_norm(
    func: Any,  # noqa: ANN401
    like: Tensor,
    x: Recorded,
    groups: int,
    weight: Tensor,
    bias: Tensor,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Step:
    node = x.node
    node.measured = True
    positions = x.shape[2] * x.shape[3] * (x.shape[1] // groups)
    found: list[tuple[Tensor, Tensor]] = []

    def measure() -> tuple[Tensor, Tensor]:
        assert node.moments
        sums, squares = (one.unflatten(1, (groups, -1)).sum(2, keepdim=True) / positions for one in node.moments)
        scale = torch.rsqrt(squares - sums.square() + eps) * weight.double().view(1, groups, -1)
        shift = bias.double().view(1, groups, -1) - sums * scale
        return tuple(one.flatten(1)[..., None, None].float() for one in (scale, shift))  # type: ignore[return-value]

    def make(top: int, bottom: int) -> Tensor:
        if not found:
            found.append(measure())
        ((scale, shift),) = found
        return torch.addcmul(shift, node.rows(top, bottom).float(), scale).to(like.dtype)

    return make, True


def _pixel_unshuffle(func: Any, like: Tensor, x: Recorded, factor: int) -> Step:  # noqa: ANN401
    node = x.node
    return lambda top, bottom: F.pixel_unshuffle(node.rows(top * factor, bottom * factor), factor), True


def _upsample(func: Any, like: Tensor, x: Recorded, *args: Any) -> Step:  # noqa: ANN401
    """By a whole number, so that a part of what is interpolated is the same as of the whole."""
    node, height = x.node, x.shape[2]
    factor, rest = divmod(like.shape[2], height)
    if rest or like.shape[3] != factor * x.shape[3]:
        raise NotImplementedError("interpolation by a fraction")
    how = "nearest" if func is _aten.upsample_nearest2d.vec else "bilinear"

    def make(top: int, bottom: int) -> Tensor:
        first = max(0, (2 * top + 1 - factor) // (2 * factor))
        last = min(height, (2 * bottom - 1 - factor) // (2 * factor) + 2)
        part = F.interpolate(node.rows(first, last), scale_factor=float(factor), mode=how)
        return part[:, :, top - first * factor : bottom - first * factor]

    return make, True


def _slice(
    func: Any,  # noqa: ANN401
    like: Tensor,
    x: Recorded,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Step:
    node, begin = x.node, start or 0
    if step != 1 or begin < 0:
        raise NotImplementedError("a slice of every so manyth")
    if dim == 2:
        return lambda top, bottom: node.rows(top + begin, bottom + begin), True
    length = like.shape[dim]
    return lambda top, bottom: node.rows(top, bottom).narrow(dim, begin, length), True


_SAME = {_aten.contiguous.default, _aten.alias.default, _aten.detach.default}
"""What changes nothing but how features lie in memory; here they are always channels-last."""

_STEPS: dict[Any, Callable[..., Step]] = {
    **dict.fromkeys(
        (
            *(_aten.relu.default, _aten.leaky_relu.default, _aten.addcmul.default, _aten.to.dtype),
            *(each.Tensor for each in (_aten.add, _aten.sub, _aten.mul, _aten.div)),
        ),
        _each_by_itself,
    ),
    _aten.pad.default: _pad,
    _aten.conv2d.default: _conv2d,
    _aten.group_norm.default: _group_norm,
    _aten.pixel_unshuffle.default: _pixel_unshuffle,
    _aten.upsample_bilinear2d.vec: _upsample,
    _aten.upsample_nearest2d.vec: _upsample,
    _aten.slice.Tensor: _slice,
}
