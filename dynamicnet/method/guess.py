"""α read off the inputs: a small network on the features that an axis begins at, for axes that depend on what is there.

How strongly noise is to be taken out, say, is how much there is. Features at the first insertion point are prepared
anyway and know no α, so that a guess costs next to nothing.
"""

import torch
from torch import Tensor, nn

CHANNELS = 32


class Guess(nn.Module):
    """The share of the way along an axis: a guess for every place and how much it counts, and their weighted mean.

    Places that tell nothing can so be left out: noise shows where a picture is smooth.
    """

    def __init__(self, channels: int) -> None:
        """For features of so many channels."""
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, 2, 1),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map features (N, C, H, W) to shares, (N,), in [0, 1]."""
        values, weights = self.convs(z).flatten(2).unbind(1)
        return torch.sigmoid((values * torch.softmax(weights, 1)).sum(1))
