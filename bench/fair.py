"""How a slider fares beside one large request, and sixteen beside each other: ``python -m bench.fair``.

Starts a server of its own. Every figure is a ratio within one drag, so that what else the machine does hits both sides;
what hits a single frame does not, so what a virtual machine was not given (steal, proc_stat(5)) is printed as well.
"""

import argparse
import asyncio
import os
import time
from concurrent.futures import ProcessPoolExecutor
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


def waits(seen: Drag, begun: float, ended: float) -> list[float]:
    """Seconds between frames, of the frames that came in some time."""
    return [after - before for before, after in pairwise(seen.times) if begun <= after <= ended]


def stolen() -> float:
    """Seconds that all cores wanted and were not given since the machine began: 0 where nobody counts them."""
    counts = Path("/proc/stat")
    return int(counts.read_text().split()[8]) / os.sysconf("SC_CLK_TCK") if counts.exists() else 0.0


def _post(url: str, picture: bytes, data: dict[str, str]) -> None:
    files = {"image": picture}
    httpx.post(f"{url}/infer", files=files, data=data, timeout=600).raise_for_status()


async def beside(
    url: str, model: str, slid: bytes, posted: bytes, large: dict[str, str]
) -> tuple[float, float, float, float, float]:
    """Slide alone for a while, then beside a POST of a large photograph, with these fields.

    Returns:
        Frames a second alone, the share of them that stayed, the slowest frame there against the usual one,
        seconds until the reply, and those of them that were stolen.
    """
    moments: list[tuple[float, float]] = []

    async def post() -> None:
        await asyncio.sleep(WARM + ALONE)
        moments.append((time.perf_counter(), stolen()))
        await asyncio.get_running_loop().run_in_executor(somebody, _post, url, posted, large)
        moments.append((time.perf_counter(), stolen()))

    with ProcessPoolExecutor(1) as somebody:  # whose reply of many megabytes is not read by who slides
        somebody.submit(os.getpid).result()  # begun before anything is measured
        seen = await drag(f"{url.replace('http', 'ws', 1)}/ws", model, slid, post(), RATE)
    (begun, before), (ended, after) = moments
    alone, there = waits(seen, begun - ALONE, begun), waits(seen, begun, ended)
    share = len(there) / (ended - begun) * mean(alone)
    return 1 / mean(alone), share, max(there) / mean(alone), ended - begun, after - before


async def together(url: str, model: str, slid: bytes) -> tuple[float, float, float]:
    """Many sessions at once.

    Returns:
        Frames a second of all, the longest wait of any frame against the mean, and the frame rate of the slowest
        session against the mean.
    """
    drags = await drag_together(f"{url.replace('http', 'ws', 1)}/ws", model, slid, SESSIONS, WARM + TOGETHER, RATE)
    begun, ended = max(one.times[0] for one in drags) + WARM, min(one.last_sent for one in drags)
    each = [waits(one, begun, ended) for one in drags]
    every = [wait for one in each for wait in one]
    frames = [len(one) for one in each]
    return sum(frames) / (ended - begun), max(every) / mean(every), min(frames) / mean(frames)


def bound(table: Table, name: str, value: float, least: float | None = None, most: float | None = None) -> None:
    """A row with a bound, and whether it is met."""
    met = value >= least if least is not None else value <= most
    said = f"at least {least:g}" if least is not None else f"at most {most:g}"
    table.add_row(f"  {name}", f"{value:.2f}", said, "met" if met else "MISSED")


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
            alone, share, slowest, took, lost = asyncio.run(beside(url, style, slid, posted, large))
            there = f"beside a POST of {POSTED}×{POSTED} ({name}), {took:.1f} s, {lost:.2f} of them stolen"
            table.add_row(f"{alone:.1f} frames/s, then {there}")
            bound(table, "frames kept", share, least=0.5)
            bound(table, "slowest frame against the usual", slowest, most=3)
        time.sleep(2 * IDLE)  # the memory of what was large is given back
        before = stolen()
        frames, longest, fewest = asyncio.run(together(url, style, slid))
        table.add_row(f"{SESSIONS} sessions, {frames:.1f} frames/s, {stolen() - before:.2f} s stolen")
        bound(table, "longest wait of any frame against the mean", longest, most=2)
        bound(table, "frame rate of the slowest session against the mean", fewest, least=0.6)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
