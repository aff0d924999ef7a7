"""A lean generator: upsampling and 3×3 convolutions in place of DCGAN's transposed ones."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.chooser import Chooser

FEWEST = 4  # stages: three of them have tuning-blocks


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


class UpsamplingNetwork(MainNetwork):
    """From 4×4 up to twice as much at each stage; batch norm and leaky ReLU after every convolution but the last.

    Input: a latent (N, latent), or several that it chooses from, one behind the other: (N, drawn). Output: RGB
    (N, 3, side, side) in [0, 1]. In evaluation mode, which packages are loaded
    in, batch norm uses the statistics of phase one, so that a picture comes out the same whatever is made with it.
    """

    def __init__(
        self,
        latent: int = 100,
        channels: Sequence[int] = (192, 128, 80, 40, 20),
        choices: Sequence[int] = (),
        candidates: int = 1,
    ) -> None:
        """Build it.

        Args:
            latent: how many numbers a picture is made of.
            channels: at 4×4, 8×8 and so on: five of them make 64×64 pixels, six 128×128.
            choices: of how many options each of a picture's parts is one, where pictures are made of parts. A latent
                then has a number for each option, and of a part's options the largest is taken: latents of a normal
                distribution make every combination of parts as often.
            candidates: of how many latents one is chosen for a seed's picture, see :class:`Chooser`.

        Raises:
            ValueError: the channels or choices are too few.
        """
        super().__init__()
        if len(channels) < FEWEST:
            raise ValueError(f"channels are {FEWEST} numbers at least")
        if any(count < 2 for count in choices):
            raise ValueError("a choice is of two options at least")
        if candidates < 1:
            raise ValueError("a picture is made of one candidate at least")
        self.choices = tuple(choices)
        self.latent = sum(choices) if choices else latent
        self.candidates = candidates
        if candidates > 1:
            self.chooser = Chooser(self.latent)
        stages = ["start", *(f"up{4 * 2**i}" for i in range(1, len(channels)))]
        self.side = 4 * 2 ** (len(channels) - 1)
        self.default_points = tuple(stages[-4:-1])
        # A transposed convolution of a single position is a linear layer with a picture of 4×4 for each number.
        layers: list[nn.Module] = [nn.ConvTranspose2d(self.latent, channels[0], 4)]
        layers += [UpsampledConv(inputs, outputs) for inputs, outputs in pairwise(channels)]
        self.stages = nn.ModuleDict(
            {
                name: nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))
                for name, layer, outputs in zip(stages, layers, channels, strict=True)
            }
        )
        self.stages["out"] = nn.Sequential(nn.Conv2d(channels[-1], 3, 3, padding=1), nn.Sigmoid())
        self.points = dict(zip(stages, channels, strict=True))

    @property
    def drawn(self) -> int:
        """Of how many numbers a seed's picture is chosen."""
        return self.latent * self.candidates

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage; the first makes a 1×1 map of the latent."""
        if name == "start":
            if z.shape[1] > self.latent:
                z = self.chooser(z.view(-1, self.candidates, self.latent))
            z = (self._chosen(z) if self.choices else z)[:, :, None, None]
        return super().run(name, z, seen)

    def _chosen(self, latent: Tensor) -> Tensor:
        """1 for the option of each part whose number is the largest, 0 for the others: (N, latent) to the same."""
        parts = torch.split(latent, list(self.choices), 1)
        return torch.cat([(part == part.amax(1, keepdim=True)).to(latent.dtype) for part in parts], 1)
