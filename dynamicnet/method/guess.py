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

PARTED = 2
"""Of the finest scales, a block's quietest quarter is read as well: a block with an edge has noise beside it."""

READ = 2 + 3 * 2 * (SCALES + PARTED)
"""Numbers that a block is read as."""

WIDTH, HEADS, FOUND, READINGS = 48, 8, 64, 2


class Guess(nn.Module):
    """The share of the way along an axis, from how strong the fine structure of a picture's blocks is.

    A picture is split into brightness and two colours, and each into Haar wavelets at three scales, whose strength is
    taken block by block: white noise is alike at all scales, what was enlarged or compressed is weak at the finest, and
    structure is in few blocks. A small network reads every block, says how much it counts, and takes weighted means:
    those that count are smooth in all respects, and not clipped. What it finds it is told when it reads them again:
    which blocks have structure is seen best by who has an idea of the noise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readings = nn.ModuleList(Reading() for _ in range(READINGS))
        self.share = nn.Sequential(nn.Linear(FOUND, 1), nn.Sigmoid())

    def forward(self, pictures: Tensor) -> Tensor:
        """Map RGB (N, 3, H, W), sides 16 at least, to shares, (N,), in [0, 1]."""
        return self.of(seen(pictures))

    def of(self, read: Tensor) -> Tensor:
        """The same from what :func:`seen` gives, or from some of its blocks."""
        found = read.new_ones(len(read), FOUND)  # nothing yet
        for reading in self.readings:
            found = reading(read, found)
        shares: Tensor = self.share(found)[:, 0]
        return shares


class Reading(nn.Module):
    """What is to be found in the blocks of pictures by who is told what was found before, (N, FOUND) each."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.told = nn.Linear(READ, WIDTH), nn.Linear(FOUND, WIDTH, bias=False)
        self.block = nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())
        self.weight = nn.Linear(WIDTH, HEADS)
        self.found = nn.Sequential(nn.Linear(HEADS * WIDTH + FOUND, FOUND), nn.SiLU())

    def forward(self, read: Tensor, told: Tensor) -> Tensor:
        """Read blocks, (N, blocks, READ)."""
        blocks = self.block(self.read(read) + self.told(told)[:, None])
        means = torch.einsum("nbh,nbw->nhw", self.weight(blocks).softmax(1), blocks)
        found: Tensor = self.found(torch.cat([means.flatten(1), told], 1))
        return found


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
            side = BLOCK >> (scale + 1)
            strengths = [F.avg_pool2d(energy / 4, side)]
            if scale < PARTED:
                strengths.append(-F.max_pool2d(-F.avg_pool2d(energy / 4, side // 2), 2))
            found += [(strength + FAINT**2).log() / 3 + 2.5 for strength in strengths]
        z = (a + b + c + d) / 4
    return torch.cat(found, 1).flatten(2).transpose(1, 2)
