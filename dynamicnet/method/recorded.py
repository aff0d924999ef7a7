"""What a network computes, recorded and then made a strip of rows at a time: large pictures in little memory.

Statistics that are taken of the whole, by instance or group norm, are why a picture cannot be cut into tiles. So a
network is run once on features that are not there (:class:`Recorded`), which costs nothing and leaves a graph of all
that it would have done. Then whatever a norm measures is made, in order, a strip of rows at a time, and kept if it is
dear. In the end the picture is made of what was kept, likewise. The numbers are those of the whole but for rounding.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.strips import strips

ELEMENTS = 2**19
"""Of a strip of features, about: a piece of work takes no longer than a frame, and stays near the processor."""

CHEAP = 300
"""Products that an element may take to be made again: what takes more, and is needed again, is kept."""

Make = Callable[[int, int], Tensor]
"""Rows from one on and up to another, (N, C, rows, W)."""

_aten = torch.ops.aten
_count = itertools.count()


class Like(NamedTuple):
    """What features are like. PyTorch's meta tensors would tell, but the first costs seconds and 70 MB of imports."""

    shape: torch.Size
    dtype: torch.dtype


class Node:
    """One step of the graph: features (N, C, H, W), as rows of other nodes make rows of it."""

    def __init__(self, make: Make, parents: Sequence["Node"], like: "Like", products: int) -> None:
        """Note a step.

        Args:
            make: makes rows of it.
            parents: the nodes that it is made of.
            like: its shape and type.
            products: how many it takes to make an element of it from them.
        """
        self.order = next(_count)
        self.make, self.parents, self.shape, self.dtype = make, tuple(parents), like.shape, like.dtype
        self._products = products
        self.dear = 0.0  # products that an element takes, from what is kept; and what that is
        self.roots = {self.order}  # by number: what is let go of must be referred to by nothing
        self._widest = 0.0  # elements of a row, of the largest of what such a row is made of
        self.uses = 0
        self.measured = False
        self.moments: tuple[Tensor, Tensor] | None = None  # sums of it and of its squares, by channel
        self.kept: Tensor | None = None
        self._last: tuple[tuple[int, int], Tensor] | None = None
        for parent in parents:
            parent.uses += 1

    def rows(self, top: int, bottom: int) -> Tensor:
        """Some rows of it."""
        if self.kept is not None:
            return self.kept[:, :, top:bottom]
        if self._last is None or self._last[0] != (top, bottom):
            made = self.make(top, bottom)
            if self.uses < 2:
                return made
            self._last = (top, bottom), made
        return self._last[1]

    def strips(self) -> Iterator[slice]:
        """Its rows, so many at a time as are made at once."""
        return strips((self.shape[2], round(self._widest)), ELEMENTS)

    def settle(self, device: torch.device) -> Pieces[None]:
        """Take its moments, if a norm wants them, and keep all of it, if it would be dear to be made again.

        What it was made of is let go of then. All that came before it is settled.
        """
        elements = self.shape.numel()
        self.dear = self._products + sum(one.dear * one.shape.numel() / elements for one in self.parents)
        self.roots = {root for parent in self.parents for root in parent.roots} or {self.order}
        widths = [one._widest * one.shape[2] / self.shape[2] for one in self.parents if one.kept is None]
        self._widest = max(float(self.shape[1] * self.shape[3]), *widths, 0.0)
        again = self.measured or self.uses > 1
        keep = (again and self.dear > CHEAP) or (self.uses > 1 and len(self.roots) > 1)
        if not (keep or self.measured):
            return
        count, channels = self.shape[:2]
        kept: Tensor | None = None
        if keep:
            kept = torch.empty(self.shape, dtype=self.dtype, device=device, memory_format=torch.channels_last)
        sums = torch.zeros(2, count, channels, dtype=torch.float64, device=device)
        for rows in self.strips():
            yield
            part = self.make(rows.start, rows.stop)
            if kept is not None:
                kept[:, :, rows] = part
            if self.measured:
                flat = part.float().permute(0, 2, 3, 1).reshape(count, -1, channels)
                sums += torch.stack([flat.sum(1), flat.square().sum(1)])
        self.moments = sums[0], sums[1]
        if kept is not None:
            self.kept, self.dear, self.roots = kept, 0.0, {self.order}
            self._last, self.parents, self.make = None, (), _gone


def _gone(top: int, bottom: int) -> Tensor:
    raise AssertionError


class Recorded(Tensor):
    """Features without data, which remember what they would be made of. Of a single kind of operations: see _STEPS."""

    node: Node

    @classmethod
    def of(cls, node: Node, device: torch.device) -> "Recorded":
        """Features of a node."""
        made: Recorded = Tensor._make_wrapper_subclass(cls, node.shape, dtype=node.dtype, device=device)
        made.node = node
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's stubs lack func
        cls,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: Any = (),  # noqa: ANN401
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Record an operation.

        Raises:
            NotImplementedError: it is none of those known here.
        """
        kwargs = kwargs or {}
        if func in _IN_PLACE and isinstance(args[0], Recorded):
            args[0].node = _IN_PLACE[func](*args, **kwargs).node
            return args[0]
        features = [
            one for arg in args for one in (arg if isinstance(arg, list) else [arg]) if isinstance(one, Recorded)
        ]
        given = features[0]
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
        make, like, products = step_of(func, *args, **kwargs)
        return cls.of(Node(make, [one.node for one in features], like, products), given.device)


def begin(make: Make, shape: torch.Size, device: torch.device) -> Recorded:
    """Pictures (N, C, H, W), float32, rows of which can be had at any time."""
    return Recorded.of(Node(make, (), Like(shape, torch.float32), 0), device)


def by_position(z: Tensor, change: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Features, changed by what depends on where they are; recorded, if they are.

    Args:
        z: features, (N, C, H, W).
        change: changes rows of them, (N, C, rows, W), the first of which has this number; shape and type stay.
    """
    if not isinstance(z, Recorded):
        return change(z, 0)
    node, like = z.node, Like(z.shape, z.dtype)
    return Recorded.of(Node(lambda top, bottom: change(node.rows(top, bottom), top), [node], like, 0), z.device)


def within(z: Tensor, step: Callable[[Tensor], Tensor], beyond: int, times: int) -> Tensor:
    """Features, changed by a step that sees so many rows beyond those that it makes; recorded, if they are.

    Args:
        z: features, (N, C, H, W).
        step: makes (N, C, times·rows, times·W) of rows of them.
        beyond: how many it sees.
        times: how much larger it makes them.
    """
    if not isinstance(z, Recorded):
        return step(z)
    node, (count, channels, height, width) = z.node, z.shape

    def make(top: int, bottom: int) -> Tensor:
        first = max(0, top // times - beyond)
        made = step(node.rows(first, min(height, -(-bottom // times) + beyond)))
        return made[:, :, top - times * first : bottom - times * first]

    like = Like(torch.Size((count, channels, times * height, times * width)), z.dtype)
    return Recorded.of(Node(make, [node], like, 0), z.device)


def ready(recorded: Tensor) -> Pieces[Node]:
    """Make all that has to be kept before rows of what was recorded can be made; ends with the node that makes them."""
    assert isinstance(recorded, Recorded)
    device, out = recorded.device, recorded.node
    del recorded
    pending = sorted(_before(out), key=lambda node: node.order)[::-1]
    while pending:
        yield from pending.pop().settle(device)  # of which nothing is held here
    return out


def _before(out: Node) -> set[Node]:
    found, left = {out}, [out]
    while left:
        new = set(left.pop().parents) - found
        found |= new
        left += new
    return found


# How each operation makes rows of those of its arguments, what they are like, and how many products an element takes.

Step = tuple[Make, Like, int]


def _each_by_itself(func: Any, *args: Any, **kwargs: Any) -> Step:  # noqa: ANN401
    tensors = [one for one in args if isinstance(one, Tensor)]
    shape = torch.broadcast_shapes(*(one.shape for one in tensors))  # type: ignore[no-untyped-call]
    dtype = reduce(torch.promote_types, (one.dtype for one in tensors if one.dim()))
    height = shape[2]
    values = [one.node if isinstance(one, Recorded) else one for one in args]

    def part(value: Any, top: int, bottom: int) -> Any:  # noqa: ANN401
        if isinstance(value, Node):
            return value.rows(top, bottom)
        if isinstance(value, Tensor) and value.dim() > 1 and value.shape[-2] == height:
            return value[..., top:bottom, :]
        return value

    return lambda top, bottom: func(*(part(one, top, bottom) for one in values), **kwargs), Like(shape, dtype), 0


def _to(func: Any, x: Recorded, dtype: torch.dtype) -> Step:  # noqa: ANN401
    node = x.node
    return lambda top, bottom: node.rows(top, bottom).to(dtype), Like(x.shape, dtype), 0


def _pad(
    func: Any,  # noqa: ANN401
    x: Recorded,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Step:
    if mode != "reflect" or len(pad) != 4:
        raise NotImplementedError(f"padding by {mode}")
    node, (left, right, above, below) = x.node, pad
    count, channels, height, width = x.shape

    def make(top: int, bottom: int) -> Tensor:
        low, high = top - above, bottom - above
        over, under = max(0, -low), max(0, high - height)
        first = max(0, min(low, height - under - 1))  # what is reflected has to be there
        last = min(height, max(high, over + 1))
        padded = F.pad(node.rows(first, last), (left, right, over, under), mode="reflect")
        begin = low + over - first
        return padded[:, :, begin : begin + bottom - top]

    return make, _of(x, count, channels, above + height + below, left + width + right), 0


def _conv2d(
    func: Any,  # noqa: ANN401
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
    node, (kernel, across), step = x.node, weight.shape[2:], stride[0]

    def make(top: int, bottom: int) -> Tensor:
        return F.conv2d(node.rows(top * step, (bottom - 1) * step + kernel), weight, bias, stride, groups=groups)

    height, width = (x.shape[2] - kernel) // step + 1, (x.shape[3] - across) // stride[1] + 1
    return make, _of(x, x.shape[0], len(weight), height, width), weight[0].numel()


def _group_norm(
    func: Any,  # noqa: ANN401
    x: Recorded,
    groups: int,
    weight: Tensor,
    bias: Tensor,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Step:
    node = x.node
    node.measured = True
    count, positions = x.shape[0], x.shape[2] * x.shape[3] * (x.shape[1] // groups)
    found: list[tuple[Tensor, Tensor]] = []

    def measure() -> tuple[Tensor, Tensor]:
        assert node.moments
        sums, squares = (one.view(count, groups, -1).sum(2, keepdim=True) / positions for one in node.moments)
        scale = torch.rsqrt(squares - sums.square() + eps) * weight.double().view(1, groups, -1)
        shift = bias.double().view(1, groups, -1) - sums * scale
        return tuple(one.flatten(1)[..., None, None].float() for one in (scale, shift))  # type: ignore[return-value]

    def make(top: int, bottom: int) -> Tensor:
        if not found:
            found.append(measure())
        ((scale, shift),) = found
        return torch.addcmul(shift, node.rows(top, bottom).float(), scale).to(node.dtype)

    return make, _of(x, *x.shape), 0


def _pixel_unshuffle(func: Any, x: Recorded, factor: int) -> Step:  # noqa: ANN401
    node, (count, channels, height, width) = x.node, x.shape
    like = _of(x, count, channels * factor**2, height // factor, width // factor)
    return lambda top, bottom: F.pixel_unshuffle(node.rows(top * factor, bottom * factor), factor), like, 0


def _upsample(func: Any, x: Recorded, size: Sequence[int] | None, *args: Any) -> Step:  # noqa: ANN401
    """By a whole number, so that a part of what is interpolated is the same as of the whole."""
    node, (count, channels, height, width) = x.node, x.shape
    tall, wide = size or (int(side * scale) for side, scale in zip((height, width), args[-1], strict=True))
    factor, rest = divmod(tall, height)
    if rest or wide != factor * width:
        raise NotImplementedError("interpolation by a fraction")
    how = "nearest" if func is _aten.upsample_nearest2d.vec else "bilinear"

    def make(top: int, bottom: int) -> Tensor:
        first = max(0, (2 * top + 1 - factor) // (2 * factor))
        last = min(height, (2 * bottom - 1 - factor) // (2 * factor) + 2)
        part = F.interpolate(node.rows(first, last), scale_factor=float(factor), mode=how)
        return part[:, :, top - first * factor : bottom - first * factor]

    return make, _of(x, count, channels, tall, wide), 0


def _slice(
    func: Any,  # noqa: ANN401
    x: Recorded,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Step:
    node, begin = x.node, start or 0
    if step != 1 or begin < 0:
        raise NotImplementedError("a slice of every so manyth")
    shape = list(x.shape)
    shape[dim] = length = len(range(shape[dim])[begin:end])
    like = _of(x, *shape)
    if dim == 2:
        return lambda top, bottom: node.rows(top + begin, bottom + begin), like, 0
    return lambda top, bottom: node.rows(top, bottom).narrow(dim, begin, length), like, 0


def _cat(func: Any, features: Sequence[Recorded], dim: int = 0) -> Step:  # noqa: ANN401
    if dim != 1 or not all(isinstance(one, Recorded) for one in features):
        raise NotImplementedError("what is not channels beside channels")
    nodes = [one.node for one in features]
    count, _, height, width = features[0].shape
    dtype = reduce(torch.promote_types, (node.dtype for node in nodes))
    like = Like(torch.Size((count, sum(node.shape[1] for node in nodes), height, width)), dtype)
    return lambda top, bottom: torch.cat([node.rows(top, bottom) for node in nodes], 1), like, 0


def _of(x: Recorded, *shape: int) -> Like:
    return Like(torch.Size(shape), x.dtype)


_IN_PLACE = {_aten.relu_.default: _aten.relu.default, _aten.add_.Tensor: _aten.add.Tensor}
"""What overwrites features, and what makes the same anew."""

_SAME = {_aten.contiguous.default, _aten.alias.default, _aten.detach.default}
"""What changes nothing but how features lie in memory; here they are always channels-last."""

_STEPS: dict[Any, Callable[..., Step]] = {
    **dict.fromkeys(
        (
            *(_aten.relu.default, _aten.leaky_relu.default, _aten.addcmul.default),
            *(each.Tensor for each in (_aten.add, _aten.sub, _aten.mul, _aten.div)),
        ),
        _each_by_itself,
    ),
    _aten.to.dtype: _to,
    _aten.pad.default: _pad,
    _aten.cat.default: _cat,
    _aten.conv2d.default: _conv2d,
    _aten.group_norm.default: _group_norm,
    _aten.pixel_unshuffle.default: _pixel_unshuffle,
    _aten.upsample_bilinear2d.vec: _upsample,
    _aten.upsample_nearest2d.vec: _upsample,
    _aten.slice.Tensor: _slice,
}
