"""How large a frame may be while the slider moves."""

FRAME_MS = 33.0
"""Longest a frame may take while the slider moves: 30 come in a second. Most take less, as sizes are few."""

SMALLEST = 128
"""Pixels of the shorter side of a preview, at least: strokes keep their size, and of 64 pixels nothing else is left."""

LEVELS = (1.0, 0.75, 0.5, 0.375, 0.25, 0.125)
"""Sizes of frames, as shares of the picture's. Few, so that each is prepared once and sessions can share a batch."""

SMOOTHING = 0.5
"""Weight of a new measurement."""

HOPE = 0.98
"""What an estimate shrinks by each time it alone stands in the way: a level is tried again when a rush is over."""


class Pace:
    """Chooses the largest frame that is expected in time, from how long frames took until now."""

    def __init__(self) -> None:
        self._ms: dict[float, float] = {}
        self._at = 0  # in LEVELS

    def note(self, level: float, ms: float) -> None:
        """Take note of what a frame took, its time in the line and its encoding included."""
        self._ms[level] = ms if level not in self._ms else self._ms[level] + SMOOTHING * (ms - self._ms[level])

    def choose(self, shorter_side: int) -> float:
        """The level for the next frame; the full picture until there is something to go by.

        Grows by a level at a time: in a rush, many sessions try it at the same moment.

        Args:
            shorter_side: of the picture, in pixels.
        """
        if self._at > 0:
            larger, now = LEVELS[self._at - 1], LEVELS[self._at]
            if min(self._expected(larger), self._scaled(now, larger)) <= FRAME_MS:
                self._at -= 1
                return larger
            if self._expected(now) <= FRAME_MS:
                self._ms[larger] *= HOPE
        while (
            self._at + 1 < len(LEVELS)
            and shorter_side * LEVELS[self._at + 1] >= SMALLEST
            and self._expected(LEVELS[self._at]) > FRAME_MS
        ):
            self._at += 1
        return LEVELS[self._at]

    def _expected(self, level: float) -> float:
        """What was measured, else a guess from the nearest level measured."""
        if level not in self._ms:
            if not self._ms:
                return 0.0
            nearest = min(self._ms, key=lambda known: abs(known - level))
            self._ms[level] = self._scaled(nearest, level)
        return self._ms[level]

    def _scaled(self, known: float, level: float) -> float:
        """As if time went with the number of pixels."""
        return self._expected(known) * (level / known) ** 2
