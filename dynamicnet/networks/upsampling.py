"""A lean generator: upsampling and 3×3 convolutions in place of DCGAN's transposed ones."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from dynamicnet.networks.base import MainNetwork

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
        layers += [
            nn.Sequential(nn.Upsample(scale_factor=2.0), nn.Conv2d(inputs, outputs, 3, padding=1))
            for inputs, outputs in pairwise(channels)
        ]
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
