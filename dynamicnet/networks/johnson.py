"""The paper's style network (Johnson, Alahi, Fei-Fei, ECCV 2016; Dynamic-Net section 4.1)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.layers import ConvLayer, ResidualBlock

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(x − mean) / std by channel; ``invert`` undoes it."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W) in [0, 1] to the network's units."""
        return (x - self.mean) / self.std  # type: ignore[operator]

    def invert(self, x: Tensor) -> Tensor:
        """Map the network's units back to [0, 1]."""
        return x * self.std + self.mean  # type: ignore[operator]


class JohnsonNetwork(MainNetwork):
    """Convolutions 9-3-3, five residual blocks of 128, two upsample-convolutions, 9×9 out.

    Input and output: RGB (N, 3, H, W) in [0, 1]; the output is not clamped.
    """

    multiple = 4
    default_points = ("res2", "res5", "up2")

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        """Build the network.

        Args:
            mean: of each channel of its input and output, in units of [0, 1].
            std: likewise.

        Raises:
            ValueError: these are not three numbers each, or a std is 0.
        """
        super().__init__()
        if len(mean) != 3 or len(std) != 3 or 0 in std:
            raise ValueError("mean and std are three numbers each, no std of them 0")
        self.units = Normalise(mean, std)
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Sequential(
                    self.units, ConvLayer(3, 32, 9), ConvLayer(32, 64, stride=2), ConvLayer(64, 128, stride=2)
                ),
                **{f"res{i}": ResidualBlock(128) for i in range(1, 6)},
                "up1": nn.Sequential(nn.Upsample(scale_factor=2.0), ConvLayer(128, 64)),
                "up2": nn.Sequential(nn.Upsample(scale_factor=2.0), ConvLayer(64, 32)),
                "out": ConvLayer(32, 3, 9, norm=False, relu=False),
            }
        )
        self.points = {"stem": 128, **{f"res{i}": 128 for i in range(1, 6)}, "up1": 64, "up2": 32}

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage; the last brings its result back to [0, 1]."""
        z = super().run(name, z, seen)
        return self.units.invert(z) if name == "out" else z
