"""A lean style network: its body works at a quarter of the resolution, and next to nothing at full resolution."""

import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.layers import ConvLayer, Doubled, ResidualBlock, added, laid_over, of_first, of_last


class LeanNetwork(MainNetwork):
    """Pixel-unshuffle stem, residual body, upsampling by interpolation, and a gate on the photograph.

    It paints a colour y and a gate g, per pixel and channel; the result is y + g·x. Instance norm makes the
    painted part independent of the photograph's contrast, as a strong style needs; the gate lets the photograph
    itself through where the objective is faint, in full detail. Both are one insertion point, so that tuning
    can open and close the gate.

    Input and output: RGB (N, 3, H, W) in [0, 1]; the output is not clamped.
    """

    multiple = 4
    gated = True
    default_points = ("res2", "res5", "join", "paint")

    def __init__(self, channels: int = 64, half_channels: int = 32, join_channels: int = 16) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Sequential(nn.PixelUnshuffle(4), ConvLayer(48, channels)),
                **{f"res{i}": ResidualBlock(channels) for i in range(1, 6)},
                "up": nn.Sequential(Doubled(), ConvLayer(channels, half_channels)),
                "join": ConvLayer(half_channels + 12, join_channels, norm=False),
                "paint": ConvLayer(join_channels + 3, 6, norm=False, relu=False),
                "out": nn.Identity(),
            }
        )
        self.points = {
            "stem": channels,
            **{f"res{i}": channels for i in range(1, 6)},
            "up": half_channels,
            "join": join_channels,
            "paint": 6,
        }

    def look(self, inputs: Tensor) -> Pieces[dict[str, Tensor]]:
        """``join``, ``paint`` and ``out`` look at the picture again, at half and full resolution."""
        yield
        return {
            "join": of_last(self._conv("join"), F.pixel_unshuffle(inputs, 2)),
            "paint": of_last(self._conv("paint"), inputs),
            "out": inputs,
        }

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage."""
        if seen is None:
            return super().run(name, z, seen)
        if name == "join":
            return F.relu(added(seen, of_first(self._conv(name), z)))
        if name == "paint":
            return added(seen, of_first(self._conv(name), Doubled()(z)))
        return laid_over(z, seen)

    def _conv(self, name: str) -> nn.Conv2d:
        conv: nn.Conv2d = self.stages[name][0]  # type: ignore[index]
        return conv
