"""A hole filled with what lies elsewhere in the picture: patches are copied from the known part, coarse to fine.

After Wexler, Shechtman and Irani 2007: every patch that touches the hole looks for the known patch most like it, and
a pixel takes the mean of what the patches over it found; some rounds of this, and then at twice the resolution. On
large levels a patch looks only where it and its neighbours were found before (after Barnes et al. 2009), which costs
little and keeps together what belongs together. In the end each pixel is copied from where its patch was found.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

EDGE = 3  # how far a patch reaches from its middle, in pixels of its level
PATCH = 2 * EDGE + 1
COARSEST = 16  # shorter side of the coarsest level, at least
SEARCHED = 64 * 64  # pixels of a level that is searched all over, at most
ROUNDS = 3  # of search and vote on each level
AT_ONCE = 256  # patches that look at once, which bounds the memory

NEIGHBOURS = torch.cartesian_prod(torch.arange(-1, 2), torch.arange(-1, 2)).T[..., None]


def copy(picture: Tensor, hole: Tensor) -> Tensor:
    """Fill a hole with copies of the known part.

    Args:
        picture: (1, 3, H, W), its hole filled smoothly, which is where the search begins; sides above 3.
        hole: (1, 1, H, W), 1 in the hole and 0 elsewhere.

    Returns:
        (1, 3, H, W): the picture as it is outside the hole, and known pixels inside; unchanged where so little is
        known that there is nothing to copy.
    """
    levels = [(picture, hole)]
    while min(levels[-1][0].shape[2:]) >= 2 * COARSEST:
        finer, missing = levels[-1]
        halved = F.avg_pool2d(finer, 2, ceil_mode=True, count_include_pad=False)
        levels.append((halved, F.max_pool2d(missing, 2, ceil_mode=True)))
    found = None
    for original, missing in reversed(levels):
        if min(original.shape[2:]) > EDGE:
            found = _search(original, missing, found)
    return picture if found is None else picture[..., found[0], found[1]]


def _search(original: Tensor, missing: Tensor, before: Tensor | None) -> Tensor | None:
    """Where the pixels of a hole are best taken from.

    Args:
        original: (1, 3, H, W), its hole filled smoothly.
        missing: (1, 1, H, W), 1 in the hole.
        before: what was found at half the resolution, if anything was.

    Returns:
        Rows and columns, (2, H, W); outside the hole every pixel is its own source. None where no patch is known.
    """
    height, width = original.shape[2:]
    known = F.max_pool2d(missing, PATCH, 1, EDGE).flatten() == 0
    targets, sources = (~known).nonzero()[:, 0], known.nonzero()[:, 0]
    if len(sources) == 0:
        return None
    hole = missing.flatten() > 0
    places = torch.arange(height * width)
    current = original
    if before is not None:
        places[hole] = _candidates(before, places[hole], height, width)[:, len(NEIGHBOURS[0]) // 2]
        current = original.flatten(2)[..., places].view_as(original)
    offered = _padded(original)
    near = before if len(known) > SEARCHED else None  # None: it looks everywhere
    if near is None:
        patches = offered[:, _around(sources, width)].transpose(0, 1).flatten(1)
        lengths = patches.square().sum(1)
    for _ in range(ROUNDS):
        seen, found = _padded(current), []
        for some in torch.split(targets, AT_ONCE):
            wanted = seen[:, _around(some, width)].transpose(0, 1).flatten(1)
            if near is None:
                found.append(sources[(lengths - 2 * wanted @ patches.T).argmin(1)])
            else:
                candidates = _candidates(near, some, height, width)
                offers = offered[:, _around(candidates, width)].permute(1, 2, 0, 3).flatten(2)
                apart = (offers - wanted[:, None]).square().sum(2).where(known[candidates], torch.inf)
                found.append(candidates.gather(1, apart.argmin(1, keepdim=True))[:, 0])
        places[targets] = torch.cat(found)
        current = torch.where(missing > 0, _voted(offered, places, targets, height, width), original)
    places = torch.where(hole, places, torch.arange(height * width))
    return torch.stack([places // width, places % width]).view(2, height, width)


def _candidates(before: Tensor, pixels: Tensor, height: int, width: int) -> Tensor:
    """Where pixels (N,), and their neighbours, were found at half the resolution, as shifts of each: (N, 9)."""
    at = torch.stack([pixels // width, pixels % width])[:, None]
    cells = at // 2 + NEIGHBOURS
    limits = torch.tensor(before.shape[1:])[:, None, None]
    cells = cells.clamp_min(0).minimum(limits - 1)
    rows, columns = at + 2 * (before[:, cells[0], cells[1]] - cells)
    places: Tensor = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    return places.T


def _voted(offered: Tensor, places: Tensor, targets: Tensor, height: int, width: int) -> Tensor:
    """The mean of what the patches over each pixel found, (1, 3, H, W); where there are none, 0."""
    total, count = torch.zeros_like(offered), torch.zeros(offered.shape[1])
    for some in torch.split(targets, AT_ONCE):
        to, source = _around(some, width).flatten(), _around(places[some], width).flatten()
        total.index_add_(1, to, offered[:, source])
        count.index_add_(0, to, torch.ones(len(to)))
    mean = (total / count.clamp_min(1)).view(1, 3, height + 2 * EDGE, width + 2 * EDGE)
    inner: Tensor = mean[..., EDGE:-EDGE, EDGE:-EDGE]
    return inner


def _padded(picture: Tensor) -> Tensor:
    """(1, 3, H, W) to (3, pixels), mirrored at the edges so that every pixel has a patch around it."""
    return F.pad(picture, (EDGE,) * 4, mode="reflect")[0].flatten(1)


def _around(pixels: Tensor, width: int) -> Tensor:
    """Where the patches around pixels (…) lie in a padded picture, (…, PATCH²)."""
    steps = torch.arange(PATCH)
    corners = pixels // width * (width + 2 * EDGE) + pixels % width
    return corners[..., None] + (steps[:, None] * (width + 2 * EDGE) + steps).flatten()
