"""Long: half an hour of everything at once; `make soak`."""

import asyncio
import io
import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import memory, running_server
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dynamicnet import pictures
from dynamicnet.client import unpack
from server.settings import STATIC

pytestmark = pytest.mark.slow
MINUTES = float(os.environ.get("SOAK_MINUTES", 30))
CLIENTS = 64
POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIDES = (96, 128)


def decoded(picture: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(picture)) as opened:
        return np.asarray(opened.convert("RGB"), np.int16)


def photograph(side: int, *, hole: bool) -> bytes:
    """A square PNG; with a hole, its middle is transparent."""
    with Image.open(STATIC / "samples" / "chelsea.jpg") as sample:
        picture = sample.convert("RGBA").resize((side, side))
    if hole:
        picture.paste((0, 0, 0, 0), (side // 4, side // 4, side * 3 // 4, side * 3 // 4))
    return pictures.write(picture)


@dataclass
class Case:
    """One picture with one model, and what it is at every position."""

    image: bytes
    model: str
    wanted: list[np.ndarray] = field(default_factory=list)

    def is_right(self, picture: bytes, index: int) -> bool:
        """Whether a picture is nearest to what was asked for, and near."""
        apart = [float(np.abs(decoded(picture) - each).mean()) for each in self.wanted]
        return apart[index] < 1 and apart[index] == min(apart)


@dataclass
class Tally:
    counts: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def post(url: str, case: Case, draw: random.Random, tally: Tally) -> None:
    index = draw.randrange(len(POSITIONS))
    async with httpx.AsyncClient(timeout=120) as client:
        data = {"model": case.model, "position": str(POSITIONS[index]), "format": "png"}
        begun = time.monotonic()
        reply = await client.post(f"{url}/infer", files={"image": case.image}, data=data)
    tally.counts[f"POST {reply.status_code}"] += 1
    if reply.status_code == 200:
        tally.seconds.append(time.monotonic() - begun)
        if not case.is_right(reply.content, index):
            tally.wrong.append(f"POST {data}")
    elif reply.status_code != 503:
        tally.wrong.append(f"POST {reply.status_code} {reply.text}")


async def opened(session: ClientConnection, case: Case) -> None:
    await session.send(json.dumps({"type": "open", "model": case.model, "format": "png"}))
    await session.send(case.image)
    assert json.loads(await session.recv())["type"] == "ready"


async def shown(session: ClientConnection, seq: int, wait: float = 0.0) -> bytes:
    """The exact picture for a message, once it comes; what comes before it is acknowledged after a while."""
    while True:
        header, picture = unpack(await session.recv())
        await asyncio.sleep(wait)
        await session.send(json.dumps({"type": "ack", "frame": header["frame"]}))
        if header["seq"] == seq and header["exact"]:
            return picture


async def slide(url: str, case: Case, draw: random.Random, tally: Tally, wait: float = 0.0) -> None:
    async with connect(f"{url.replace('http', 'ws')}/ws") as session:
        await opened(session, case)
        for seq in range(1, 9):
            index = draw.randrange(len(POSITIONS))
            await session.send(json.dumps({"type": "position", "seq": seq, "position": POSITIONS[index]}))
            await asyncio.sleep(0.02)
        picture = await shown(session, 8, wait)
    tally.counts["slide"] += 1
    if not case.is_right(picture, index):
        tally.wrong.append(f"slide {case.model} {POSITIONS[index]}")


async def read_slowly(url: str, case: Case, draw: random.Random, tally: Tally) -> None:
    await slide(url, case, draw, tally, wait=1.0)


async def drop(url: str, case: Case, draw: random.Random, tally: Tally) -> None:
    async with connect(f"{url.replace('http', 'ws')}/ws") as session:
        await opened(session, case)
        await session.send(json.dumps({"type": "position", "seq": 1, "position": 0.5}))
        await asyncio.sleep(draw.random() / 10)
        session.transport.abort()
    tally.counts["drop"] += 1


async def garble(url: str, case: Case, draw: random.Random, tally: Tally) -> None:
    garbage = b"\0" + draw.randbytes(500)  # of ten thousand that begin anyhow, one begins like a BMP
    async with httpx.AsyncClient(timeout=120) as client:
        reply = await client.post(f"{url}/infer", files={"image": garbage}, data={"position": "0"})
    tally.counts[f"garbage {reply.status_code}"] += 1
    if reply.status_code not in (415, 503):
        tally.wrong.append(f"garbage {reply.status_code} {reply.text}")


async def person(number: int, url: str, cases: list[Case], tally: Tally, until: float) -> None:
    draw = random.Random(number)
    while time.monotonic() < until:
        act = draw.choices([post, slide, read_slowly, drop, garble], [4, 4, 1, 1, 1])[0]
        try:
            await act(url, draw.choice(cases), draw, tally)
        except InvalidStatus as refused:
            tally.counts[f"WebSocket {refused.response.status_code}"] += 1
            if refused.response.status_code != 503:
                tally.wrong.append(f"WebSocket {refused.response.status_code}")
        except (ConnectionClosed, httpx.TransportError) as error:
            tally.wrong.append(f"{act.__name__}: {error!r}")
        await asyncio.sleep(draw.random())


def test_half_an_hour_of_everything(tmp_path: Path) -> None:
    with running_server(tmp_path, max_sessions_per_address=CLIENTS) as running:
        models = [model for model in httpx.get(f"{running.url}/models").json()["models"] if "image" in model["takes"]]
        cases = [
            Case(photograph(side, hole="mask" in model["takes"]), model["id"]) for side in SIDES for model in models
        ]
        for case in cases:
            for position in POSITIONS:
                data = {"model": case.model, "position": str(position), "format": "png"}
                reply = httpx.post(f"{running.url}/infer", files={"image": case.image}, data=data, timeout=120)
                case.wanted.append(decoded(reply.raise_for_status().content))

        tally = Tally()

        async def everyone(minutes: float) -> None:
            until = time.monotonic() + 60 * minutes
            await asyncio.gather(*(person(i, running.url, cases, tally, until) for i in range(CLIENTS)))

        asyncio.run(everyone(MINUTES / 5))
        before = memory(running)
        asyncio.run(everyone(MINUTES * 4 / 5))
        after = memory(running)
        p50, p99 = np.quantile(tally.seconds, [0.5, 0.99])
        print(f"{MINUTES:g} minutes, {CLIENTS} clients: {dict(tally.counts)}; wrong: {len(tally.wrong)}")
        print(
            f"POST: median {p50:.2f} s, p99 {p99:.2f} s; memory {before / 1e6:.0f} MB, in the end {after / 1e6:.0f} MB"
        )
        assert not tally.wrong, tally.wrong[:5]
        assert after < 1.05 * before
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) in (0, -signal.SIGTERM)
        assert "Traceback" not in running.log.read_text()
