"""How large a frame may be while the slider moves."""

FRAME_MS = 40.0
"""Longest a frame may take while the slider moves; beyond it, the picture no longer follows the hand."""

LEVELS = (1.0, 0.75, 0.5, 0.375, 0.25, 0.125)
"""Sizes of frames, as shares of the picture's. Few, so that each is prepared once and sessions can share a batch."""

SMOOTHING = 0.5
"""Weight of a new measurement."""

HOPE = 0.98
"""What an estimate shrinks by each time it stands in the way, so that a level is tried again when a rush is over."""


class Pace:
    """Chooses the largest frame that is expected in time, from how long frames took until now."""

    def __init__(self) -> None:
        self._ms: dict[float, float] = {}

    def note(self, level: float, ms: float) -> None:
        """Take note of what a frame took, its time in the line and its encoding included."""
        self._ms[level] = ms if level not in self._ms else self._ms[level] + SMOOTHING * (ms - self._ms[level])

    def choose(self, shorter_side: int, smallest: int) -> float:
        """The level for the next frame; the full picture until there is something to go by.

        Args:
            shorter_side: of the picture, in pixels.
            smallest: what it must not fall below.
        """
        chosen = 1.0
        for level in LEVELS:
            if shorter_side * level < smallest:
                break
            chosen = level
            if self._expected(level) <= FRAME_MS:
                break
            if level in self._ms:
                self._ms[level] *= HOPE
        return chosen

    def _expected(self, level: float) -> float:
        """What was measured, else as if time went with the number of pixels from the nearest level measured."""
        if not self._ms:
            return 0.0
        nearest = min(self._ms, key=lambda known: abs(known - level))
        return self._ms[nearest] * (level / nearest) ** 2
