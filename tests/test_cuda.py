"""What only a GPU shows: what waits for it, what it forgets, and what it has no memory for."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
import torch

from dynamicnet import Model, package, pictures
from dynamicnet.precision import autocast
from server.settings import ROOT, STATIC, Settings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
PACKAGES = package.find(Settings().weights)
every_package = pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
PHOTO = (STATIC / "samples" / "astronaut.jpg").read_bytes()


@every_package
def test_a_render_waits_for_the_device_only_to_fetch_its_picture(folder):
    model = Model.load(folder, "cuda")
    prepared = model.prepare(model.encode(model.application.example(PHOTO))).prepared
    high = {axis.id: axis.range[1] for axis in model.manifest.axes}
    with torch.inference_mode(), autocast(model.device):
        model.net.render(prepared, high)
        try:
            torch.cuda.set_sync_debug_mode("error")
            model.net.render_together([(prepared, high), (prepared, 0.0)])
        finally:
            torch.cuda.set_sync_debug_mode("default")


@every_package
def test_alpha_0_is_the_main_network_to_the_bit(folder):
    model = Model.load(folder, "cuda")
    encoded = model.encode(model.application.example(PHOTO))
    with torch.inference_mode():
        prepared = model.net.prepare(pictures.in_units(encoded.batch.cuda()))
        names = list(model.net.network.stages)
        z = prepared.z
        for name in names[names.index(model.net.first_point) + 1 :]:
            z = model.net.network.run(name, z, prepared.seen.get(name))
        rendered = model.net.render(prepared, 0.0)
    assert torch.equal(rendered, z[..., : rendered.shape[2], : rendered.shape[3]])


def test_a_model_that_leaves_gives_its_memory_back_and_comes_back_the_same():
    model = Model.load(PACKAGES[0], "cuda")
    kept = model.prepare(model.encode(model.application.example(PHOTO)))
    before = model.render(kept, 1.0)
    gc.collect()
    held = torch.cuda.memory_allocated()
    model.leave()
    gc.collect()
    assert held - torch.cuda.memory_allocated() >= model.bytes
    model.come()
    assert model.render(kept, 1.0).tobytes() == before.tobytes()


@pytest.fixture
def narrow(tmp_path) -> Iterator[str]:
    """A server that may have 700 MB of the GPU's memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    share = 700e6 / torch.cuda.get_device_properties(0).total_memory
    code = (
        f"import torch; torch.cuda.set_per_process_memory_fraction({share}); from server.__main__ import main; main()"
    )
    environment = os.environ | {"DYNAMICNET_PORT": str(port), "DYNAMICNET_DEVICE": "cuda"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.TransportError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def test_too_little_memory_is_an_answer_and_smaller_pictures_are_rendered_after_it(narrow):
    large = pictures.write(pictures.read(PHOTO).resize((4000, 4000)), "jpeg")
    for photo, status in ((PHOTO, 200), (large, 507), (PHOTO, 200)):
        reply = httpx.post(f"{narrow}/infer", files={"image": photo}, data={"max_side": 4000}, timeout=120)
        assert reply.status_code == status, reply.text[:300]
