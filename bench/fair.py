"""How a slider fares beside one large request, and sixteen beside each other: ``python -m bench.fair``.

Starts a server of its own. Every figure is a ratio within one drag, so that what else the machine does hits both sides;
what hits a single frame does not, so frames that time was stolen from (of a virtual machine: proc_stat(5)) are counted,
and the slowest of the others is printed beside the slowest of all.
"""

import argparse
import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean

import httpx
from rich.console import Console
from rich.table import Table

from bench.networks import photograph
from bench.service import RATE, Drag, drag, drag_together, free_port, running
from server.engine.engine import IDLE

SLID, POSTED = 512, 4900  # pixels a side
WARM, ALONE = 10.0, 8.0  # seconds; what a batch and size is met with for the first time is compiled meanwhile
SESSIONS, TOGETHER = 16, 20.0


@dataclass(frozen=True)
class Waits:
    """Seconds between frames of some drags, and how many of them were stolen meanwhile."""

    seconds: list[float]
    stolen: list[float]

    @property
    def undisturbed(self) -> list[float]:
        """Those of which nothing was stolen."""
        return [wait for wait, lost in zip(self.seconds, self.stolen, strict=True) if not lost]


def waits(seen: Drag, counts: list[tuple[float, float]], begun: float, ended: float) -> Waits:
    """Between the frames that came in some time; ``counts`` are moments, and what had been stolen until then."""
    pairs = [pair for pair in pairwise(seen.times) if begun <= pair[1] <= ended]

    def until(moment: float) -> float:
        return counts[min(bisect_left(counts, (moment,)), len(counts) - 1)][1]

    return Waits([after - before for before, after in pairs], [until(after) - until(before) for before, after in pairs])


def stolen() -> float:
    """Seconds that all cores wanted and were not given since the machine began: 0 where nobody counts them."""
    counts = Path("/proc/stat")
    return int(counts.read_text().split()[8]) / os.sysconf("SC_CLK_TCK") if counts.exists() else 0.0


@asynccontextmanager
async def counting() -> AsyncIterator[list[tuple[float, float]]]:
    """Moments, and what had been stolen until then, several times a frame."""
    counts: list[tuple[float, float]] = []

    async def count() -> None:
        while True:
            counts.append((time.perf_counter(), stolen()))
            await asyncio.sleep(0.005)

    task = asyncio.create_task(count())
    try:
        yield counts
    finally:
        task.cancel()


def _post(url: str, picture: bytes, data: dict[str, str]) -> None:
    files = {"image": picture}
    httpx.post(f"{url}/infer", files=files, data=data, timeout=600).raise_for_status()


async def beside(url: str, model: str, slid: bytes, posted: bytes, large: dict[str, str]) -> tuple[Waits, Waits, float]:
    """Slide alone for a while, then beside a POST of a large photograph, with these fields.

    Returns:
        The waits alone, those beside it, and seconds until the reply.
    """
    moments: list[float] = []

    async def post() -> None:
        await asyncio.sleep(WARM + ALONE)
        moments.append(time.perf_counter())
        await asyncio.get_running_loop().run_in_executor(somebody, _post, url, posted, large)
        moments.append(time.perf_counter())

    with ProcessPoolExecutor(1) as somebody:  # whose reply of many megabytes is not read by who slides
        somebody.submit(os.getpid).result()  # begun before anything is measured
        async with counting() as counts:
            seen = await drag(f"{url.replace('http', 'ws', 1)}/ws", model, slid, post(), RATE)
    begun, ended = moments
    alone, there = waits(seen, counts, begun - ALONE, begun), waits(seen, counts, begun, ended)
    return alone, there, ended - begun


async def together(url: str, model: str, slid: bytes) -> tuple[list[Waits], float]:
    """Many sessions at once.

    Returns:
        The waits of each, and in how many seconds.
    """
    async with counting() as counts:
        drags = await drag_together(f"{url.replace('http', 'ws', 1)}/ws", model, slid, SESSIONS, WARM + TOGETHER, RATE)
    begun, ended = max(one.times[0] for one in drags) + WARM, min(one.last_sent for one in drags)
    return [waits(one, counts, begun, ended) for one in drags], ended - begun


def bound(table: Table, name: str, value: float, least: float | None = None, most: float | None = None) -> None:
    """A row with a bound, and whether it is met."""
    met = value >= least if least is not None else value <= most
    said = f"at least {least:g}" if least is not None else f"at most {most:g}"
    table.add_row(f"  {name}", f"{value:.2f}", said, "met" if met else "MISSED")


def slowest(table: Table, each: list[Waits], usual: float, most: float) -> None:
    """The slowest frame of all against the usual, and of those that nothing was stolen from."""
    bound(table, "slowest frame against the usual", max(max(one.seconds) for one in each) / usual, most=most)
    undisturbed = [wait for one in each for wait in one.undisturbed]
    stolen_from = sum(len(one.seconds) for one in each) - len(undisturbed)
    of_others = max(undisturbed, default=0) / usual
    bound(table, f"slowest of others than the {stolen_from} that time was stolen from", of_others, most=most)


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(prog="python -m bench.fair", description=__doc__).parse_args()
    slid, posted = photograph(SLID), photograph(POSTED)
    table = Table("", "", "bound", "", title=f"load {os.getloadavg()[0]:.1f} at the start")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(["server"], port, DYNAMICNET_PORT=str(port)):
        models = {model["application"]: model["id"] for model in reversed(httpx.get(f"{url}/models").json()["models"])}
        style = models["style"]
        for name, large in {
            "style": {"model": style},
            "restoration": {"model": models["restoration"]},
            "style, strokes at its own scale": {"model": style, "detail": str(POSTED)},
        }.items():
            alone, there, took = asyncio.run(beside(url, style, slid, posted, large))
            usual = mean(alone.seconds)
            table.add_row(f"{1 / usual:.1f} frames/s, then beside a POST of {POSTED}×{POSTED} ({name}), {took:.1f} s")
            bound(table, "frames kept", len(there.seconds) / took * usual, least=0.5)
            slowest(table, [there], usual, most=3)
        time.sleep(2 * IDLE)  # the memory of what was large is given back
        each, took = asyncio.run(together(url, style, slid))
        frames = [len(one.seconds) for one in each]
        table.add_row(f"{SESSIONS} sessions, {sum(frames) / took:.1f} frames/s")
        slowest(table, each, mean(wait for one in each for wait in one.seconds), most=2)
        bound(table, "frame rate of the slowest session against the mean", min(frames) / mean(frames), least=0.6)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
