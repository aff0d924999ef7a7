"""Pictures larger than what is computed at once: in tiles that overlap by as far as the network looks."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import NamedTuple

from torch import Tensor

SIDE = 1536
"""Of a tile, in pixels, at most: of 2048 they took 200 MB more, and no less time."""

Place = tuple[slice, slice]
"""Rows and columns."""


class Tile(NamedTuple):
    """A part of a picture.

    Attributes:
        given: what the network is given, in the picture.
        kept: where what comes out is as it would be of the whole, in the picture.
        part: the same, in what comes out.
    """

    given: Place
    kept: Place
    part: Place


def tiles(size: tuple[int, int], reach: int, multiple: int, side: int) -> Iterator[Tile]:
    """The tiles of a picture, whose kept parts cover it once.

    All are of the same size once they are padded to a multiple, so that a device compiles for one; and as small as so
    many can be.

    Args:
        size: (H, W).
        reach: how far the network looks, in pixels.
        multiple: of what tiles begin at, and their sides are.
        side: of a tile, at most: a multiple as well, and more than twice as far as the network looks, and as two
            multiples.
    """
    for (rows, kept_rows, part_rows), (columns, kept_columns, part_columns) in product(
        *(_along(length, reach, multiple, side) for length in size)
    ):
        yield Tile((rows, columns), (kept_rows, kept_columns), (part_rows, part_columns))


def cut(tensor: Tensor, place: Place) -> Tensor:
    """What lies there of pictures, or of α over them, (..., H, W); what is the same everywhere as it is."""
    return tensor if tensor.shape[-2:] == (1, 1) else tensor[..., place[0], place[1]]


def _along(length: int, reach: int, multiple: int, side: int) -> list[tuple[slice, slice, slice]]:
    margin, padded = _up(reach, multiple), _up(length, multiple)
    count = max(1, -(-(padded - 2 * margin) // (side - 2 * margin)))
    side = min(padded, _up(-(-(padded - 2 * margin) // count), multiple) + 2 * margin)
    starts = [min(number * (side - 2 * margin), padded - side) for number in range(count)]
    borders = [0, *(start + margin for start in starts[1:]), length]
    return [
        (slice(start, min(start + side, length)), slice(low, high), slice(low - start, high - start))
        for start, (low, high) in zip(starts, pairwise(borders), strict=True)
    ]


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
