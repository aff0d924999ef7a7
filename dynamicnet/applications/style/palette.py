"""Which colours a picture has, and how much of each, wherever they lie.

Mean colours of small squares are projected onto directions of RGB and sorted: what is between two palettes so told is
the square of the sliced Wasserstein distance (Rabin et al. 2011, "Wasserstein Barycenter and Its Application to Texture
Mixing"). Gram matrices of features hardly mind whether a sea is blue.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SQUARE = 4
"""Side of the squares whose mean colours count, in pixels: speckle of every colour is no palette."""

SHADES = 256
"""Numbers that one direction's sorted colours are averaged to."""

# Towards the faces, edges and corners of the RGB cube, one of each opposite pair: alike all around.
_CUBE = torch.cartesian_prod(*[torch.tensor([1.0, 0.0, -1.0])] * 3)[:13]
DIRECTIONS = F.normalize(_CUBE, dim=1)


def palette_of(pictures: Tensor) -> Tensor:
    """Sorted colours of pictures (N, 3, H, W) in [0, 1] along each direction, (N, 13, SHADES), float32."""
    with torch.autocast(pictures.device.type, enabled=False):
        colours = F.avg_pool2d(pictures.float(), SQUARE).flatten(2)
        ranks = (DIRECTIONS.to(colours.device) @ colours).sort().values
        return F.adaptive_avg_pool1d(ranks, SHADES)


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """How far palettes (N, 13, SHADES) are from one (13, SHADES), relative to the variance of its colours, (N,)."""
    variance = (wanted - wanted.mean(1, keepdim=True)).square().mean()
    return (found - wanted).square().mean((1, 2)) / variance
