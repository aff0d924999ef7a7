"""Camera photographs through a server: 24 megapixels, in strips and in tiles. `make large`."""

import io
import os
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import running_server
from PIL import Image

from bench.large import Watch, held, photograph
from dynamicnet import Inputs, Model
from server.engine.allocator import KEPT_BYTES
from server.engine.engine import IDLE
from server.settings import STATIC, Settings

MEGAPIXELS = int(os.environ.get("MEGAPIXELS", "24"))
PLACE = (2040, 2040, 2640, 2340)  # across two tiles
SAMPLE = STATIC / "samples" / "coffee.jpg"
MARGIN = 160  # further than a network of tiles looks, and a multiple of what it needs


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    return photograph(tmp_path_factory.mktemp("large"), MEGAPIXELS)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def painted(running, photo: Path, model: str, **fields: str) -> tuple[Image.Image, float]:
    """What a server makes of a photograph, and the megabytes that took."""
    data = {"model": model, "format": "png", **fields}
    with Watch(running.process.pid) as watch:
        reply = httpx.post(f"{running.url}/infer", files={"image": photo.read_bytes()}, data=data, timeout=900)
    reply.raise_for_status()
    return Image.open(io.BytesIO(reply.content)), watch.megabytes


@pytest.fixture(scope="module", autouse=True)
def warm(running) -> float:
    """Megabytes of a server that has painted a small photograph."""
    httpx.post(f"{running.url}/infer", files={"image": SAMPLE.read_bytes()}, timeout=60).raise_for_status()
    return held(running.process.pid)


@pytest.mark.slow
def test_a_style_is_laid_over_a_large_photograph_in_little_memory(running, photo):
    made, megabytes = painted(running, photo, "starry-night", alpha="0.8")
    print(f"starry-night, {MEGAPIXELS} megapixels: {megabytes:.0f} MB")
    with Image.open(photo) as given:
        assert made.size == given.size
    assert megabytes < 50 * MEGAPIXELS


@pytest.mark.slow
def test_tiles_of_a_large_photograph_come_together(running, photo):
    made, megabytes = painted(running, photo, "denoise-photos", alpha="0.5")
    print(f"denoise-photos, {MEGAPIXELS} megapixels: {megabytes:.0f} MB")
    model = Model.load(Settings().weights / "denoise-photos", "cpu")
    left, top, right, bottom = PLACE
    around = (left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)
    with Image.open(photo) as given:
        assert made.size == given.size
        part = io.BytesIO()
        given.crop(around).save(part, "PNG")
    alone = model.render(model.prepare(model.encode(Inputs(image=part.getvalue()))), 0.5)
    kept = alone.crop((MARGIN, MARGIN, MARGIN + right - left, MARGIN + bottom - top))
    assert np.abs(np.asarray(kept, np.int16) - np.asarray(made.crop(PLACE), np.int16)).max() <= 1
    assert megabytes < 50 * MEGAPIXELS


@pytest.mark.slow
def test_what_large_photographs_took_is_given_back(running, warm):
    time.sleep(IDLE + 1)
    kept = held(running.process.pid) - warm
    print(f"kept afterwards: {kept:.0f} MB")
    assert kept < KEPT_BYTES / 2**20 + 10 * MEGAPIXELS, "what was prepared is kept as well"
