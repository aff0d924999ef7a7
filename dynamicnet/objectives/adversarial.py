"""Adversarial objectives: discriminators, what they see, and their losses (Goodfellow et al. 2014)."""

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from dynamicnet.objectives.encoder import Encoder

HALVINGS = {"2": 3, "3": 2, "4": 1}
"""Blocks of an encoder whose last layer is judged, and how often that is halved: all to the same size."""


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


class Panel(nn.Module):
    """A discriminator of the pictures, and one of each of some layers of a frozen encoder.

    What an encoder has learned of pictures need not be learned from the few that there are to train on, so that
    faces come sooner (after Sauer et al. 2021, "Projected GANs Converge Faster", and Kumari et al. 2022).
    """

    def __init__(self, own: Discriminator, encoder: Encoder, real: Tensor) -> None:
        """Build it.

        Args:
            own: of the pictures, and of whatever else it is shown with them.
            encoder: whose features it is shown.
            real: some pictures (N, 3, H, W) in [0, 1], by which features are brought to a size of about 1.
        """
        super().__init__()
        self.own = own
        last = {layer[4]: layer for layer in encoder.layers}
        halvings = {last[block]: count for block, count in HALVINGS.items() if block in last}
        with torch.no_grad():
            features = encoder(real, halvings.keys())
        self.sizes = {layer: float(z.square().mean().sqrt()) for layer, z in features.items()}
        self.of_features = nn.ModuleDict(
            {layer: Discriminator(z.shape[1], 64, halvings[layer]) for layer, z in features.items()}
        )

    @property
    def layers(self) -> Collection[str]:
        """Names of the layers that are judged."""
        return self.sizes.keys()

    def forward(self, features: Mapping[str, Tensor], shown: Tensor) -> Tensor:
        """Scores of a batch, (N, scores).

        Args:
            features: what the encoder makes of the pictures, at least at ``layers``.
            shown: what its own discriminator is shown of them.
        """
        maps = [judge(features[layer] / self.sizes[layer]) for layer, judge in self.of_features.items()]
        return torch.cat([scores.flatten(1) for scores in (self.own(shown), *maps)], 1)


def shown(pictures: Tensor) -> Tensor:
    """What a discriminator sees of a batch (N, 3, H, W): the pictures, and how far they differ from each other.

    The standard deviation over the batch is a fourth channel (after Karras et al. 2018, section 3): a generator
    that gives all its pictures the same skin and background is found out at once, and does not take to it.
    """
    spread = pictures.std(0, keepdim=True).mean(1, keepdim=True)
    return torch.cat([pictures, spread.expand(len(pictures), -1, -1, -1)], 1) * 2 - 1


def augmented(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (N, 3, H, W), real or made, before they are judged (Zhao et al. 2020, "Differentiable Augmentation").

    Each is moved by up to an eighth of its side, made lighter or darker, paler or fuller, flatter or harder: a
    discriminator that cannot know its few real pictures by heart goes on telling what is wrong with the others.
    """
    count, _, height, width = pictures.shape

    def drawn(low: float, high: float) -> Tensor:
        return torch.empty(count, 1, 1, 1).uniform_(low, high, generator=random).to(pictures.device)

    pictures = pictures + drawn(-0.25, 0.25)
    grey = pictures.mean(1, keepdim=True)
    pictures = grey + (pictures - grey) * drawn(0.5, 1.5)
    mean = pictures.mean((1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * drawn(0.75, 1.25)
    margin = height // 8
    padded = F.pad(pictures, (margin,) * 4, mode="reflect")
    tops, lefts = (torch.randint(0, 2 * margin + 1, (count,), generator=random).tolist() for _ in range(2))
    moved = [one[:, t : t + height, x : x + width] for one, t, x in zip(padded, tops, lefts, strict=True)]
    return torch.stack(moved).contiguous(memory_format=torch.channels_last)


def judge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises, hinge form (Lim and Ye 2017), of its scores; a scalar."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def fool_loss(fake: Tensor) -> Tensor:
    """What minimises against it; a scalar."""
    return -fake.mean()
