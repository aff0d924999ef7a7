"""A lean generator: upsampling and 3×3 convolutions in place of DCGAN's transposed ones."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.networks.base import MainNetwork


class UpsampledConv(nn.Sequential):
    """Nearest neighbours to twice the height and width, then a 3×3 convolution; in training half the products.

    Of the nine positions a kernel sees, several are copies of one number. Their weights are added up first: what is
    left is a transposed convolution of 4×4 and stride 2, four products for each output (Odena et al. 2016 warn of such
    convolutions where their weights are learned: these are as many as they were).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2.0), nn.Conv2d(inputs, outputs, 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, 2H, 2W)."""
        if torch.is_inference_mode_enabled():  # a few pictures are no slower, and adding up weights takes its time
            return super().forward(z)  # type: ignore[no-untyped-call, no-any-return]
        conv: nn.Conv2d = self[1]  # type: ignore[assignment]
        kernel = F.pad(conv.weight, (1, 1, 1, 1))
        kernel = kernel[..., 1:, :] + kernel[..., :-1, :]
        kernel = kernel[..., 1:] + kernel[..., :-1]
        return F.conv_transpose2d(z, kernel.flip(2, 3).transpose(0, 1), conv.bias, stride=2, padding=1)


STAGES = ("start", "up8", "up16", "up32", "up64")


class UpsamplingNetwork(MainNetwork):
    """From 4×4 up to 64×64; batch norm and leaky ReLU after every convolution but the last.

    Input: a latent (N, latent). Output: RGB (N, 3, 64, 64) in [0, 1]. In evaluation mode, which packages are loaded
    in, batch norm uses the statistics of phase one, so that a picture comes out the same whatever is made with it.
    """

    side = 64
    default_points = ("up8", "up16", "up32")

    def __init__(self, latent: int = 100, channels: Sequence[int] = (192, 128, 80, 40, 20)) -> None:
        """Build it.

        Args:
            latent: how many numbers a picture is made of.
            channels: at 4×4, 8×8, 16×16, 32×32 and 64×64.

        Raises:
            ValueError: there are not five of them.
        """
        super().__init__()
        if len(channels) != len(STAGES):
            raise ValueError(f"channels are {len(STAGES)} numbers")
        self.latent = latent
        # A transposed convolution of a single position is a linear layer with a picture of 4×4 for each number.
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, channels[0], 4)]
        layers += [UpsampledConv(inputs, outputs) for inputs, outputs in pairwise(channels)]
        self.stages = nn.ModuleDict(
            {
                name: nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))
                for name, layer, outputs in zip(STAGES, layers, channels, strict=True)
            }
        )
        self.stages["out"] = nn.Sequential(nn.Conv2d(channels[-1], 3, 3, padding=1), nn.Sigmoid())
        self.points = dict(zip(STAGES, channels, strict=True))

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage; the first makes a 1×1 map of the latent."""
        return super().run(name, z[:, :, None, None] if name == "start" else z, seen)
