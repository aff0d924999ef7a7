"""POSTs beside those of the last build that decoded in the server itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import httpx

from bench.build import unpacked
from bench.networks import photograph
from bench.service import free_port, running

COMMIT = "2a00c98"


@contextmanager
def servers(settings: dict[str, str]) -> Iterator[list[str]]:
    """URLs of that build and of this one."""
    with unpacked(COMMIT) as folder:
        ports = free_port(), free_port()
        with (
            running(["server"], ports[0], folder, DYNAMICNET_PORT=str(ports[0]), **settings),
            running(["server"], ports[1], DYNAMICNET_PORT=str(ports[1]), **settings),
        ):
            yield [f"http://127.0.0.1:{port}" for port in ports]


def posts(urls: list[str], model: str, side: int, rounds: int = 20) -> list[tuple[float, float, float]]:
    """Of the first and of the tenth POST of one picture, at two URLs.

    They take turns, with another picture each round.

    Returns:
        Median ms of each, and the median of how many times as long as the first the second took.
    """
    taken: dict[int, list[list[float]]] = {0: [], 9: []}
    with httpx.Client(timeout=60) as client:

        def post(url: str, picture: bytes, number: int) -> float:
            data = {"model": model, "alpha": f"{0.3 + number / 20:.2f}", "format": "jpeg"}
            begun = time.perf_counter()
            client.post(f"{url}/infer", files={"image": picture}, data=data).raise_for_status()
            return (time.perf_counter() - begun) * 1000

        for turn in range(rounds + 1):
            picture = photograph(side, turn + 1)
            for number in range(10):
                pair = [post(url, picture, number) for url in urls]
                if turn and number in taken:
                    taken[number].append(pair)
    return [(*map(median, zip(*pairs, strict=True)), median(b / a for a, b in pairs)) for pairs in taken.values()]
