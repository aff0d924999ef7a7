"""A real server, started once, and what tests send it."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import torch
from safetensors.torch import save_file

from dynamicnet.evaluation import task
from dynamicnet.model import pick_device
from server.settings import ROOT, STATIC, Settings

# The server under test has the cores; many small tensors are faster on one thread than on two that wait.
torch.set_num_threads(1)

pytest.register_assert_rewrite("pages")

DEVICE = str(pick_device(Settings().device))
"""Where servers under test run, and what is compared with them: CUDA where there is one, or DYNAMICNET_DEVICE."""

ELSEWHERE = "http://elsewhere.localhost:8000"
"""Where pages of other people are, which the server knows of."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, so that no process is left alone with them: what needs a browser, then what needs a server.

    In a file the other way round: a test may have a browser of its own as long as that of all has not begun.
    """
    needs = {item: ("server" in item.fixturenames) + ("browser" in item.fixturenames) for item in items}
    most: dict[Path, int] = {}
    for item in items:
        most[item.path] = max(needs[item], most.get(item.path, 0))
    items.sort(key=lambda item: (-most[item.path], needs[item]))


@pytest.fixture
def of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of any number of pictures may be written: it takes long to measure on as many as mean something."""
    monkeypatch.setattr(task, "FEWEST", 1)


@dataclass(frozen=True)
class Running:
    url: str
    log: Path
    process: subprocess.Popen


@contextmanager
def running_server(
    folder: Path, program: Sequence[str | Path] = ("-m", "server"), **settings: object
) -> Iterator[Running]:
    """A server process of its own, on a free port unless one is named; settings as in server.settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = settings.setdefault("port", probe.getsockname()[1])
    changes = {f"DYNAMICNET_{name.upper()}": str(value) for name, value in settings.items()}
    file = folder / "server.log"
    with file.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT,
            env=os.environ | changes,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = Running(f"http://127.0.0.1:{port}", file, process)
    try:
        _wait_until_up(running)
        yield running
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(running: Running) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            httpx.get(f"{running.url}/health").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{running.log.read_text()}")


def memory(running: Running) -> int:
    """Bytes that the server's process has in memory."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a server that serves the packages in weights/ (or in DYNAMICNET_WEIGHTS)."""
    with running_server(tmp_path_factory.mktemp("server"), origins=ELSEWHERE) as running:
        assert httpx.get(f"{running.url}/health").json()["models"], f"no model packages in {Settings().weights}"
        yield running.url


@pytest.fixture(scope="session")
def http(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def models(http: httpx.Client) -> list[dict]:
    """What GET /models lists of the models that take a photograph and need nothing else."""
    models = http.get("/models").json()["models"]
    return [model for model in models if "image" in model["takes"] and "mask" not in model["takes"]]


@pytest.fixture(scope="session")
def photo() -> Path:
    """A photograph, 451×300 JPEG."""
    return STATIC / "samples" / "chelsea.jpg"


def write_encoder(folder: Path, *widths: int) -> Path:
    """A small encoder of random features, a layer of each width: they carry colour and texture well enough."""
    torch.manual_seed(0)
    tensors = {"conv0.weight": torch.eye(3)[:, :, None, None] * 4, "conv0.bias": torch.full((3,), -2.0)}
    for i, (inputs, outputs) in enumerate(pairwise((3, *widths)), 1):
        tensors[f"conv{i}1.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        tensors[f"conv{i}1.bias"] = torch.zeros(outputs)
    file = folder / "encoder.safetensors"
    save_file(tensors, file)
    return file
