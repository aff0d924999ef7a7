"""Adversarial objectives: a discriminator and its losses (Goodfellow et al. 2014)."""

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
