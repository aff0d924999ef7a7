"""Long: a cluster of three nodes on this machine, which loses a replica under load; `make cluster-test`."""

import asyncio
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image
from test_soak import POSITIONS, Case, Tally, decoded, opened, post, shown
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from server.settings import ROOT, STATIC

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
CLIENTS = 6
SESSIONS = 4
SECONDS = 25
LOST_AT = 8
MARK = "DYNAMICNET_TEST_CLUSTER"

# As docs/scaling.md has them.
ENVIRONMENT = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "server.operations.retry:middlewares",
    "RAY_AUTH_MODE": "disabled",  # Ray asks for a token where a node has another address than loopback
}


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def ours(name: bytes) -> list[int]:
    """Process ids of our own cluster's processes of a name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (process / "environ").read_bytes()
            if f"{MARK}={os.getpid()}\0".encode() in environment and name in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def replicas() -> list[int]:
    return ours(b"ServeReplica")


class Cluster:
    """Nodes and what runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gcs, self.dashboard, self.port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.nodes: list[subprocess.Popen] = []
        self.environment = (
            os.environ
            | ENVIRONMENT
            | {
                "PYTHONPATH": str(ROOT),
                "RAY_USAGE_STATS_ENABLED": "0",
                "DYNAMICNET_DEVICE": "cpu",
                MARK: str(os.getpid()),
            }
        )

    def start_node(self, *options: str) -> None:
        command = [BIN / "ray", "start", "--block", "--node-ip-address=127.0.0.1", *options]
        file = self.folder / f"node{len(self.nodes)}.log"
        with file.open("w") as log:
            self.nodes.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))
        self.wait_for(lambda: "Ray runtime started" in file.read_text())

    def start(self) -> None:
        self.start_node("--head", "--num-cpus=0", f"--port={self.gcs}", f"--dashboard-port={self.dashboard}")
        self.wait_for(lambda: httpx.get(f"http://127.0.0.1:{self.dashboard}/api/version").is_success)
        for _ in range(2):
            self.start_node(f"--address=127.0.0.1:{self.gcs}", "--num-cpus=2")

    def deploy(self, count: int) -> None:
        """The shipped file, but for what this machine has not: GPUs, and an address for every node."""
        config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
        config |= {"proxy_location": "HeadOnly", "http_options": {"host": "127.0.0.1", "port": self.port}}
        deployment = config["applications"][0]["deployments"][0]
        deployment["ray_actor_options"] = {"num_cpus": 1}
        deployment["autoscaling_config"] |= {"min_replicas": count, "max_replicas": count}
        file = self.folder / "cluster.yaml"
        file.write_text(yaml.safe_dump(config))
        command = [BIN / "serve", "deploy", "--address", f"http://127.0.0.1:{self.dashboard}", file]
        subprocess.run(command, env=self.environment, check=True, timeout=120)
        self.wait_for(lambda: len(replicas()) == count and httpx.get(f"{self.url}/ready").is_success)

    def wait_for(self, condition) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if condition():
                    return
            time.sleep(0.2)
        raise AssertionError(f"the cluster is not ready; its logs are in {self.folder}")

    def stop(self) -> None:
        """Stop what was started, and be sure that nothing is left."""
        for node in reversed(self.nodes):
            node.terminate()
        for node in self.nodes:
            with suppress(subprocess.TimeoutExpired):
                node.wait(60)
        for process in ours(b""):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.start()
        started.deploy(2)
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def case(cluster) -> Case:
    """A picture, and what it is at every position, from the cluster at rest."""
    with Image.open(STATIC / "samples" / "chelsea.jpg") as sample:
        out = io.BytesIO()
        sample.resize((256, 256)).save(out, "PNG")
    model = next(m["id"] for m in httpx.get(f"{cluster.url}/models").json()["models"] if "image" in m["takes"])
    case = Case(out.getvalue(), model)
    for position in POSITIONS:
        data = {"model": model, "position": str(position), "format": "png"}
        reply = httpx.post(f"{cluster.url}/infer", files={"image": case.image}, data=data, timeout=120)
        case.wanted.append(decoded(reply.raise_for_status().content))
    return case


async def keep_posting(number: int, url: str, case: Case, tally: Tally, until: float) -> None:
    draw = random.Random(number)
    while time.monotonic() < until:
        await post(url, case, draw, tally)


async def keep_sliding(number: int, url: str, case: Case, tally: Tally, until: float, gaps: list[float]) -> None:
    """A person with a slider; like the page, opens again what is lost, and notes how long that took."""
    draw, lost = random.Random(number), None
    while time.monotonic() < until:
        try:
            async with connect(f"{url.replace('http', 'ws')}/ws") as session:
                await opened(session, case)
                seq = 0
                while time.monotonic() < until:
                    seq += 1
                    index = draw.randrange(len(POSITIONS))
                    await session.send(json.dumps({"type": "position", "seq": seq, "position": POSITIONS[index]}))
                    if not case.is_right(await shown(session, seq), index):
                        tally.wrong.append(f"slide {POSITIONS[index]}")
                    tally.counts["slide"] += 1
                    if lost is not None:
                        gaps.append(time.monotonic() - lost)
                        lost = None
        except (ConnectionClosed, InvalidHandshake, OSError):
            tally.counts["session lost"] += 1
            lost = lost or time.monotonic()
            await asyncio.sleep(0.5)


def test_a_lost_replica_gives_no_wrong_answer_and_its_sessions_are_back_in_ten_seconds(cluster, case):
    tally, gaps = Tally(), []
    until = time.monotonic() + SECONDS

    async def load() -> None:
        people = [keep_posting(i, cluster.url, case, tally, until) for i in range(CLIENTS)]
        people += [keep_sliding(i, cluster.url, case, tally, until, gaps) for i in range(SESSIONS)]

        async def lose() -> None:
            await asyncio.sleep(LOST_AT)
            os.kill(replicas()[0], signal.SIGKILL)

        await asyncio.gather(lose(), *people)

    asyncio.run(load())
    print(f"{dict(tally.counts)}; sessions back after {[round(gap, 1) for gap in gaps]} s; wrong: {tally.wrong}")
    assert tally.counts["session lost"] > 0
    assert len(gaps) > 0
    assert max(gaps) < 10
    assert not tally.wrong
    cluster.wait_for(lambda: len(replicas()) == 2)
