"""Work in pieces, between which whoever runs it may do other work, or leave the rest."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

T = TypeVar("T")

Pieces = Generator[Any, None, T]
"""Each step is a piece, none much longer than a frame of 512×512; the end returns what they make together.

One piece may yield how many pixels those after it work at, which whoever runs them may have to make room for.
"""


def finish(pieces: Pieces[T]) -> T:
    """Run work to its end, and return what it makes."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def in_one(work: Callable[[], T]) -> Pieces[T]:
    """Work that is one piece."""
    return work()
    yield  # a generator


def each_within(context: Callable[[], AbstractContextManager[object]], pieces: Pieces[T]) -> Pieces[T]:
    """Run every piece within a context of its own, which does not hold for what is done between two."""
    while True:
        with context():
            try:
                pixels = next(pieces)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
        yield pixels
