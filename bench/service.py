"""A server of its own, and what is measured of it from outside."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.networks import photograph
from dynamicnet.client import unpack

RATE = 60  # events a second of a slider that is dragged
SWAY = 4.0  # seconds from one end to the other


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    arguments: list[str], port: int, folder: Path | None = None, **environment: str
) -> Iterator[subprocess.Popen]:
    """A process of Python that answers on a port, begun in a folder, and ended with us."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
                if process.poll() is not None:
                    raise
        yield process
    finally:
        process.terminate()
        process.wait(30)


class Session:
    """A client of docs/protocol.md."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seq = 0

    async def open(self, model: str, picture: bytes | None = None) -> None:
        """Open a picture, or the same again, which has no past to choose previews by."""
        message = {"type": "open", "model": model, "reuse": picture is None}
        await self.connection.send(json.dumps(message))
        if picture is not None:
            await self.connection.send(picture)
        answer = json.loads(await self.connection.recv())
        if answer["type"] != "ready":
            raise RuntimeError(answer["message"])

    async def ask(self, alpha: float) -> None:
        """Ask for a frame."""
        self.seq += 1
        await self.connection.send(json.dumps({"type": "alpha", "seq": self.seq, "alpha": alpha}))

    async def frame(self) -> dict:
        """The next frame's header, acknowledged, and how many ``bytes`` came."""
        message = await self.connection.recv()
        header = unpack(message).header
        await self.connection.send(json.dumps({"type": "ack", "frame": header["frame"]}))
        return header | {"bytes": len(message)}


async def exact_frames(url: str, model: str, picture: bytes, rounds: int, between: Callable[[], object]) -> list:
    """(ms from α to the exact frame, ms of its render), one for each round, with something else run in between."""
    seen = []
    async with connect(url, max_size=None) as connection:
        session = Session(connection)
        await session.open(model, picture)
        for turn in range(rounds + 1):
            await session.open(model)
            begun = time.perf_counter()
            await session.ask(0.3 + 0.4 * turn / rounds)
            header = await session.frame()
            seen.append(((time.perf_counter() - begun) * 1000, header["timings"]["render"]))
            between()
    return seen[1:]


@dataclass
class Drag:
    """What one session saw of a drag: when frames came, their headers, and when the last α was sent."""

    times: list[float]
    headers: list[dict]
    last_sent: float


async def drag(url: str, model: str, picture: bytes, until: Coroutine, rate: float) -> Drag:
    """Slide there and back until something has happened; ends with the last α's exact frame."""
    async with connect(url, max_size=None) as connection:
        session = Session(connection)
        await session.open(model, picture)
        seen = Drag([], [], 0)
        gc.freeze()  # a search for cycles in all that is imported takes 0.2 s, and a slider that is not moved rests

        async def slide() -> None:
            begun, ending = time.perf_counter(), asyncio.create_task(until)
            while not ending.done():
                await session.ask(1 - abs(session.seq / rate / SWAY % 2 - 1))
                await asyncio.sleep(begun + session.seq / rate - time.perf_counter())
            await session.ask(0.5)
            seen.last_sent = time.perf_counter()
            await ending

        sliding = asyncio.create_task(slide())
        while not sliding.done() or (seen.headers[-1]["seq"], seen.headers[-1]["exact"]) != (session.seq, True):
            seen.headers.append(await session.frame())
            seen.times.append(time.perf_counter())
        await sliding
        return seen


async def drag_together(url: str, model: str, picture: bytes, sessions: int, seconds: float, rate: float) -> list[Drag]:
    """So many sessions at once."""
    return await asyncio.gather(*(drag(url, model, picture, asyncio.sleep(seconds), rate) for _ in range(sessions)))


def steady(drags: list[Drag], skip: float) -> tuple[float, float]:
    """Frames a second of all, and the longest wait against the mean, ``skip`` seconds after all had a frame."""
    begun = max(one.times[0] for one in drags) + skip
    ended = min(one.last_sent for one in drags)
    waits, frames = [], 0
    for one in drags:
        times = [moment for moment in one.times if begun <= moment <= ended]
        frames += len(times)
        waits += [after - before for before, after in pairwise(times)]
    return frames / (ended - begun), max(waits) / (sum(waits) / len(waits))


def posts(url: str, model: str, side: int, rounds: int = 5) -> tuple[float, float]:
    """Median ms of the first and of the tenth POST of one picture; another picture each round."""
    taken: list[list[float]] = []
    with httpx.Client(timeout=60) as client:
        for turn in range(rounds + 1):
            picture, times = photograph(side, turn + 1), []
            for number in range(10):
                begun = time.perf_counter()
                data = {"model": model, "alpha": f"{0.3 + number / 20:.2f}", "format": "jpeg"}
                client.post(f"{url}/infer", files={"image": picture}, data=data).raise_for_status()
                times.append((time.perf_counter() - begun) * 1000)
            taken.append(times)
    return median(times[0] for times in taken[1:]), median(times[9] for times in taken[1:])


def resident_megabytes(process: subprocess.Popen) -> float:
    """Memory a process holds."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, check=True, text=True)
    return int(shown.stdout) / 1024
