"""Which of some shifts each pixel of a hole is taken at, so that seams between them show as little as they can.

Of two neighbours at different shifts a seam shows as much as the picture differs between them, in both places (Kwatra
et al. 2003; He and Sun 2012 choose shifts so). Differences count by their length and not by its square, so that one
clear edge, as objects have, costs less than many soft ones. Beliefs go along rows and columns, there and back, a line
of pixels at once (loopy belief propagation; Tappen and Freeman 2003).
"""

import torch
from torch import Tensor

from dynamicnet.method.pieces import Pieces

SWEEPS = 6
NEVER = 1e3  # what a shift costs where it cannot be
WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def chosen(costs: Tensor, offers: Tensor, hole: Tensor) -> Pieces[Tensor]:
    """Choose, in pieces.

    Args:
        costs: (S, H, W), of a pixel at a shift; infinite where it cannot be.
        offers: (3, S, H, W), its colours there, in [0, 1].
        hole: (H, W), where something is chosen.

    Returns:
        The number of a shift for each pixel of the hole, in their order.
    """
    rows, columns = hole.nonzero().T
    numbers = torch.full(hole.shape, -1).index_put_((rows, columns), torch.arange(len(rows)))
    colours = offers[:, :, rows, columns].permute(2, 1, 0)
    apart = torch.cat([torch.cdist(some, some) for some in torch.split(colours, 64)])
    beliefs = costs[:, rows, columns].clamp_max(NEVER).T
    heard = torch.zeros(len(WAYS), *beliefs.shape)
    lines = [_lines(numbers, *way) for way in WAYS]
    for _ in range(SWEEPS):
        for way, pairs in enumerate(lines):
            for here, there in pairs:
                yield
                told = beliefs[here] - heard[way ^ 1, here]  # all but what is there already
                told = (told[:, :, None] + apart[here] + apart[there]).amin(1)
                told -= told.amin(1, keepdim=True)
                beliefs[there] += told - heard[way, there]
                heard[way, there] = told
    return beliefs.argmin(1)


def _lines(numbers: Tensor, down: int, right: int) -> list[tuple[Tensor, Tensor]]:
    """Neighbours in a direction that are both in the hole, line by line: those before, those after."""
    along = numbers.T if down else numbers
    along = along if down + right > 0 else along.flip(1)
    pairs = zip(along.unbind(1)[:-1], along.unbind(1)[1:], strict=True)
    inside = [(before, after, (before >= 0) & (after >= 0)) for before, after in pairs]
    return [(before[both], after[both]) for before, after, both in inside if both.any()]
