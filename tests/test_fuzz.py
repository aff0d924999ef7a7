"""Long: what nobody would send on purpose, tens of thousands of times; `make fuzz`."""

import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import memory, running_server
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

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
    reply = client.post(path, files={"image": picture}, data=data)
    assert reply.status_code < 500, (reply.status_code, reply.text, data)
    if reply.status_code >= 400:
        assert reply.json()["code"], reply.text


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

        all_of(range(CLIENTS), INPUTS // 5)
        before = memory(running)
        all_of(range(CLIENTS, 2 * CLIENTS), INPUTS - INPUTS // 5)
        print(
            f"{INPUTS} inputs; {before / 1e6:.0f} MB after a fifth of them, {memory(running) / 1e6:.0f} MB in the end"
        )
        assert memory(running) < 1.1 * before
        assert running.process.poll() is None
        assert "Traceback" not in running.log.read_text()


def test_the_server_keeps_what_its_openapi_document_promises(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    with running_server(tmp_path, max_pixels=1_000_000) as running:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json", "--max-examples", "500"),
            # A schema cannot say that a text must name a model, nor that a file must hold a picture.
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
        assert done.returncode == 0, done.stdout[-4000:]
