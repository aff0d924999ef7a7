"""α read off the picture, for axes that depend on what is there.

How strongly noise is to be taken out, say, is how much there is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 16
"""Side of a block, in pixels."""

SCALES = 3
FAINT = 1e-3
"""A standard deviation that is next to none, in units of [0, 1]."""

READ = 2 + 3 * 2 * SCALES
"""Numbers that a block is read as."""

WIDTH, HEADS = 48, 8


class Guess(nn.Module):
    """The share of the way along an axis, from how strong the fine structure of a picture's blocks is.

    A picture is split into brightness and two colours, and each into Haar wavelets at three scales, whose strength is
    taken block by block: white noise is alike at all scales, what was enlarged or compressed is weak at the finest, and
    structure is in few blocks. A small network reads every block, says how much it counts, and takes weighted means:
    those that count are smooth in all respects, and not clipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(READ, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())
        self.weight = nn.Linear(WIDTH, HEADS)
        self.layers = nn.Sequential(nn.Linear(HEADS * WIDTH, 64), nn.SiLU(), nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, pictures: Tensor) -> Tensor:
        """Map RGB (N, 3, H, W), sides 16 at least, to shares, (N,), in [0, 1]."""
        return self.of(seen(pictures))

    def of(self, read: Tensor) -> Tensor:
        """The same from what :func:`seen` gives, or from some of its blocks."""
        blocks = self.block(read)
        means = torch.einsum("nbh,nbw->nhw", self.weight(blocks).softmax(1), blocks)
        shares: Tensor = self.layers(means.flatten(1))[:, 0]
        return shares


def seen(pictures: Tensor) -> Tensor:
    """What the network is given of pictures (N, 3, H, W), by block: about ±2 each, (N, blocks, READ)."""
    height, width = (side // BLOCK * BLOCK for side in pictures.shape[2:])
    whole = pictures[..., :height, :width].float()
    red, green, blue = whole.unbind(1)
    z = torch.stack([(red + 2 * green + blue) / 4, (red - green) / 2, (blue - green) / 2], 1)
    clipped = ((whole <= 0) | (whole >= 1)).float().mean(1, keepdim=True)
    found = [4 * F.avg_pool2d(torch.cat([z[:, :1] - 0.5, clipped], 1), BLOCK)]
    for scale in range(SCALES):
        a, b, c, d = z[..., ::2, ::2], z[..., ::2, 1::2], z[..., 1::2, ::2], z[..., 1::2, 1::2]
        diagonal, upright, level = a - b - c + d, a - b + c - d, a + b - c - d
        for energy in (diagonal.square(), (upright.square() + level.square()) / 2):
            strength = F.avg_pool2d(energy / 4, BLOCK >> (scale + 1))
            found.append((strength + FAINT**2).log() / 3 + 2.5)
        z = (a + b + c + d) / 4
    return torch.cat(found, 1).flatten(2).transpose(1, 2)
