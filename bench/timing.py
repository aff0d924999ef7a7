"""Contenders take turns, so that whatever else the machine does hits all alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def alternate(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 4, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median milliseconds of each by a clock that tells seconds, after one turn to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()
    for _ in range(rounds):
        for name, work in contenders.items():
            begun = clock()
            work()
            times[name].append((clock() - begun) * 1000)
    return {name: median(taken) for name, taken in times.items()}
