"""A network that completes pictures: dilated convolutions see across a hole (Iizuka et al. 2017, section 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.layers import Doubled, Norm, in_float32, of_first, of_last, resized
from dynamicnet.networks.membrane import continued

SLOPE = 0.1  # of ReLUs below 0
INPUTS = 7  # channels
WIDE = 4  # how fast the gate opens: 1 is four times as much as the network says
FADE = 3  # pixels inside a hole's border over which what is painted sets in
RIM = 3  # pixels inside a hole's border whose mean, here and there, is to be that of what is known
GROUP = 8  # channels normalised together: instance norm would forget which texture is the stronger
SHUFFLED = {"up4": 4, "up2": 2, "up1": 1}  # stages that are given the picture too, unshuffled by so much


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, 1), Norm(outputs // GROUP, outputs), nn.LeakyReLU(SLOPE)
    )


class DilatedBlock(nn.Module):
    """z + two 3×3 convolutions of it, the first dilated, with group norm and a ReLU before each (He et al. 2016)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            Norm(channels // GROUP, channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
            Norm(channels // GROUP, channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return z + self.convs(z)  # type: ignore[no-any-return]


class DilatedNetwork(MainNetwork):
    """Body of dilated residual blocks at an eighth of the resolution, and little at full resolution.

    Input: a picture whose hole has been filled smoothly from its border, RGB in [0, 1]; the hole, 1 inside and 0
    outside; and the picture with its hole filled by copies of the known part: (N, 7, H, W). It paints a colour and a
    gate, per pixel, and both are one insertion point: where the gate is open there are copies, where it is closed what
    is painted; a smooth θ nearly closes it, and ψ opens it. What that adds to the smooth filling, less what goes on
    from its mean at the hole's border, is added in the hole, fading in from the border: no step shows, and an untrained
    network is already a plain inpainting. Output: RGB (N, 3, H, W), not clamped; outside the hole the input.
    """

    multiple = 8
    inputs = INPUTS
    default_points = ("res6", "up4", "up2", "up1", "paint")

    def __init__(
        self,
        channels: int = 64,
        quarter_channels: int = 48,
        half_channels: int = 24,
        paint_channels: int = 16,
        dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4),
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Sequential(
                    nn.PixelUnshuffle(2),
                    _convolution(4 * INPUTS, half_channels),
                    _convolution(half_channels, quarter_channels, 4, 2),
                    nn.Conv2d(quarter_channels, channels, 4, 2, 1),
                ),
                **{f"res{i}": DilatedBlock(channels, dilation) for i, dilation in enumerate(dilations, 1)},
                "up4": _convolution(channels + 16 * INPUTS, quarter_channels),
                "up2": _convolution(quarter_channels + 4 * INPUTS, half_channels),
                "up1": _convolution(half_channels + INPUTS, paint_channels),
                "paint": nn.Conv2d(paint_channels, 4, 3, padding=1),
                "out": nn.Identity(),
            }
        )
        self.points = {
            "stem": channels,
            **{f"res{i}": channels for i in range(1, len(dilations) + 1)},
            "up4": quarter_channels,
            "up2": half_channels,
            "up1": paint_channels,
            "paint": 4,
        }
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # a start that changes little
            self.stages["paint"].weight.mul_(0.05)  # type: ignore[operator]
            for block in self.modules():
                if isinstance(block, DilatedBlock):
                    block.convs[-1].weight.mul_(0.1)  # type: ignore[operator]

    def look(self, inputs: Tensor) -> Pieces[dict[str, Tensor]]:
        """The last four stages look at the picture, each at its own resolution."""
        units = _units(inputs)
        yield
        return {
            **{name: of_last(self._conv(name), F.pixel_unshuffle(units, by)) for name, by in SHUFFLED.items()},
            "out": self.under(inputs),
        }

    def under(self, full: Tensor) -> Tensor:
        """The filling, how far it is painted over, what copies add to it, and the hole's rim: (N, 8, H, W)."""
        filled, hole, copied = torch.split(full, [3, 1, 3], 1)
        return torch.cat([filled, _inwards(hole), copied - filled, _rim(hole)], 1)

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage."""
        if name == "stem":
            z = _units(z)
        if name == "paint":
            return in_float32(self.stages[name], z)
        if seen is None:
            return super().run(name, z, seen)
        if name in SHUFFLED:
            z = of_first(self._conv(name), Doubled()(z)) + seen
            return self.stages[name][1:](z)  # type: ignore[index, no-any-return]
        filled, inside, copied, rim = torch.split(seen, [3, 1, 3, 1], 1)
        painted, gate = torch.split(resized(z.float(), seen), [3, 1], 1)
        added = torch.lerp(painted, copied, (WIDE * gate).clamp(0, 1))
        return filled + inside * (added - continued(added, rim))

    def _conv(self, name: str) -> nn.Conv2d:
        conv: nn.Conv2d = self.stages[name][0]  # type: ignore[index]
        return conv


def _inwards(holes: Tensor) -> Tensor:
    """1 inside holes (N, 1, H, W), 0 outside, and rising over the three pixels at their border: no outline shows."""
    known = F.avg_pool2d(1 - holes, 2 * FADE - 1, 1, FADE - 1, count_include_pad=False)
    return holes * (1 - 2 * known).clamp_min(0)


def _rim(holes: Tensor) -> Tensor:
    """1 in the pixels inside holes (N, 1, H, W) that lie within :data:`RIM` of what is known, 0 elsewhere."""
    return holes * (F.max_pool2d(1 - holes, 2 * RIM + 1, 1, RIM) > 0)


def _units(inputs: Tensor) -> Tensor:
    filled, hole, copied = torch.split(inputs, [3, 1, 3], 1)
    return torch.cat([(filled - 0.5) * 4, hole, (copied - filled) * 4], 1)
