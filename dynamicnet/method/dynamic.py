"""DynamicNet: a main network and the axes it has been given (paper section 3)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from dynamicnet.method.alpha import AlphaLike, Alphas, resolve
from dynamicnet.method.blocks import BEYOND, Axis, AxisSpec, Sign, strength
from dynamicnet.method.guess import Guess
from dynamicnet.method.pieces import Pieces, each_within, finish
from dynamicnet.method.strips import by_rows
from dynamicnet.networks.base import MainNetwork

Residuals = dict[tuple[str, Sign], Tensor]
"""ψ(z) at one insertion point, by axis id and bank."""


@dataclass(frozen=True)
class Prepared:
    """Everything about a batch of inputs that does not depend on α.

    Attributes:
        z: features at the first insertion point, untuned.
        residuals: ψ(z) there, for every bank that has a block there.
        seen: what the stages after it make of the inputs alone, for those that look at them.
        size: (H, W) of the pictures before padding, and of α that is given per pixel; None for inputs that are not
            pictures.
        full: (H, W) of what comes out, where that is larger.
        over: whether what comes out is what a gated network paints, its last stage left out: the caller lays that over
            a picture (:func:`dynamicnet.networks.layers.laid_over`).
    """

    z: Tensor
    residuals: Residuals
    seen: dict[str, Tensor]
    size: tuple[int, int] | None
    full: tuple[int, int] | None = None
    over: bool = False

    @property
    def count(self) -> int:
        """How many inputs the batch holds."""
        return self.z.shape[0]

    @property
    def bytes(self) -> int:
        """How much memory its tensors take."""
        return sum(tensor.nbytes for tensor in (self.z, *self.residuals.values(), *self.seen.values()))


class DynamicNet(nn.Module):
    """ẑ = z + Σ α·ψ(z) over the axes, at every insertion point (paper equation 1).

    ``prepare`` once, ``render`` for every α. With every α at 0, ``render`` runs no tuning-block and the result
    is bit for bit the main network's.
    """

    def __init__(self, network: MainNetwork, axes: Iterable[AxisSpec] = ()) -> None:
        """Give a main network axes.

        Args:
            network: θ, trained or to be trained.
            axes: the axes, with ids that differ.

        Raises:
            ValueError: two axes share an id, or an axis names an insertion point the network lacks; or one of the
                network's is no stage.
        """
        super().__init__()
        self.network = network
        for module in network.modules():
            if getattr(module, "inplace", False):  # of what is prepared, many α are made
                module.inplace = False  # type: ignore[assignment]
        self.axes = nn.ModuleDict()
        self.guesses = nn.ModuleDict()
        for spec in axes:
            self.add_axis(spec)
        for spec in self.specs:
            if spec.guess:
                self.guesses[spec.id] = Guess()

    def add_axis(self, spec: AxisSpec) -> Axis:
        """Give the network one more axis, its tuning-blocks untrained; θ is not touched."""
        if spec.id in self.axes:
            raise ValueError(f"the axis id '{spec.id}' is taken")
        if hasattr(self.axes, spec.id):
            raise ValueError(f"no axis can have the id '{spec.id}', as PyTorch has a use for it; choose another")
        axis = Axis(spec, self.network.points)
        unknown = [point for point in spec.blocks if point not in self.network.stages]
        if unknown:
            stages = ", ".join(self.network.stages)
            raise ValueError(f"the point '{unknown[0]}' is no stage of the network; there are {stages}")
        self.axes[spec.id] = axis
        return axis

    def train(self, mode: bool = True) -> Self:
        """As of any module, but norm layers of θ learn no statistics while θ is not trained: it stays as it is."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.network.parameters()):
            for module in self.network.modules():
                if isinstance(module, _NormBase):
                    module.eval()
        return self

    @property
    def specs(self) -> list[AxisSpec]:
        """The axes as people read them, in order."""
        return [axis.spec for axis in self._axes()]

    def _axes(self) -> list[Axis]:
        return list(self.axes.values())  # type: ignore[arg-type]

    @property
    def first_point(self) -> str:
        """The earliest insertion point any axis uses; the last stage where there is no axis."""
        used = {point for axis in self._axes() for point in axis.spec.blocks}
        stages = list(self.network.stages)
        return next((name for name in stages if name in used), stages[-1])

    @property
    def reach(self) -> int | None:
        """How far from a place the inputs count for what comes out there, in pixels; None for however far."""
        if any(axis.spec.norm for axis in self._axes()):
            return None
        return self.network.reach({point for axis in self._axes() for point in axis.spec.blocks})

    def prepare(self, inputs: Tensor, full: Tensor | None = None, *, over: bool = False) -> Prepared:
        """Do everything that does not depend on α: ``preparing``, run to its end."""
        return finish(self.preparing(inputs, full, over=over))

    def preparing(
        self,
        inputs: Tensor,
        full: Tensor | None = None,
        *,
        over: bool = False,
        alphas: Alphas | None = None,
        within: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Pieces[Prepared]:
        """Do everything that does not depend on α, a stage at a time.

        Args:
            inputs: pictures, RGB (N, 3, H, W), float32 in [0, 1], H and W at least 32; or whatever else the
                main network's first stage takes. Height and width are padded by reflection to its multiple.
            full: the same pictures larger, (N, …, H', W'), which a gated network is to lay what it painted over.
            over: leave the last stage of a gated network out. Height and width of ``inputs`` must be multiples of its
                multiple then, and where there is ``full``.
            alphas: as checked, where it will be rendered at no other: ψ(z) that they have no use for is left out.
            within: what ψ(z) is computed within, which may be autocast where nothing normalises.

        Returns:
            What ``render`` needs, the first ψ(z) included.
        """
        size = (inputs.shape[2], inputs.shape[3]) if inputs.dim() == 4 else None
        inputs = self._pad(inputs)
        names = list(self.network.stages)
        after = names.index(self.first_point) + 1
        seen = yield from self.network.look(inputs)
        if over:
            del seen[names[-1]]
        if full is not None:
            seen[names[-1]] = self.network.under(full)
        z = inputs
        for name in names[:after]:
            z = yield from self._run(name, z, seen.pop(name, None))
        residuals: Residuals = {}
        for axis in self._axes():
            if self.first_point in axis.spec.blocks:
                for sign in axis.spec.signs:
                    if alphas is not None and _share(alphas.get(axis.spec.id), sign) is None:
                        continue
                    residual = self._residual(axis, sign, self.first_point, z)
                    residuals[axis.spec.id, sign] = yield from each_within(within, residual)
        return Prepared(z, residuals, seen, size, None if full is None else (full.shape[2], full.shape[3]), over)

    def render(self, prepared: Prepared, alpha: AlphaLike) -> Tensor:
        """Do everything that depends on α.

        Args:
            prepared: what ``prepare`` returned.
            alpha: see :mod:`dynamicnet.method.alpha`. A single prepared picture may be given one α per picture: the
                batch that comes back holds it at each. No gradient goes to α.

        Returns:
            The network's output, of the size of the inputs, or of what it is laid over: (N, 3, H, W), not clamped. Of
            what is to be laid ``over`` a picture, (N, 6, h, w), all that it painted.

        Raises:
            DynamicNetError: α is not one of the forms, not finite or out of range.
        """
        return self.render_together([(prepared, alpha)])[0]

    def render_together(self, batch: Sequence[tuple[Prepared, AlphaLike]]) -> list[Tensor]:
        """Render several prepared inputs: ``rendering``, run to its end."""
        return finish(self.rendering(batch))

    def rendering(self, batch: Sequence[tuple[Prepared, AlphaLike]]) -> Pieces[list[Tensor]]:
        """Render several prepared inputs, each at its own α, as one batch, a stage at a time.

        Args:
            batch: what ``prepare`` returned, of inputs of one shape, each with its α as in ``render``.

        Returns:
            What ``render`` returns, for each.

        Raises:
            DynamicNetError: as ``render``.
            ValueError: the network gives pictures of another size than it is given.
        """
        parts = [(one, resolve(alpha, self.specs, one.count, one.size)) for one, alpha in batch]
        counts = [max([one.count, *(a.shape[0] for a in alphas.values())]) for one, alphas in parts]
        each = [one for one, _ in parts]
        z = _joined([one.z for one in each], counts)
        residuals = {key: _joined([one.residuals[key] for one in each], counts) for key in each[0].residuals}
        seen = {name: _joined([one.seen[name] for one in each], counts) for name in each[0].seen}
        alphas = _together([{axis_id: self._pad(a) for axis_id, a in alphas.items()} for _, alphas in parts], counts)
        names = list(self.network.stages)[: -1 if each[0].over else None]
        after = names.index(self.first_point) + 1
        z = yield from self._tune(z, self.first_point, alphas, residuals)
        for name in names[after:]:
            z = yield from self._run(name, z, seen.get(name))
            z = yield from self._tune(z, name, alphas)
        for one in each:
            self._check_size(one, z)
        return [
            part if one.size is None or one.full or one.over else part[..., : one.size[0], : one.size[1]]
            for part, one in zip(torch.split(z, counts), each, strict=True)
        ]

    def guess(self, pictures: Tensor, axis: AxisSpec) -> Tensor:
        """α of an axis that can be read off pictures, RGB (N, 3, H, W) in [0, 1], for each of them, (N,)."""
        low, high = axis.range
        height, width = (side - side % 2 for side in pictures.shape[2:])
        share: Tensor = self.guesses[axis.id](pictures[..., :height, :width])
        return low + (high - low) * share

    def forward(self, inputs: Tensor, alpha: AlphaLike) -> Tensor:
        """The same in one go, for training: ``render(prepare(inputs), alpha)``."""
        size = (inputs.shape[2], inputs.shape[3]) if inputs.dim() == 4 else None
        alphas = resolve(alpha, self.specs, inputs.shape[0], size)
        return self.render(finish(self.preparing(inputs, alphas=alphas)), alphas)

    def _check_size(self, prepared: Prepared, out: Tensor) -> None:
        if prepared.size is None or prepared.full or prepared.over:
            return
        padded = [side + -side % self.network.multiple for side in prepared.size]
        if list(out.shape[2:]) != padded:
            given, made = (f"{height}×{width}" for height, width in (padded, out.shape[2:]))
            raise ValueError(f"the network makes {made} of {given} (height × width); it must be the same")

    def _run(self, name: str, z: Tensor, seen: Tensor | None) -> Pieces[Tensor]:
        if self.network.beyond is None:
            return self.network.running(name, z, seen)
        run = partial(self.network.run, name)
        if seen is None:
            return by_rows(lambda z: run(z, None), self.network.beyond, z)
        return by_rows(run, self.network.beyond, z, seen)

    def _residual(self, axis: Axis, sign: Sign, point: str, z: Tensor) -> Pieces[Tensor]:
        """ψ(z) at an insertion point."""
        block, beyond = axis.block(sign, point), self._beyond(axis)
        return block.running(z) if beyond is None else by_rows(block, beyond, z)

    def _beyond(self, axis: Axis) -> int | None:
        """As ``MainNetwork.beyond``, of an axis' tuning-blocks."""
        return None if axis.spec.norm or self.network.beyond is None else BEYOND

    def _tune(self, z: Tensor, point: str, alphas: Alphas, residuals: Residuals | None = None) -> Pieces[Tensor]:
        """Tune at one insertion point, running only the blocks whose α is not 0."""
        tuned = z
        for axis_id, alpha in alphas.items():
            axis: Axis = self.axes[axis_id]  # type: ignore[assignment]
            if point not in axis.spec.blocks:
                continue
            here = alpha if alpha.shape[1] == 1 else alpha[:, [axis.spec.blocks.index(point)]]
            for sign in axis.spec.signs:
                share = _share(here, sign)
                if share is None:
                    continue
                block, beyond = axis.block(sign, point), self._beyond(axis)
                here_too = share.to(z.device, non_blocking=True)  # else all that the device was given is waited for
                share = _resized(here_too, z).to(next(block.parameters()).dtype)
                if residuals is not None:
                    tuned = yield from by_rows(torch.addcmul, beyond, tuned, share, residuals[axis_id, sign])
                elif beyond is None:
                    tuned = torch.addcmul(tuned, share, (yield from block.running(z)))
                else:
                    tuned = yield from by_rows(partial(_add, block), beyond, z, tuned, share)
        return tuned

    def _pad(self, inputs: Tensor) -> Tensor:
        """Pad height and width by reflection to the network's multiple, to the right and below."""
        if inputs.dim() != 4 or inputs.shape[2:] == (1, 1):
            return inputs
        bottom, right = (-side % self.network.multiple for side in inputs.shape[2:])
        return F.pad(inputs, (0, right, 0, bottom), mode="reflect") if bottom or right else inputs


def _add(block: nn.Module, z: Tensor, tuned: Tensor, share: Tensor) -> Tensor:
    return torch.addcmul(tuned, share, block(z))


def _share(alpha: Tensor | None, sign: Sign) -> Tensor | None:
    """How much a bank counts; None where it does not anywhere. α is on the CPU, so that this waits for no device."""
    share = None if alpha is None else strength(alpha, sign)
    return share if share is not None and bool(share.any()) else None


def _joined(tensors: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """One batch of several, each repeated until it holds so many."""
    each = [tensor.expand(count, *tensor.shape[1:]) for tensor, count in zip(tensors, counts, strict=True)]
    return each[0] if len(each) == 1 else torch.cat(each)


def _together(each: Sequence[Alphas], counts: Sequence[int]) -> Alphas:
    """α of a batch, from α of its parts; an axis that a part does not name is at 0 there."""
    if len(each) == 1:
        return each[0]
    joined: Alphas = {}
    for axis_id in dict.fromkeys(axis_id for alphas in each for axis_id in alphas):
        parts = [alphas.get(axis_id, torch.zeros(1, 1, 1, 1)) for alphas in each]
        shape = [max(part.shape[i] for part in parts) for i in (1, 2, 3)]
        joined[axis_id] = torch.cat([part.expand(n, *shape) for part, n in zip(parts, counts, strict=True)])
    return joined


def _resized(alpha: Tensor, z: Tensor) -> Tensor:
    """α at the resolution of features: bilinear, of all that a position covers (antialiased).

    As two products of matrices, which every engine that a graph is exported to can do.
    """
    if alpha.shape[2:] == (1, 1) or alpha.shape[2:] == z.shape[2:]:
        return alpha
    # In double precision, so that weights add up to 1: of a map of 1, float32 makes 0.9999999. Engines have none.
    dtype = alpha.dtype if torch.onnx.is_in_onnx_export() else torch.float64
    rows, columns = (
        _shares(small, large, dtype, alpha.device) for small, large in zip(z.shape[2:], alpha.shape[2:], strict=True)
    )
    return (rows @ alpha.to(dtype) @ columns.T).to(alpha.dtype)


def _shares(small: int, large: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """How much each of many positions counts for each of few that they are shrunk to, (small, large)."""
    covered = large / small
    centres = (torch.arange(small, dtype=dtype, device=device) + 0.5) * covered
    at = torch.arange(large, dtype=dtype, device=device) + 0.5
    shares = (1 - (centres[:, None] - at).abs() / covered).clamp_min(0)
    return shares / shares.sum(1, keepdim=True)
