"""Of several latents, which makes a good picture: read off the latents themselves."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN = (128, 128)
ENOUGH = 1.0
"""Of a score, which is a logit."""


class Chooser(nn.Module):
    """Takes of each picture's candidates a latent that makes a good one.

    A generator covers what lies between the kinds of picture that it knows as well, with pictures that are neither: it
    is continuous, and they are not (Tanielian et al. 2020, "Learning disconnected manifolds"). Which latents lie there
    a small network learns from judged pictures (after Azadi et al. 2019, "Discriminator Rejection Sampling", and
    Issenhuth et al. 2021, "Latent reweighting", which read it off the latents too).

    Its numbers are buffers: whatever trains the generator leaves them as they are.
    """

    def __init__(self, latent: int) -> None:
        """Build it, with every latent as good as another.

        Args:
            latent: how many numbers one is.
        """
        super().__init__()
        self.layers = range(len(HIDDEN) + 1)
        for i, (inputs, outputs) in enumerate(pairwise((latent, *HIDDEN, 1))):
            self.register_buffer(f"weight{i}", torch.zeros(outputs, inputs))
            self.register_buffer(f"bias{i}", torch.zeros(outputs))

    def score(self, latents: Tensor) -> Tensor:
        """How good the picture of each latent is, (…, latent) to (…,), in float32 wherever it is asked.

        In bfloat16 two candidates that are nearly as good would change places from one device to another.
        """
        with torch.autocast(latents.device.type, enabled=False):
            z = latents.float()
            for i in self.layers:
                z = F.linear(z, self.get_buffer(f"weight{i}"), self.get_buffer(f"bias{i}"))
                z = F.leaky_relu(z, 0.2) if i + 1 in self.layers else z
        return z[..., 0]

    def forward(self, candidates: Tensor) -> Tensor:
        """The first of each picture's candidates that is good enough: (N, candidates, latent) to (N, latent).

        Where none is, the best. The best in any case would be much alike.
        """
        first = chosen(self.score(candidates))[:, None, None]
        return candidates.gather(1, first.expand(-1, 1, candidates.shape[2]))[:, 0]


def chosen(scores: Tensor) -> Tensor:
    """Which candidate is taken, by the scores of all, (N, candidates) to (N,)."""
    return scores.clamp(max=ENOUGH).argmax(1)
