"""A hole filled with what lies elsewhere in the picture, coarse to fine.

Where it is looked for follows Wexler, Shechtman and Irani 2007: every patch that touches the hole looks for the known
patch most like it, and a pixel takes the mean of what the patches over it found, in rounds. Patches that each find what
they want for themselves give stripes, so the hole is then filled at the few shifts that many patches found, in the hole
or in what is known (He and Sun 2012), each pixel at the one where its surroundings fit best, and in the end where
seams show least besides. What is nearer to the hole's border is surer, and counts for more. At higher resolutions, up
to the picture's own, a pixel looks only where it and its neighbours were taken from before (after Barnes et al. 2009).
Where parts from different places meet, their colours fade into one another, and their texture is left as it is (after
Burt and Adelson 1983).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.applications.completion import seams
from dynamicnet.method.pieces import Pieces, finish

EDGE = 3  # how far a patch reaches from its middle, in pixels of its level
PATCH = 2 * EDGE + 1
COARSEST = 16  # shorter side of the coarsest level, at least
SEARCHED = 64 * 64  # pixels of any other level that is searched all over, and those looked at on any, at most
SHIFTS = 40  # that a hole is filled from, of those found in it, and as many of those found in what is known
APART = 4  # pixels that a patch of what is known looks away from itself, at least
SPARSE = 3  # of so many of those one looks
ROUNDS = 3  # on a level that is searched
REFINED = 2  # on any other
BLOCK = 128  # pixels each way that look at once, which bounds the memory
PIXELS = 2**18  # that take a mean at once, likewise
SURE = 2.0  # how much surer a pixel is than one that lies deeper in the hole by one pixel
DEEP = 14  # pixels into the hole from which on all are as unsure
FIT = 2.0  # how much the fit of a pixel's surroundings counts, a squared difference, against seams
UNKNOWN = 0.05  # how far a known pixel is from one that is not
AT_ONCE = 512  # patches that look at once, likewise
FADE = 8  # pixels each way over which colours fade

NEIGHBOURS = ((0, 0), *((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column))

Shift = tuple[int, int]
"""Rows down and columns to the right."""


def copy(picture: Tensor, hole: Tensor) -> Tensor:
    """Fill a hole with copies of the known part: :func:`copying`, run to its end."""
    return finish(copying(picture, hole))


def copying(picture: Tensor, hole: Tensor) -> Pieces[Tensor]:
    """Fill a hole with copies of the known part, in pieces.

    Args:
        picture: (1, 3, H, W), its hole filled smoothly, which is where the search begins; sides above 3.
        hole: (1, 1, H, W), 1 in the hole and 0 elsewhere.

    Returns:
        (1, 3, H, W): the picture as it is outside the hole, and what is known inside; unchanged where so little is
        known that there is nothing to copy.
    """
    levels = [_Level(picture, hole)]
    while min(levels[-1].size) >= 2 * COARSEST:
        yield
        levels.append(levels[-1].halved())
    places = None
    for level in reversed(levels):
        yield
        if level is levels[-1] or level.pixels <= SEARCHED:
            places = yield from level.searched(places)
        elif places is not None:
            places = yield from level.refined(places)
    yield
    return picture if places is None else (yield from levels[0].blended(places))


class _Level:
    """A picture and its hole at one resolution.

    Where pixels are taken from is a number of a pixel for each, (H, W). Outside the hole that says what patches there,
    which reach into it, are like.
    """

    def __init__(self, picture: Tensor, missing: Tensor) -> None:
        self.picture, self.missing = picture, missing
        self.size = missing.shape[2:]
        self.pixels = self.size.numel()
        self.hole = missing[0, 0] > 0
        unknown = F.max_pool2d(F.pad(missing, (EDGE,) * 4, value=1.0), PATCH, 1)
        self.offered = unknown[0, 0] == 0  # where patches are known and within the picture

    def halved(self) -> "_Level":
        smaller = F.avg_pool2d(self.picture, 2, ceil_mode=True, count_include_pad=False)
        return _Level(smaller, F.max_pool2d(self.missing, 2, ceil_mode=True))

    def searched(self, before: Tensor | None) -> Pieces[Tensor | None]:
        """Where a hole is best filled from, of all that is known; ``before`` was found at half the resolution."""
        height, width = self.size
        start = None if before is None else self._shifted(before, (0, 0), slice(height), slice(width))[0]
        sources = self.offered.flatten().nonzero()[:, 0]
        if len(sources) == 0:
            return start
        sources = sources[:: -(-len(sources) // SEARCHED)]  # the coarsest level of a long picture has many
        places, current = yield from self._of_patches(start, sources)
        rows, columns = self.hole.nonzero().T
        found = places[rows, columns]
        shifts = self._frequent(found // width - rows, found % width - columns)
        some = sources[::SPARSE]
        alike = yield from self._alike(some, sources)
        shifts += self._frequent(alike // width - some // width, alike % width - some % width)
        down, right = (torch.tensor(one)[:, None, None] for one in zip(*dict.fromkeys(shifts), strict=True))
        across, along = torch.arange(height)[:, None] + down, torch.arange(width) + right
        there = across.clamp(0, height - 1) * width + along.clamp(0, width - 1)
        unknown = ~(_within(across, height) & _within(along, width)) | self.hole.flatten()[there]
        offers, sure = self.picture[0].flatten(1)[:, there], self._sureness()
        for left in reversed(range(ROUNDS)):
            yield
            apart = (offers - current[0, :, None]).square().sum(0) + UNKNOWN * unknown
            costs = _around(apart, sure[0]).masked_fill(unknown, torch.inf)
            best = costs.argmin(0, keepdim=True)
            if left:
                current = self.voted(there.gather(0, best)[0], 1)
        if len(rows) <= SEARCHED:
            best[0, rows, columns] = yield from seams.chosen(FIT * costs, offers, self.hole)
        return there.gather(0, best)[0]

    def refined(self, before: Tensor) -> Pieces[Tensor]:
        """The same of where a pixel and its neighbours were taken from at half the resolution, block by block."""
        places = self._shifted(before, (0, 0), slice(self.size[0]), slice(self.size[1]))[0]
        sure, known, picture = self._sureness(), ~self.hole.flatten(), self.picture[0].flatten(1)
        blocks = self._beginnings(EDGE)
        for _ in range(REFINED):
            yield
            current = self.voted(places, EDGE)
            for top, left in blocks:
                yield
                rows, columns = self._block(top, left, BLOCK, EDGE)
                best, found = torch.tensor(torch.inf), places[rows, columns]
                for neighbour in NEIGHBOURS:
                    there, inside = self._shifted(before, neighbour, rows, columns)
                    apart = (picture[:, there] - current[0, :, rows, columns]).square().sum(0)
                    apart = _around(apart[None], sure[0, :, rows, columns])[0]
                    better = inside & known[there] & (apart < best)
                    best, found = torch.where(better, apart, best), torch.where(better, there, found)
                inner = (
                    slice(top - rows.start, top - rows.start + BLOCK),
                    slice(left - columns.start, left - columns.start + BLOCK),
                )
                places[top : top + BLOCK, left : left + BLOCK] = found[inner]
        return places

    def voted(self, places: Tensor, step: int) -> Tensor:
        """The hole filled with the mean of what patches over each pixel found, of one in ``step`` each way."""
        height, width = self.size
        steps = range(-EDGE, EDGE + 1, step)
        voted = self.picture.clone()
        for some in torch.split(self.hole.nonzero(), PIXELS):
            rows, columns = some.T
            total = torch.zeros(3, len(some))
            for down in steps:
                for right in steps:
                    middle = (rows - down).clamp(0, height - 1), (columns - right).clamp(0, width - 1)
                    source = places[middle]
                    row = (source // width + rows - middle[0]).clamp(0, height - 1)
                    column = (source % width + columns - middle[1]).clamp(0, width - 1)
                    total += self.picture[0, :, row, column]
            voted[0, :, rows, columns] = total / len(steps) ** 2
        return voted

    def blended(self, places: Tensor) -> Pieces[Tensor]:
        """The hole filled, each pixel with the texture of its place and the colours of the places around it.

        The mean of what patches found, as in :meth:`voted`, would halve the texture: most pixels lie near a seam.
        """
        colours = _smooth(self.picture)
        yield
        texture = self.picture - _smooth(colours)
        yield
        blended = _taken(texture, places) + _smooth(_taken(colours, places))
        return torch.where(self.hole, blended, self.picture)

    def _of_patches(self, start: Tensor | None, sources: Tensor) -> Pieces[tuple[Tensor, Tensor]]:
        """Where each patch that touches the hole finds what is most like it, and what that makes of the picture."""
        targets = (F.max_pool2d(self.missing, PATCH, 1, EDGE) > 0).flatten().nonzero()[:, 0]
        offers = _patches(self.picture)[:, sources]
        squares = offers.square()
        weights = _patches(self._sureness())[:, targets].repeat(3, 1).T
        places, current = torch.arange(self.pixels), self.picture
        if start is not None:
            places, current = start.flatten(), torch.where(self.hole, _taken(self.picture, start), self.picture)
        for _ in range(ROUNDS):
            wanted, found = _patches(current)[:, targets].T, []
            for seen, weight in zip(torch.split(wanted, AT_ONCE), torch.split(weights, AT_ONCE), strict=True):
                yield
                found.append(sources[(weight @ squares - 2 * (weight * seen) @ offers).argmin(1)])
            places = places.scatter(0, targets, torch.cat(found))
            current = self.voted(places.view(self.size), 1)
        return places.view(self.size), current

    def _alike(self, pixels: Tensor, sources: Tensor) -> Pieces[Tensor]:
        """For the known patches around some pixels the ones most like them that are not about the same."""
        patches, width = _patches(self.picture), self.size[1]
        offers, found = patches[:, sources], []
        lengths = offers.square().sum(0)
        for some in torch.split(pixels, AT_ONCE):
            yield
            down, right = (sources // width - some[:, None] // width), (sources % width - some[:, None] % width)
            same = down.abs().maximum(right.abs()) < APART
            apart = lengths - 2 * patches[:, some].T @ offers
            found.append(sources[apart.masked_fill(same, torch.inf).argmin(1)])
        return torch.cat(found)

    def _frequent(self, down: Tensor, right: Tensor) -> list[Shift]:
        """The shifts that occur most, of those that occur more than their neighbours."""
        height, width = self.size
        counts = torch.zeros(1, 1, 2 * height + 1, 2 * width + 1)
        counts[0, 0].index_put_((down + height, right + width), torch.ones(len(down)), accumulate=True)
        counts = F.avg_pool2d(counts, 3, 1, 1) + counts / 1000  # of two neighbours the one that is itself found
        peaks = counts * (F.max_pool2d(counts, 3, 1, 1) == counts)
        most = peaks.flatten().topk(min(SHIFTS, int((peaks > 0).sum()))).indices
        return [(int(i) // (2 * width + 1) - height, int(i) % (2 * width + 1) - width) for i in most]

    def _sureness(self) -> Tensor:
        """How sure each pixel is, (1, 1, H, W): 1 where it is known."""
        made = torch.ones_like(self.missing)
        for top, left in self._beginnings(0):
            rows, columns = self._block(top, left, BLOCK, DEEP)
            sure, share = 1 - self.missing[:, :, rows, columns], 1.0
            for _ in range(DEEP):
                share /= SURE
                sure = torch.maximum(sure, share * (F.max_pool2d(sure, 3, 1, 1) > 0) * (sure == 0))
            inner = sure[:, :, top - rows.start :, left - columns.start :][:, :, :BLOCK, :BLOCK]
            made[:, :, top : top + BLOCK, left : left + BLOCK] = inner.clamp_min(share)
        return made

    def _beginnings(self, near: int) -> list[tuple[int, int]]:
        """The first row and column of all blocks with a part of the hole, or so near to one."""
        touched = F.max_pool2d(self.missing, 2 * near + 1, 1, near) if near else self.missing
        which = F.max_pool2d(touched, BLOCK, ceil_mode=True)[0, 0].nonzero() * BLOCK
        return [(int(top), int(left)) for top, left in which]

    def _block(self, top: int, left: int, side: int, beyond: int) -> tuple[slice, slice]:
        """Rows and columns of a block, and so many around it."""
        rows, columns = (
            slice(max(0, start - beyond), min(length, start + side + beyond))
            for start, length in zip((top, left), self.size, strict=True)
        )
        return rows, columns

    def _shifted(self, before: Tensor, neighbour: Shift, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        """Where pixels of a block are with shifts of a neighbour at half the resolution, and whether that is inside."""
        height, width = self.size
        down, right = (torch.arange(one.stop)[one] for one in (rows, columns))
        cells = (
            (down[:, None] // 2 + neighbour[0]).clamp(0, before.shape[0] - 1),
            (right // 2 + neighbour[1]).clamp(0, before.shape[1] - 1),
        )
        found = before[cells]
        down = down[:, None] + 2 * (found // before.shape[1] - cells[0])
        right = right + 2 * (found % before.shape[1] - cells[1])
        inside = _within(down, height) & _within(right, width)
        return down.clamp(0, height - 1) * width + right.clamp(0, width - 1), inside


def _taken(values: Tensor, places: Tensor) -> Tensor:
    """Those of each pixel from its place, (1, C, H, W)."""
    taken: Tensor = values.flatten(2)[..., places.flatten()]
    return taken.view_as(values)


def _smooth(values: Tensor) -> Tensor:
    """The mean over :data:`FADE` pixels each way, (1, C, H, W); beyond the edges the same goes on."""
    window = 2 * FADE + 1
    for dim, edges in ((2, (0, 0, FADE + 1, FADE)), (3, (FADE + 1, FADE, 0, 0))):
        sums, side = F.pad(values, edges, mode="replicate").cumsum(dim), values.shape[dim]
        values = (sums.narrow(dim, window, side) - sums.narrow(dim, 0, side)) / window
    return values


def _around(apart: Tensor, sure: Tensor) -> Tensor:
    """How far the surroundings of pixels are from those of places they might be taken from, both (N, H, W).

    Summed over the pixels of a patch, each at its own place: the same wherever the shift is, and a fiftieth of the work
    of comparing patches.
    """
    return F.avg_pool2d(apart * sure, PATCH, 1, EDGE, count_include_pad=False)


def _within(numbers: Tensor, length: int) -> Tensor:
    return (numbers >= 0) & (numbers < length)


def _patches(picture: Tensor) -> Tensor:
    """(1, C, H, W) to the patches around all pixels, (C · PATCH², H · W), mirrored at the edges."""
    return F.unfold(F.pad(picture, (EDGE,) * 4, mode="reflect"), PATCH)[0]
