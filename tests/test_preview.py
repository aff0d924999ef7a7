"""How large a frame may be while the slider moves."""

from itertools import pairwise

from server.sessions.preview import FRAME_MS, LEVELS, SMALLEST, Pace


def drive(cost, frames=200, shorter_side=2000) -> list[float]:
    """The levels chosen when a frame takes ``cost(level)`` milliseconds."""
    pace, levels = Pace(), []
    for _ in range(frames):
        levels.append(pace.choose(shorter_side))
        pace.note(levels[-1], cost(levels[-1]))
    return levels


def test_the_largest_frame_that_comes_in_time_is_found():
    for full in (10, 39, 60, 150, 700):
        levels = drive(lambda level, full=full: full * level**2)
        best = max((level for level in LEVELS if full * level**2 <= FRAME_MS), default=LEVELS[-1])
        assert max(set(levels), key=levels.count) == best
        assert levels[0] == 1


def test_while_the_smallest_is_too_slow_nothing_larger_is_tried():
    assert set(drive(lambda level: 100, frames=1000)[20:]) == {LEVELS[-1]}


def test_frames_grow_again_when_a_rush_is_over():
    pace = Pace()
    for _ in range(50):
        pace.note(pace.choose(2000), 400)
    calm = []
    for _ in range(200):
        calm.append(pace.choose(2000))
        pace.note(calm[-1], 5)
    assert calm[-1] == 1


def test_no_preview_is_so_small_that_it_looks_like_something_else():
    sides = (SMALLEST // 2, 200, 300, 4 * SMALLEST, 1000)
    smallest = [side * min(drive(lambda level: 500, shorter_side=side)) for side in sides]
    assert smallest == [SMALLEST // 2, 150, 150, SMALLEST, 250]


def test_frames_grow_by_one_level_at_a_time():
    pace, levels = Pace(), []
    for turn in range(400):
        levels.append(LEVELS.index(pace.choose(2000)))
        pace.note(LEVELS[levels[-1]], 300 if turn < 20 else 1 if turn > 300 else 39)
    assert levels[-1] == 0
    assert all(after >= before - 1 for before, after in pairwise(levels))
