"""The engine, without a network in between."""

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from dynamicnet import DynamicNetError, Inputs, package
from server.engine import Engine
from server.settings import Settings


@pytest.fixture(scope="module")
def sound() -> Path:
    """A package that is as it should be."""
    return package.find(Settings().weights)[0]


def with_engine(folder: Path, use):
    """Run ``use(engine)`` on an engine that has loaded a folder."""

    async def run():
        engine = Engine("cpu")
        await engine.load(folder)
        try:
            return await use(engine)
        finally:
            engine.close()

    return asyncio.run(run())


def test_damaged_packages_are_logged_and_left_out(sound, tmp_path, caplog):
    for name in ("a-cut-off", "b-hollow", "c-sound"):
        shutil.copytree(sound, tmp_path / name)
    tensors = tmp_path / "a-cut-off" / package.TENSORS
    tensors.write_bytes(tensors.read_bytes()[:1000])
    (tmp_path / "b-hollow" / package.MANIFEST).write_text("{}")

    async def ids(engine):
        return list(engine.models)

    assert with_engine(tmp_path, ids) == ["c-sound"]
    assert "a-cut-off" in caplog.text
    assert "b-hollow" in caplog.text


def test_models_run_on_one_thread_and_never_on_the_loops(sound, photo):
    threads = {}

    def noting(name, real):
        def call(*args):
            threads.setdefault(name, set()).add(threading.get_ident())
            return real(*args)

        return call

    async def render(engine):
        model = engine.model(sound.name)
        for name in ("encode", "prepare", "render"):
            setattr(model, name, noting(name, getattr(model, name)))
        inputs = Inputs(image=photo.read_bytes(), max_side=64)
        for _ in range(3):
            prepared = await engine.prepare(model, await engine.decode(model, inputs, {}), {})
            await asyncio.gather(*(engine.render(model, prepared, 0, {}) for _ in range(3)))

    with_engine(sound.parent, render)
    assert threads["prepare"] == threads["render"]
    assert len(threads["render"]) == 1
    assert threading.get_ident() not in threads["render"] | threads["encode"]


def test_a_step_that_is_cancelled_while_it_waits_never_runs(sound, photo):
    async def cancel(engine):
        model = engine.model(sound.name)
        prepared = await engine.prepare(
            model, await engine.decode(model, Inputs(image=photo.read_bytes(), max_side=64), {}), {}
        )
        release = threading.Event()
        engine._worker.submit(release.wait, 30)
        timings = [{}, {}]
        dropped, kept = (asyncio.create_task(engine.render(model, prepared, 0, t)) for t in timings)
        await asyncio.sleep(0)
        dropped.cancel()
        release.set()
        await kept
        return timings

    dropped, kept = with_engine(sound.parent, cancel)
    assert list(kept) == ["render"]
    assert dropped == {}


def test_alpha_is_checked_and_named_for_every_axis(sound):
    async def check(engine):
        model = engine.model(sound.name)
        axes = model.manifest.axes
        high = axes[0].range[1]
        with pytest.raises(DynamicNetError, match="out of range"):
            await engine.check(model, high + 1)
        return await engine.check(model, high) == {axes[0].id: high, **{axis.id: 0 for axis in axes[1:]}}

    assert with_engine(sound.parent, check)
