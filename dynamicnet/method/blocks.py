"""Tuning-blocks and the axes made of them (paper section 3, figure 2)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.layers import ConvLayer, ReflectedConv

Sign = Literal["high", "low"]


class AxisSpec(BaseModel):
    """What a person reads about one axis, and where its tuning-blocks stand.

    ``range`` is ``(0, 1)`` for one bank of tuning-blocks and ``(-1, 1)`` for the paper's dual form, which has a
    second bank for negative α. ``ends`` names what lies at ``range[0]`` and at ``range[1]``. ``even`` holds α at
    equally spaced positions of a slider that feels even, as measured; nothing where α itself is taken for even.
    ``middle`` is how far an average picture has travelled in the middle of it, as measured: what ``alpha=auto`` aims
    at. ``guess`` is whether a network finds α from the picture instead: see :mod:`dynamicnet.method.guess`.
    ``norm`` is whether its tuning-blocks normalise, which the paper's do not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    title: Annotated[str, Field(min_length=1, max_length=80)]
    ends: tuple[str, str]
    range: tuple[float, float] = (0.0, 1.0)
    default: float = 0.5
    blocks: Annotated[tuple[str, ...], Field(min_length=1)]
    even: tuple[float, ...] = ()
    middle: Annotated[float, Field(gt=0)] | None = None
    guess: bool = False
    norm: bool = False

    @property
    def auto(self) -> bool:
        """Whether α can be found for a picture."""
        return self.guess or self.middle is not None

    @model_validator(mode="after")
    def _consistent(self) -> "AxisSpec":
        low, high = self.range
        if not (low <= 0.0 < high) or not (low <= self.default <= high):
            raise ValueError(f"axis '{self.id}': the range must hold 0 and the default")
        if len(set(self.blocks)) != len(self.blocks):
            raise ValueError(f"axis '{self.id}': an insertion point is named twice")
        rises = all(a < b for a, b in pairwise(self.even))
        if self.even and not (rises and (self.even[0], self.even[-1]) == self.range):
            raise ValueError(f"axis '{self.id}': even must rise from one end of the range to the other")
        return self

    def alpha_at(self, position: float) -> float:
        """α at a position of an even slider, from 0 (low end) to 1 (high end): linear between the knots."""
        knots = self.even or self.range
        return float(np.interp(position, np.linspace(0, 1, len(knots)), knots))

    def position_of(self, alpha: float) -> float:
        """The position at which an even slider stands for α."""
        knots = self.even or self.range
        return float(np.interp(alpha, knots, np.linspace(0, 1, len(knots))))

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The banks this axis has: ``high`` for α > 0, and ``low`` for α < 0 in the dual form."""
        return ("high", "low") if self.range[0] < 0 else ("high",)


BEYOND = 3
"""How many rows of features a tuning-block that does not normalise looks beyond those that it makes."""


class TuningBlock(nn.Module):
    """ψ: three 3×3 reflection-padded convolutions with ReLU between; the caller adds α·ψ(z) to z.

    The last convolution starts at zero, so training starts from exactly the main network.
    """

    def __init__(self, channels: int, *, norm: bool) -> None:
        """Build the block; ``norm`` puts instance norm before each ReLU, and ψ learns in fewer steps."""
        super().__init__()
        self.convs = nn.Sequential(  # flat: packages and the paper's checkpoints name their tensors so
            *ConvLayer(channels, channels, norm=norm),
            *ConvLayer(channels, channels, norm=norm),
            ReflectedConv(channels, channels),
        )
        nn.init.zeros_(self.convs[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.convs[-1].bias)  # type: ignore[arg-type]

    def forward(self, z: Tensor) -> Tensor:
        """Map features (N, C, H, W) to a residual of the same shape."""
        return self.convs(z)  # type: ignore[no-any-return]

    def running(self, z: Tensor) -> Pieces[Tensor]:
        """The same, a convolution at a time."""
        for layer in self.convs:
            if isinstance(layer, ReflectedConv):
                yield
            z = layer(z)
        return z

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """Make ψ(z) ``factor`` times what it is, for every z."""
        last = self.convs[-1]
        for parameter in last.parameters():
            parameter.mul_(factor)


class Axis(nn.Module):
    """One direction in objective space: a bank of tuning-blocks, or two in the dual form."""

    def __init__(self, spec: AxisSpec, channels: Mapping[str, int]) -> None:
        """Build the banks.

        Args:
            spec: the axis.
            channels: channels at each insertion point the main network offers.

        Raises:
            ValueError: the main network has no insertion point of a name that ``spec.blocks`` holds.
        """
        super().__init__()
        unknown = [point for point in spec.blocks if point not in channels]
        if unknown:
            raise ValueError(f"axis '{spec.id}': no insertion point '{unknown[0]}'; there are {', '.join(channels)}")
        self.spec = spec
        self.banks = nn.ModuleDict(
            {
                sign: nn.ModuleDict({p: TuningBlock(channels[p], norm=spec.norm) for p in spec.blocks})
                for sign in spec.signs
            }
        )

    def block(self, sign: Sign, point: str) -> TuningBlock:
        """The tuning-block of one bank at one insertion point."""
        return self.banks[sign][point]  # type: ignore[index, no-any-return]


def strength(alpha: Tensor, sign: Sign) -> Tensor:
    """The share of α that one bank takes: max(α, 0) for ``high``, max(−α, 0) for ``low``."""
    return torch.clamp(alpha if sign == "high" else -alpha, min=0)
