"""α read off the picture: a small network of its own, for axes that depend on what is there.

How strongly noise is to be taken out, say, is how much there is.
"""

import torch
from torch import Tensor, nn


class Guess(nn.Module):
    """The share of the way along an axis: a guess for every place and how much it counts, and their weighted mean.

    Places that tell nothing can so be left out: noise shows where a picture is smooth. It looks at the picture and not
    at the main network's features, of which it learned half as fast.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, 2, padding=1),
            nn.ReLU(),
            nn.Conv2d(48, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 2, 1),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Map RGB (N, 3, H, W), H and W even, to shares, (N,), in [0, 1]."""
        values, weights = self.convs(pictures).flatten(2).unbind(1)
        return torch.sigmoid((values * torch.softmax(weights, 1)).sum(1))
