"""Adversarial objectives: a discriminator, its losses, and what it is shown (Goodfellow et al. 2014)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Sequential):
    """Strided 4×4 convolutions with spectral norm (Miyato et al. 2018), each halving the picture, then one score.

    Scores are a map, one for each patch the convolutions see, (N, 1, H', W'): of 4×4 or so for a whole picture.
    """

    def __init__(self, inputs: int, channels: int, halvings: int) -> None:
        """Build it.

        Args:
            inputs: channels of what it judges: 3, and one more for a mask.
            channels: of its first layer; each further layer has twice as many, at most eight times.
            halvings: how many layers; a picture of 64 pixels is a map of 4×4 after four.
        """
        super().__init__()
        for i in range(halvings):
            outputs = channels * min(2**i, 8)
            self.append(spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)))
            self.append(nn.LeakyReLU(0.2))
            inputs = outputs
        self.append(spectral_norm(nn.Conv2d(inputs, 1, 3, 1, 1)))


def judge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises, hinge form (Lim and Ye 2017), of its scores; a scalar."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def fool_loss(fake: Tensor) -> Tensor:
    """What minimises against it; a scalar."""
    return -fake.mean()


def augment(pictures: Tensor, random: torch.Generator) -> Tensor:
    """What a discriminator sees of pictures, real and fake alike (differentiable augmentation, Zhao et al. 2020).

    Moves each picture by up to an eighth, mirrors half, shifts brightness and contrast, and blanks a square of a
    quarter of the side. With few real pictures, a discriminator would otherwise learn them by heart.

    Args:
        pictures: (N, C, H, W); of the channels, the first three are changed in brightness and contrast.
        random: on the CPU, what the changes follow from.

    Returns:
        The same shape; gradients pass through.
    """
    count, _, height, width = pictures.shape

    def draw(low: float, high: float) -> Tensor:
        values = torch.rand(count, 1, 1, 1, generator=random) * (high - low) + low
        return values.to(pictures.device)

    colours, rest = pictures[:, :3], pictures[:, 3:]
    mean = colours.mean((1, 2, 3), keepdim=True)
    colours = (colours - mean) * draw(0.7, 1.3) + mean + draw(-0.2, 0.2)
    theta = torch.zeros(count, 2, 3, device=pictures.device)
    theta[:, 0, 0] = torch.where(draw(0, 1) < 0.5, -1.0, 1.0).flatten()
    theta[:, 1, 1] = 1
    theta[:, :, 2] = torch.cat([draw(-0.25, 0.25), draw(-0.25, 0.25)], 1).flatten(1)
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(torch.cat([colours, rest], 1), grid, padding_mode="reflection", align_corners=False)
    rows = torch.arange(height, device=pictures.device)[None, None, :, None] / height
    columns = torch.arange(width, device=pictures.device)[None, None, None, :] / width
    top, left = draw(-0.125, 0.875), draw(-0.125, 0.875)
    blank = (rows >= top) & (rows < top + 0.25) & (columns >= left) & (columns < left + 0.25)
    return moved.masked_fill(blank, 0.5)
