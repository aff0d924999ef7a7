"""When a slider that was moving has come to rest."""

from itertools import pairwise

import pytest

from server.sessions.debounce import LONGEST, SHORTEST, Debounce


def moving(times: list[float], known: int = 1) -> Debounce:
    """A slider that moved at these times, and never seemed to rest once so many gaps of it were known."""
    slider = Debounce()
    slider.moved(times[0])
    for turn, (_, now) in enumerate(pairwise(times)):
        assert turn < known or now < slider.rests_at
        slider.moved(now)
    return slider


@pytest.mark.parametrize("gap", [1 / 120, 1 / 60, 1 / 30, 1 / 10])
def test_a_steady_slider_moves_however_slow_it_is_and_rests_soon_after_its_last_move(gap):
    times = [event * gap for event in range(20)]
    assert SHORTEST <= moving(times).rests_at - times[-1] <= max(SHORTEST, 2 * gap)


def test_events_that_come_late_and_then_together_are_still_a_move():
    times = [(event // 3) * 0.1 + (event % 3) * 0.001 for event in range(30)]  # as from a busy machine
    moving(times, known=3)


def test_a_pause_is_a_rest_and_is_not_waited_for_the_next_time():
    slider = moving([0, 0.01, 0.02])
    assert slider.rests_at < 1
    slider.moved(1)
    assert slider.rests_at == pytest.approx(1 + SHORTEST)


def test_one_move_alone_rests_soon_and_no_slider_is_waited_for_long():
    slider = Debounce()
    slider.moved(5)
    assert slider.rests_at == pytest.approx(5 + SHORTEST)
    slider.moved(5 + 0.99 * LONGEST)
    assert slider.rests_at - 5 <= 2 * LONGEST
