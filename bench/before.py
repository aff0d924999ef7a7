"""This build beside an earlier one, which decoded in the server itself and had no networks over three scales."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from bench.build import unpacked
from bench.networks import photograph
from bench.service import RATE, drag, free_port, running

COMMIT = "2a00c98"
RENDERING = Path(__file__).with_name("rendering.py")


@contextmanager
def servers(settings: dict[str, str]) -> Iterator[list[str]]:
    """Addresses of that build's and of this one's, without the scheme."""
    with unpacked(COMMIT) as folder:
        ports = free_port(), free_port()
        with (
            running(["server"], ports[0], folder, DYNAMICNET_PORT=str(ports[0]), **settings),
            running(["server"], ports[1], DYNAMICNET_PORT=str(ports[1]), **settings),
        ):
            yield [f"127.0.0.1:{port}" for port in ports]


def renders(models: Sequence[str], side: int, rounds: int = 9) -> dict[str, tuple[float, float, float]]:
    """Renders of the models that both builds ship, which take turns in processes of their own.

    Returns:
        By model, median ms of each build, and the median of this one's share of the other's time.
    """
    measured = {}
    with unpacked(COMMIT) as folder:
        builds = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", str(RENDERING), "weights", str(side)],
                cwd=root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for root in (folder, Path(__file__).parents[1])
        ]

        def render(build: subprocess.Popen, model: str) -> float:
            build.stdin.write(f"{model}\n")
            build.stdin.flush()
            return float(build.stdout.readline())

        for model in models:
            if (folder / "weights" / model).is_dir():
                pairs = [[render(build, model) for build in builds] for _ in range(rounds)]
                measured[model] = _compared(pairs)
        for build in builds:
            build.stdin.close()
            build.wait(30)
    return measured


def drags(addresses: list[str], model: str, photo: bytes, seconds: float = 5) -> list[tuple[float, float]]:
    """Of a slider that is dragged for some seconds, at each of two servers: frames a second, and their median width."""
    measured = []
    for address in addresses:
        seen = asyncio.run(drag(f"ws://{address}/ws", model, photo, asyncio.sleep(seconds), RATE))
        moving = [h["width"] for h, t in zip(seen.headers, seen.times, strict=True) if t <= seen.last_sent]
        measured.append((len(moving) / seconds, median(moving)))
    return measured


def posts(addresses: list[str], model: str, side: int, rounds: int = 20) -> list[tuple[float, float, float]]:
    """Of the first and of the tenth POST of one picture, at two servers.

    They take turns, with another picture each round.

    Returns:
        Median ms of each, and the median of how many times as long as the first the second took.
    """
    taken: dict[int, list[list[float]]] = {0: [], 9: []}
    with httpx.Client(timeout=60) as client:

        def post(address: str, picture: bytes, number: int) -> float:
            data = {"model": model, "alpha": f"{0.3 + number / 20:.2f}", "format": "jpeg"}
            begun = time.perf_counter()
            client.post(f"http://{address}/infer", files={"image": picture}, data=data).raise_for_status()
            return (time.perf_counter() - begun) * 1000

        for turn in range(rounds + 1):
            picture = photograph(side, turn + 1)
            for number in range(10):
                pair = [post(address, picture, number) for address in addresses]
                if turn and number in taken:
                    taken[number].append(pair)
    return [_compared(pairs) for pairs in taken.values()]


def _compared(pairs: list[list[float]]) -> tuple[float, float, float]:
    there, here = map(median, zip(*pairs, strict=True))
    return there, here, median(b / a for a, b in pairs)
