"""A shallow U-Net for restoration: most of its work at a quarter of the resolution, the rest at half of it."""

from collections.abc import Collection

from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces
from dynamicnet.method.strips import by_rows
from dynamicnet.networks.base import MainNetwork


class Residual(nn.Module):
    """z + conv(leaky relu(conv(z))), both 3×3, without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(_conv(channels, channels), _leaky(), _conv(channels, channels))

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return z + self.convs(z)  # type: ignore[no-any-return]


class ShallowUNet(MainNetwork):
    """What is to be added to a picture, by residual blocks at a quarter and at half of its resolution.

    As in FFDNet (Zhang et al. 2018) the picture enters and leaves by pixel-unshuffle and pixel-shuffle, and nothing is
    normalised: what comes out at a place depends on its neighbourhood alone. Unlike there, most convolutions are at a
    quarter of the resolution, where twice the channels and twice the reach cost the same. The skip is the first
    convolution, which looks at the picture again: it is cheap, and every stage still has one input and one output.

    Input and output: RGB (N, 3, H, W), [0, 1] or noise beyond it; the output is not clamped.
    """

    multiple = 4
    beyond = 2
    default_points = ("stem", "body2", "up", "fine")

    def __init__(self, channels: int = 96, half_channels: int = 48) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(
            {
                "enter": nn.Sequential(nn.PixelUnshuffle(2), _conv(12, half_channels), _leaky()),
                "stem": nn.Sequential(_conv(half_channels, channels, 2), _leaky()),
                **{f"body{i}": Residual(channels) for i in range(1, 5)},
                "up": nn.Sequential(nn.Conv2d(channels, 4 * half_channels, 1), nn.PixelShuffle(2)),
                "fine": Residual(half_channels),
                "out": nn.Sequential(_conv(half_channels, 12), nn.PixelShuffle(2)),
            }
        )
        self.points = {
            "stem": channels,
            **{f"body{i}": channels for i in range(1, 5)},
            **dict.fromkeys(("up", "fine"), half_channels),
        }
        self._begin()

    def _begin(self) -> None:
        """He's initialisation; what is added begins small, so that the network begins as nearly the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for name, parameter in self.named_parameters():
            if name.endswith("convs.2.weight") or name == "stages.out.0.weight":
                parameter.data.mul_(0.1)

    def look(self, inputs: Tensor) -> Pieces[dict[str, Tensor]]:
        """``up`` looks at the picture through the first convolution, ``out`` at the picture itself."""
        return {"up": (yield from by_rows(self.stages["enter"], self.beyond, inputs)), "out": inputs}

    def reach(self, tuned: Collection[str]) -> int:
        """A pixel for each 3×3 convolution, in pixels of its own; and what lies in the same block of ``multiple``."""
        halves = len({"up", "fine"} & set(tuned))
        at_half, at_quarter = 5 + 3 * halves, 8 + 3 * (len(set(tuned)) - halves)
        return 2 * at_half + 4 * at_quarter + self.multiple - 1

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage."""
        z = super().run(name, z, seen)
        return z if seen is None else z + seen


def _leaky() -> nn.Module:
    """Of ReLU without normalisation, nine units in ten at a quarter of the resolution came to give 0 for everything."""
    return nn.LeakyReLU(0.1, inplace=True)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1)
