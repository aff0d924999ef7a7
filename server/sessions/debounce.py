"""When a slider that was moving has come to rest."""

import math
from collections import deque

SHORTEST = 0.06
"""Seconds without a new α after which a slider may be taken to rest: a few events of a pointer that moves."""

LONGEST = 0.2
"""Seconds after which it surely rests."""

SLACK = 1.5
"""How many times the longest gap between two of the last events, before it was no gap but a rest."""

REMEMBERED = 8


class Debounce:
    """Tells from how a slider moved until now how long it must stand still before it is taken to rest.

    A full frame begins then, and whoever else slides waits for it: better not between two moves of a slow hand.
    """

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)
        self._last = -math.inf

    def moved(self, now: float) -> None:
        """Take note of a new α, in seconds of any clock that never goes back."""
        if now - self._last < LONGEST:
            self._gaps.append(now - self._last)
        self._last = now

    @property
    def rests_at(self) -> float:
        """When it will rest, by the same clock, unless it moves before."""
        return self._last + min(max(SHORTEST, SLACK * max(self._gaps, default=0)), LONGEST)
