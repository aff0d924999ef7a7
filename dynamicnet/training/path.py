"""Phase three, which the paper does not have: ψ at every α, on the mixture of both objectives that α stands for."""

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor


def shares(count: int, draw: str) -> Tensor:
    """The share of O₁ for each picture of a batch, (count,).

    Half of them stay at the end, so that what phase two reached there is kept.
    """
    random, half = Random(draw), count // 2
    return torch.tensor([1.0] * half + [random.random() for _ in range(count - half)])


def mixed(low: Tensor, high: Tensor, scale: float, shares: Tensor) -> Tensor:
    """(1 − t)·scale·O₀ + t·O₁ of each picture, all (N,)."""
    return torch.lerp(scale * low, high, shares.to(low.device))


@torch.no_grad()
def balance(objectives: Callable[[int, float], tuple[Tensor, Tensor]]) -> float:
    """What O₀ is multiplied by before the two are mixed.

    Between the ends of what phase two trained, both then change by as much. One may be fifty times the other
    otherwise, and every mixture but the last is that one's alone.

    Args:
        objectives: O₀ and O₁, (N,) each, of the batch of a number at a share of O₁, 0 or 1.
    """
    of_low = of_high = 0.0
    for number in range(8):
        (low, high), (low_after, high_after) = (objectives(number, share) for share in (0.0, 1.0))
        of_low += abs(float(low_after.mean() - low.mean()))
        of_high += abs(float(high_after.mean() - high.mean()))
    return round(of_high / of_low, 4) if of_low else 1.0
