"""Long: what nobody would send on purpose, tens of thousands of times; `make fuzz`."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from conftest import Running, children, memory, running_server
from PIL import Image
from test_bad_input import IMAGES
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dynamicnet.client import Session
from server.settings import STATIC

pytestmark = pytest.mark.slow
INPUTS = int(os.environ.get("FUZZ_INPUTS", 50_000))
CLIENTS = 4
WORDS = [
    *(
        "0",
        "1",
        "-1",
        "0.5",
        "1e400",
        "nan",
        "-inf",
        "0,0,0,0",
        ",",
        "{",
        "}",
        '{"strength":',
        '{"strength": 0.5}',
        "[",
        "]",
    ),
    *("\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin1"), "💥", " ", "null", "true", "9" * 40, "auto"),
    *(
        '"',
        "open",
        "alpha",
        "position",
        "ack",
        "seq",
        "image",
        "mask",
        "where",
        "seed",
        "latent",
        "model",
        "../..",
        "%00",
    ),
]


def words(draw: random.Random) -> str:
    return "".join(draw.choices(WORDS, k=draw.randint(1, 6)))


def mutated(draw: random.Random, files: list[bytes]) -> bytes:
    data = bytearray(draw.choice(files))
    for _ in range(draw.randint(1, 12)):
        kind, at = draw.randrange(4), draw.randrange(len(data))
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at : at + draw.randint(1, 40)]
        elif kind == 2:
            data[at:at] = draw.randbytes(draw.randint(1, 40))
        else:
            data = data[: max(16, at)]
        if len(data) < 16:
            break
    return bytes(data)


def message(draw: random.Random) -> str:
    value = lambda: draw.choice([words(draw), draw.random(), draw.randint(-9, 2**60), None, [draw.random()], {}, True])  # noqa: E731
    fields = {
        name: value() for name in draw.sample(["seq", "alpha", "position", "model", "files", "reuse", "frame"], 3)
    }
    return json.dumps({"type": draw.choice(["look", "open", "alpha", "position", "ack", words(draw)])} | fields)


def post(client: httpx.Client, draw: random.Random, files: list[bytes]) -> None:
    data = {"max_side": "64", "format": "jpeg"}
    path = draw.choice(["/infer", "/infer", "/infer", "/sweep"])
    if path == "/sweep":
        data["frames"] = "2"
    if draw.random() < 0.5:
        picture = files[0]
        data[draw.choice(["alpha", "position", "model", "seed", "latent", "max_side", "format", "quality"])] = words(
            draw
        )
    else:
        picture = mutated(draw, files)
    honest(client.post(path, files={"image": picture}, data=data))


def honest(reply: httpx.Response) -> None:
    """A picture, a reason, or that there was no decoder."""
    if reply.status_code >= 400:
        code = reply.json()["code"]
        assert reply.status_code < 500 or (reply.status_code, code) == (503, "decoders-missing"), reply.text
        assert code, reply.text


def talk(url: str, draw: random.Random, files: list[bytes], count: int) -> None:
    while count > 0:
        with connect(f"{url.replace('http', 'ws')}/ws", max_size=None) as session:
            try:
                for _ in range(min(count, 100)):
                    session.send(draw.choice([message(draw), message(draw), words(draw), mutated(draw, files)]))
                    count -= 1
                while True:
                    session.recv(timeout=0.05)
            except TimeoutError:
                pass
            except ConnectionClosed:
                pass  # what was sent was bad enough; the log says whether anything broke


@contextmanager
def dying_decoders(running: Running) -> Iterator[list[int]]:
    """Ends one of a server's decoders now and then; a list of those that were."""
    killed: list[int] = []
    ended = Event()

    def kill() -> None:
        draw = random.Random(0)
        while not ended.wait(draw.expovariate(0.7)):
            with suppress(OSError):  # one that has just ended by itself
                family = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(running.process.pid)}
                decoders = [pid for pid, command in family.items() if b"pebble_pool_worker" in command]
                if decoders:
                    os.kill(victim := draw.choice(decoders), signal.SIGKILL)
                    killed.append(victim)

    killer = Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        ended.set()
        killer.join()


def stay(url: str, image: bytes, ended: Event) -> int:
    """A session that is there from the beginning to the end; how many frames it had."""
    frames = 0
    with Session(url) as person:
        person.open(image, max_side=64)
        while not ended.wait(1):
            person.render(frames % 7 / 7)
            frames += 1
    return frames


def test_nonsense_breaks_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    files = []
    for suffix in ("png", "jpg", "webp", "gif", "bmp", "tiff"):
        file = tmp_path / f"tiny.{suffix}"
        with Image.open(STATIC / "samples" / "chelsea.jpg") as sample:
            sample.resize((48, 36)).save(file)
        files.append(file.read_bytes())

    limits = {"max_sessions_per_address": 64, "max_messages": 10_000, "max_pixels": 1_000_000}
    # What is kept on purpose fills up at once, so that what grows then is a leak.
    with running_server(tmp_path, prepared_bytes=20_000_000, **limits) as running:

        def some(part: int, count: int) -> None:
            draw = random.Random(part)
            with httpx.Client(base_url=running.url, timeout=60) as client:
                for _ in range(count * 2 // 3):
                    post(client, draw, files)
            talk(running.url, draw, files, count // 3)

        def all_of(parts: range, count: int) -> None:
            with ThreadPoolExecutor(CLIENTS) as people:
                list(people.map(lambda part: some(part, count // CLIENTS), parts))

        ended = Event()
        with ThreadPoolExecutor(1) as other:
            staying = other.submit(stay, running.url, files[0], ended)
            try:
                with dying_decoders(running) as killed:
                    all_of(range(CLIENTS), INPUTS // 5)
                    before = memory(running)
                    all_of(range(CLIENTS, 2 * CLIENTS), INPUTS - INPUTS // 5)
                    with httpx.Client(base_url=running.url, timeout=60) as client:
                        for data, _ in IMAGES.values():
                            honest(client.post("/infer", files={"image": data}, data={"max_side": "64"}))
            finally:
                ended.set()
            frames = staying.result()
        print(
            f"{INPUTS} inputs; {before / 1e6:.0f} MB after a fifth of them, {memory(running) / 1e6:.0f} MB in the end; "
            f"{len(killed)} decoders killed; {frames} frames of a session that stayed"
        )
        assert killed
        assert frames
        assert memory(running) < 1.1 * before
        assert running.process.poll() is None
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("mode", ["all", "positive"])
def test_the_server_keeps_what_its_openapi_document_promises(tmp_path: Path, mode: str) -> None:
    pytest.importorskip("schemathesis")
    with running_server(tmp_path, max_pixels=1_000_000) as running:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json", "--max-examples", "500"),
            # A schema cannot say that a text must name a model, nor that a file must hold a picture.
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "--mode", mode),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
        assert done.returncode == 0, done.stdout[-4000:]
        if mode == "positive":  # what a schema can say, it says
            counts = httpx.get(f"{running.url}/metrics").text
            assert not re.findall(r'code="((?:max-side|detail|format|quality|metadata|frames|field)-\w+)"', counts)
