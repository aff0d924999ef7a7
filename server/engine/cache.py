"""What was prepared, kept for as long as there is room."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Values by key, bounded in bytes; what was used least recently leaves first.

    A value larger than the bound is not kept at all.
    """

    def __init__(self, limit: int) -> None:
        """Start empty.

        Args:
            limit: how many bytes to hold at most.
        """
        self.limit = limit
        self.held = 0
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """The value, which now counts as used last; None if it is not here."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep a value of some bytes, letting others go for it."""
        if key in self._values:
            self.held -= self._values.pop(key)[1]
        if size > self.limit:
            return
        self._values[key] = value, size
        self.held += size
        while self.held > self.limit:
            self.held -= self._values.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Let everything go."""
        self._values.clear()
        self.held = 0
