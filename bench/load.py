"""What a server or a cluster that is up bears: ``python -m bench.load http://127.0.0.1:8000``."""

import asyncio
import sys
import time

import httpx
import numpy as np

from bench.networks import photograph
from bench.service import drag_together, steady

CLIENTS = 16
POSTED, SLID = 256, 512  # pixels a side
WARM, MEASURED = 5.0, 20.0  # seconds
RATE = 60  # events a second of a slider


async def client(url: str, number: int, photo: bytes, begun: float) -> list[float]:
    """Post one picture over and over, at another position each time.

    Returns:
        How long each reply took that was asked for in the seconds that count.
    """
    took = []
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for turn in range(sys.maxsize):
            data = {"position": str((number * 7 + turn * 13) % 101 / 100), "format": "jpeg"}
            asked = time.perf_counter()
            if asked > begun + WARM + MEASURED:
                break
            (await http.post("/infer", files={"image": photo}, data=data)).raise_for_status()
            if asked > begun + WARM:
                took.append(time.perf_counter() - asked)
    return took


async def main(url: str) -> None:
    """Print how many requests a second are answered, then how many frames a second are shown."""
    models = httpx.get(f"{url}/models").json()["models"]
    begun, photo = time.perf_counter(), photograph(POSTED, 0)
    each = await asyncio.gather(*(client(url, number, photo, begun) for number in range(CLIENTS)))
    took = [seconds for one in each for seconds in one]
    middle, late = np.quantile(took, [0.5, 0.99]) * 1000
    print(f"{CLIENTS} clients that post, {POSTED}×{POSTED}: {len(took) / MEASURED:.1f} requests/s, ", end="")
    print(f"median {middle:.0f} ms, 99th percentile {late:.0f} ms")

    model = next(model["id"] for model in models if "image" in model["takes"])
    address = f"{url.replace('http', 'ws', 1)}/ws"
    drags = await drag_together(address, model, photograph(SLID, 0), CLIENTS, WARM + MEASURED, RATE)
    frames, _ = steady(drags, WARM)
    size = np.mean([header["bytes"] for one in drags for header in one.headers])
    print(f"{CLIENTS} sessions that slide, {SLID}×{SLID}: {frames:.1f} frames/s, {size / 1000:.1f} kB each")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
