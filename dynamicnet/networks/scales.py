"""A style network over three scales, with noise to place strokes by."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces, each_within, finish
from dynamicnet.method.recorded import by_position
from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.layers import (
    ConvLayer,
    Doubled,
    ReflectedConv,
    ResidualBlock,
    added,
    in_float32,
    laid_over,
    of_first,
    of_last,
)
from dynamicnet.networks.strokes import along_strokes

NOISY = ("up4", "up2")
"""Stages that are given noise."""

SKIPS = ("up8", "up4", "up2")
"""Stages that are given what there was at their own resolution before the body."""

PRECISE = ("up8", "up2")
"""Stages that run in float32, as `paint` does: their rounding in bfloat16 is seen, up to 8 of 255."""


class ScalesNetwork(MainNetwork):
    """A body at a sixteenth of the resolution with skips from a quarter and an eighth, and a gate on the photograph.

    What has to be recognised or laid out is done where a few convolutions see all of a swirl, as in a U-Net
    (Ronneberger et al. 2015). Noise goes in before the norm at a quarter and at half of the resolution, with a learned
    strength per channel (Karras et al. 2019): in a flat area every position would look alike otherwise, and one stroke
    would be repeated in a lattice. Coarser noise would do more than that: it draws suns where the photograph has none.
    Little is computed at half resolution, and at full resolution the result alone: painted colour y and gate g,
    enlarged, and y + g·x of the photograph x. Both are one insertion point, so that tuning can open and close the gate.
    With ``brush`` they are enlarged along strokes, which are strings of beads where they run at a slant otherwise.

    Input and output: RGB (N, 3, H, W) in [0, 1]; the output is not clamped.
    """

    multiple = 16
    gated = True
    default_points = ("res3", "up8", "up4", "paint")

    def __init__(
        self,
        channels: int = 128,
        eighth_channels: int = 96,
        quarter_channels: int = 48,
        half_channels: int = 16,
        *,
        brush: bool = False,
    ) -> None:
        super().__init__()
        self.brush = brush
        quarter, eighth, half = quarter_channels, eighth_channels, half_channels
        self.down = nn.ModuleDict(
            {
                "quarter": nn.Sequential(nn.PixelUnshuffle(4), ConvLayer(48, quarter), ResidualBlock(quarter)),
                "eighth": nn.Sequential(nn.PixelUnshuffle(2), ConvLayer(4 * quarter, eighth), ResidualBlock(eighth)),
            }
        )
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Sequential(nn.PixelUnshuffle(2), ConvLayer(4 * eighth, channels)),
                **{f"res{i}": ResidualBlock(channels) for i in range(1, 4)},
                "up8": nn.Sequential(ConvLayer(channels + eighth, eighth), ResidualBlock(eighth)),
                "up4": nn.Sequential(ConvLayer(eighth + quarter, quarter), ResidualBlock(quarter)),
                "up2": nn.Sequential(ConvLayer(quarter + 12, half), ResidualBlock(half)),
                "paint": ReflectedConv(half, 6),
                "out": nn.Identity(),
            }
        )
        self.points = {
            "stem": channels,
            **{f"res{i}": channels for i in range(1, 4)},
            "up8": eighth,
            "up4": quarter,
            "up2": half,
            "paint": 6,
        }
        self.noise = nn.ParameterDict(
            {name: nn.Parameter(torch.full((1, self.points[name], 1, 1), 0.3)) for name in NOISY}
        )

    def look(self, inputs: Tensor) -> Pieces[dict[str, Tensor]]:
        """All that comes before the body, and what the stages after it make of that and of noise."""
        quarter = yield from self._smaller("quarter", inputs)
        yield
        eighth = yield from self._smaller("eighth", quarter)
        yield
        seen = {"stem": self.stages["stem"](eighth), "up8": of_last(self._conv("up8"), eighth), "out": inputs}
        origins = self._origins(inputs)
        yield
        seen["up4"] = self._noisy("up4", of_last(self._conv("up4"), quarter), origins)
        yield
        seen["up2"] = self._noisy("up2", of_last(self._conv("up2"), F.pixel_unshuffle(inputs, 2)), origins)
        return seen

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage."""
        if name == "paint":
            return in_float32(self.stages[name], z)
        if seen is None:
            return super().run(name, z, seen)
        if name == "stem":
            return seen
        if name == "out":
            return laid_over(z, seen, self._brushed if self.brush else None)
        return finish(self.running(name, z, seen))

    def running(self, name: str, z: Tensor, seen: Tensor | None) -> Pieces[Tensor]:
        """Run one stage; those after the body a convolution at a time."""
        if name not in SKIPS or seen is None:
            return super().running(name, z, seen)
        if name not in PRECISE:
            return self._up(name, z, seen)
        precise = partial(torch.autocast, z.device.type, enabled=False)
        return each_within(precise, self._up(name, z.float(), seen.float()))

    def _brushed(self, z: Tensor, picture: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            return along_strokes(z.float(), picture)

    def _smaller(self, name: str, z: Tensor) -> Pieces[Tensor]:
        """Half or a quarter of the height and width, and a residual block."""
        layers: Any = self.down[name]
        unshuffle, conv, block = layers
        z = conv(unshuffle(z))
        yield
        return (yield from block.running(z))  # type: ignore[no-any-return]  # a module's own are not typed

    def _up(self, name: str, z: Tensor, seen: Tensor) -> Pieces[Tensor]:
        """Twice the height and width, and a residual block."""
        yield
        layers: Any = self.stages[name]
        (conv, norm, relu), block = layers
        doubled = Doubled()(z)
        yield
        up: Tensor = relu(norm(added(seen, of_first(conv, doubled))))
        yield
        return (yield from block.running(up))  # type: ignore[no-any-return]  # likewise

    def _conv(self, name: str) -> nn.Conv2d:
        conv: nn.Conv2d = self.stages[name][0][0]  # type: ignore[index]
        return conv

    def _noisy(self, name: str, z: Tensor, origins: Tensor) -> Tensor:
        strength: Tensor = self.noise[name]

        def noisy(rows: Tensor, top: int) -> Tensor:
            noise = position_noise(rows.shape[2:], origins + 7919 * NOISY.index(name), top)
            return torch.addcmul(rows, strength.to(rows.dtype), noise.to(rows.dtype))

        return by_position(z, noisy)

    def _origins(self, inputs: Tensor) -> Tensor:
        """Where in the noise each picture lies, (N or 1, 2): anywhere in training, always the same after it."""
        if not self.training:
            return torch.zeros(1, 2, dtype=torch.int64, device=inputs.device)
        return torch.randint(2**20, (inputs.shape[0], 2)).to(inputs.device, non_blocking=True)


def position_noise(size: torch.Size, origins: Tensor, top: int = 0) -> Tensor:
    """Noise that depends on the position alone, so that a picture always comes out the same, and a part of it alike.

    Args:
        size: height and width.
        origins: row and column that pictures lie at, (N, 2), int64, from 0 to 2²⁶.
        top: row of the pictures to begin with.

    Returns:
        (N, 1, height, width), float32, uniform with mean 0 and variance 1; the same on every device.
    """
    rows = torch.arange(top, top + size[0], device=origins.device) + origins[:, :1]
    columns = torch.arange(size[1], device=origins.device) + origins[:, 1:]
    mixed = (rows[:, None, :, None] * 0x2C1B3C6D + columns[:, None, None, :] * 0x297A2D39) & 0x7FFFFFFF
    for multiplier, shift in ((0x2C9277B5, 15), (0x5851F42D, 13), (0x3243F6A9, 16)):
        mixed = ((mixed ^ _shifted(mixed, shift)) * multiplier) & 0x7FFFFFFF
    mixed = mixed ^ _shifted(mixed, 15)
    return (mixed.to(torch.float32) / 2**31 - 0.5) * 12**0.5


def _shifted(mixed: Tensor, by: int) -> Tensor:
    """``mixed >> by``, in a way that is exact where an engine shifts by a division in float32: few bits are left."""
    return (mixed & -(1 << by)) >> by
