"""α read off the picture, for axes that depend on what is there.

How strongly noise is to be taken out, say, is how much there is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = (8, 8, 4)
"""Coefficients to a side of a block, at each scale: 16, 32 and 32 pixels."""

SHARES = (0.02, 0.1, 0.25, 0.5)
"""Quantiles over blocks: the smoothest of a picture hold little but noise."""

FAINT = 1e-3
"""A standard deviation that is next to none, in units of [0, 1]."""


class Guess(nn.Module):
    """The share of the way along an axis, from how strong the fine structure of a picture's smooth parts is.

    A picture is split into brightness and two colours, and each into Haar wavelets at three scales, whose strength is
    taken block by block: white noise is alike at all scales, what was enlarged or compressed is weak at the finest, and
    structure is in few blocks. A small network reads the quantiles over blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = 3 * 2 * len(BLOCKS) * len(SHARES) + 2
        self.layers = nn.Sequential(
            nn.Linear(inputs, 96), nn.SiLU(), nn.Linear(96, 48), nn.SiLU(), nn.Linear(48, 1), nn.Sigmoid()
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Map RGB (N, 3, H, W), sides 32 at least, to shares, (N,), in [0, 1]."""
        return self.of(seen(pictures))

    def of(self, read: Tensor) -> Tensor:
        """The same from what :func:`seen` gives."""
        shares: Tensor = self.layers(read)[:, 0]
        return shares


def seen(pictures: Tensor) -> Tensor:
    """What the network is given of pictures (N, 3, H, W): about ±2 each, (N, …)."""
    red, green, blue = pictures.float().unbind(1)
    z = torch.stack([(red + 2 * green + blue) / 4, (red - green) / 2, (blue - green) / 2], 1)
    found = []
    for block in BLOCKS:
        z = z[..., : z.shape[2] // 2 * 2, : z.shape[3] // 2 * 2]
        a, b, c, d = z[..., ::2, ::2], z[..., ::2, 1::2], z[..., 1::2, ::2], z[..., 1::2, 1::2]
        diagonal, upright, level = a - b - c + d, a - b + c - d, a + b - c - d
        for energy in (diagonal.square(), (upright.square() + level.square()) / 2):
            strength = F.avg_pool2d(energy / 4, block).sqrt().flatten(2)
            found.append(strength.quantile(torch.tensor(SHARES, device=z.device), 2).permute(1, 2, 0).flatten(1))
        z = (a + b + c + d) / 4
    strengths = (torch.cat(found, 1) + FAINT).log() / 1.5 + 2.5
    brightness = pictures.float().mean((1, 2, 3))
    clipped = ((pictures <= 0) | (pictures >= 1)).float().mean((1, 2, 3))
    return torch.cat([strengths, torch.stack([4 * brightness - 2, 4 * clipped], 1)], 1)
