"""The yardstick of Johnson et al. (2016, section 4.1): direct optimisation of the pixels, iteration by iteration."""

from collections.abc import Callable

import torch
from torch import Tensor

# The objective is a mean over pixels, so its gradient is small; scaled, float32 line search does not stall early.
SCALE = 1e4


def optimise_pixels(objective: Callable[[Tensor, Tensor], Tensor], picture: Tensor, iterations: int) -> list[float]:
    """Minimise an objective over the pixels of one picture, starting from the picture.

    L-BFGS with strong-Wolfe line search; its memory is cleared where the line search finds no way down, which
    makes the yardstick harder to reach, never easier.

    Args:
        objective: of (outputs, pictures), both (1, 3, H, W), giving (1,).
        picture: RGB (1, 3, H, W) in [0, 1].
        iterations: how many.

    Returns:
        The objective after 0, 1, … ``iterations`` iterations. Pixels are not clamped.
    """
    pixels = picture.clone().requires_grad_(True)

    def fresh() -> torch.optim.LBFGS:
        return torch.optim.LBFGS(
            [pixels], max_iter=1, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
        )

    optimiser = fresh()

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = objective(pixels, picture).sum() * SCALE
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    values: list[float] = []
    for _ in range(iterations):
        value = float(optimiser.step(closure)) / SCALE  # type: ignore[no-untyped-call]  # the value before the step
        if values and value >= values[-1]:
            optimiser = fresh()
        values.append(value)
    with torch.no_grad():
        values.append(float(objective(pixels, picture).sum()))
    return values


def iterations_matched(reached: float, means: list[float]) -> int:
    """How many iterations a mean objective is worth: the last one whose mean is no better."""
    return max((i for i, mean in enumerate(means) if mean >= reached), default=0)
