"""What a running server keeps stays within its bounds, and nobody notices."""

import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import memory, running_server
from PIL import Image

from dynamicnet import package
from dynamicnet.client import Session
from server.settings import Settings

PRECISE = (
    "-c",
    "import runpy; from dynamicnet import precision; precision._has_units = lambda: False; "
    "runpy.run_module('server', run_name='__main__')",
)
"""A server in float32, in which a render beside others is the same as alone, as on processors without bfloat16."""


@pytest.mark.long
def test_models_that_do_not_fit_take_turns_and_no_request_fails(tmp_path, tmp_path_factory, models, photo):
    def post(client: httpx.Client, number: int) -> np.ndarray:
        model = models[number % len(models)]
        data = {"model": model["id"], "alpha": f"{model['axes'][0]['range'][1] / (number + 2):.4f}", "max_side": 64}
        reply = client.post("/infer", files={"image": photo.read_bytes()}, data=data).raise_for_status()
        return np.asarray(Image.open(io.BytesIO(reply.content)), np.int16)

    with (
        running_server(tmp_path, PRECISE, models_bytes=1) as running,
        running_server(tmp_path_factory.mktemp("roomy"), PRECISE) as roomy,
        httpx.Client(base_url=running.url, timeout=120) as squeezed,
        httpx.Client(base_url=roomy.url, timeout=120) as free,
        ThreadPoolExecutor(8) as people,
    ):
        got = list(people.map(lambda number: post(squeezed, number), range(4 * len(models))))
        for number, picture in enumerate(got):
            assert np.abs(picture - post(free, number)).max() <= 1


@pytest.mark.long
def test_a_session_whose_model_was_removed_is_told_so_once(tmp_path, photo):
    shipped = package.find(Settings().weights)[:2]
    first, other = (shutil.copytree(folder, tmp_path / folder.name) for folder in shipped)
    settings = {"weights": tmp_path, "models_bytes": 1, "prepared_bytes": 0}
    with running_server(tmp_path, **settings) as running, Session(running.url) as session:
        session.open(photo.read_bytes(), model=first.name)
        session.render(0.1)  # from now on with previews
        shutil.rmtree(first)
        data = {"model": other.name, "max_side": 64}
        httpx.post(
            f"{running.url}/infer", files={"image": photo.read_bytes()}, data=data, timeout=60
        ).raise_for_status()
        session.set(0.2)
        said = session.receive()
        assert (said["code"], str(tmp_path) in said["message"]) == ("model-replaced", False)
        session.connection.send("not JSON")
        assert session.receive()["code"] == "message-not-json"
        with pytest.raises(TimeoutError):
            session.connection.recv(1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nothing says what a process holds")
@pytest.mark.long
def test_memory_is_back_where_it_was_after_many_pictures(tmp_path, photo):
    with (
        running_server(tmp_path, device="cpu", prepared_bytes=10**7) as running,
        httpx.Client(base_url=running.url, timeout=120) as client,
    ):

        def post(side: int, turn: int) -> None:
            files, data = (
                {"image": photo.read_bytes() + bytes(turn)},
                {"alpha": "0.5", "max_side": side, "format": "jpeg"},
            )
            client.post("/infer", files=files, data=data).raise_for_status()

        def post_all(turn: int) -> int:
            for side in range(200, 256, 2):  # three times what is kept
                post(side, turn)
            return memory(running)

        # What is compiled for a size comes and goes, and takes some rounds to find its places in memory.
        before = max(post_all(turn) for turn in range(4))
        post_all(4)
        assert post_all(5) < before * 1.04
