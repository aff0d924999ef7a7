"""The engine, without a network in between."""

import asyncio
import io
import os
import shutil
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from conftest import DEVICE
from PIL import Image

from dynamicnet import DynamicNetError, Inputs, package, precision
from dynamicnet.decoders import COUNT
from dynamicnet.method.pieces import each_within
from server.engine import worker
from server.engine.engine import LARGE, Engine
from server.operations.metrics import Metrics
from server.settings import Settings


@pytest.fixture(scope="module")
def sound() -> Path:
    """A package that is as it should be."""
    return package.find(Settings().weights)[0]


def linked(sound: Path, folder: Path, *names: str) -> Path:
    """A folder that holds the package under other names, and no more."""
    for name in names:
        (folder / name).symlink_to(sound)
    return folder


def with_engine(folder: Path, use, prepared_bytes=10**9, models_bytes=10**9):
    """Run ``use(engine)`` on an engine that has loaded a folder."""

    async def run():
        engine = Engine(DEVICE, prepared_bytes, models_bytes, Metrics())
        await engine.load(folder)
        try:
            return await use(engine)
        finally:
            engine.close()

    return asyncio.run(run())


def noting(model, calls: list) -> None:
    """Have a model note what it does."""
    for name in ("encoding", "preparing", "rendering"):
        real = getattr(model, name)

        def call(*args, name=name, real=real):
            calls.append((name, threading.get_ident(), len(args[0]) if name == "rendering" else 1))
            return real(*args)

        setattr(model, name, call)


def count(calls: list, name: str) -> int:
    return sum(call[0] == name for call in calls)


def busy(engine) -> threading.Event:
    """Keep the device busy until the event is set."""
    release = threading.Event()
    asyncio.get_running_loop().create_task(engine.worker.run(lambda items: [release.wait(30)]))
    return release


@pytest.fixture
def small(photo) -> Inputs:
    return Inputs(image=photo.read_bytes(), max_side=64)


@pytest.mark.skipif(DEVICE != "cpu", reason="it is the CPU's memory")
def test_memory_is_given_back_when_nobody_has_worked_for_a_while(sound, tmp_path, monkeypatch):
    given, release = [], threading.Event()
    release.set()
    monkeypatch.setattr("server.engine.engine.IDLE", 0.1)
    monkeypatch.setattr("server.engine.engine.give_back_memory", lambda: given.append(True))
    monkeypatch.setattr("dynamicnet.pictures.write", lambda *_: release.wait(30) and b"a file")
    large, little = (Image.new("RGB", size) for size in ((2500, 1700), (64, 64)))

    async def use(engine):
        await engine.encode(little, "png", 90, {})
        await asyncio.sleep(0.3)
        assert not given, "nothing large was here"
        await engine.encode(large, "png", 90, {})
        release.clear()
        encoding = asyncio.create_task(engine.encode(large, "png", 90, {}))
        await asyncio.sleep(0.3)
        assert not given, "a large one is encoded"
        release.set()
        await encoding
        for _ in range(6):
            await asyncio.sleep(0.05)
            await engine.encode(little, "png", 90, {})
        assert not given, "others are at work"
        await asyncio.sleep(0.3)
        assert len(given) == 1

    with_engine(linked(sound, tmp_path, "one"), use)


@pytest.mark.parametrize("error", [ValueError, IndexError, TypeError, RuntimeError])
def test_a_network_that_cannot_be_recorded_is_served_all_the_same(sound, tmp_path, monkeypatch, small, error):
    def fails(*_):
        raise error

    monkeypatch.setattr("dynamicnet.method.recorded.begin", fails)

    async def use(engine):
        opened = await engine.open(engine.model("one"), small, {})
        assert await engine.render(opened, 0.5, {})

    with_engine(linked(sound, tmp_path, "one"), use)


def test_a_folder_without_models_is_logged(tmp_path, caplog):
    async def nothing(engine):
        pass

    for folder, what in ((tmp_path, "model package in"), (tmp_path / "none", "folder")):
        with_engine(folder, nothing)
        assert caplog.messages[-1] == f"There is no {what} '{folder}'."


def test_damaged_packages_are_logged_and_left_out(sound, tmp_path, caplog):
    for name in ("a-cut-off", "b-hollow", "c-sound"):
        shutil.copytree(sound, tmp_path / name)
    tensors = tmp_path / "a-cut-off" / package.TENSORS
    tensors.write_bytes(tensors.read_bytes()[:1000])
    (tmp_path / "b-hollow" / package.MANIFEST).write_text("{}")
    shutil.copytree(sound, tmp_path / os.fsdecode(b"d-\xe9"))  # a name in Latin-1

    async def ids(engine):
        return list(engine.models), engine.left_out

    assert with_engine(tmp_path, ids) == (["c-sound"], ["a-cut-off", "d-\N{REPLACEMENT CHARACTER}", "b-hollow"])
    assert "a-cut-off" in caplog.text
    assert "b-hollow" in caplog.text


def test_packages_come_change_and_go_while_the_engine_runs(sound, small, tmp_path, caplog):
    other = package.find(Settings().weights)[1]
    shutil.copytree(sound, tmp_path / "a")

    async def change(engine):
        async def look(times=2):
            for _ in range(times):
                await engine.shelf.look(tmp_path)
            return list(engine.models), engine.left_out

        async def rendered(opened):
            return (await engine.render(opened, 0, {})).tobytes()

        shutil.copytree(other, tmp_path / "b")
        tensors = tmp_path / "b" / package.TENSORS
        tensors.write_bytes(tensors.read_bytes()[:1000])
        assert await look(1) == (["a"], [])  # it may be on its way
        assert await look() == (["a"], ["b"])
        shutil.copy(other / package.TENSORS, tensors)
        assert await look() == (["a", "b"], [])

        before = await engine.open(engine.model("a"), small, {})
        was = await rendered(before)
        for file in (package.MANIFEST, package.TENSORS):
            shutil.copy(other / file, tmp_path / "a" / file)
        await look()
        now, same = [await rendered(await engine.open(engine.model(name), small, {})) for name in ("a", "b")]
        assert was != now == same
        assert await rendered(before) == was  # for who has it open
        shutil.rmtree(tmp_path / "a")
        assert await look(1) == (["b"], [])
        assert caplog.messages[-1] == "Model a withdrawn"
        shutil.move(tmp_path / "b", tmp_path.parent / "moved")
        gone = f"There is no model package in '{tmp_path}' any more; those that are loaded stay"
        assert await look() == (["b"], [])  # of a disk that went away an empty folder is left
        tmp_path.rmdir()
        assert await look() == (["b"], [])
        assert caplog.messages.count(gone) == 1

    with_engine(tmp_path, change)


def test_models_run_on_one_thread_and_never_on_the_loops(sound, small):
    calls = []

    async def render(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        opened = await engine.open(model, small, {})
        await asyncio.gather(*(engine.render(opened, 0, {}) for _ in range(3)))

    with_engine(sound.parent, render)
    on_device = {thread for name, thread, _ in calls if name != "encoding"}
    assert len(on_device) == 1
    assert threading.get_ident() not in {thread for _, thread, _ in calls}


def test_a_step_that_is_cancelled_while_it_waits_never_runs(sound, small):
    async def cancel(engine):
        opened = await engine.open(engine.model(sound.name), small, {})
        release = busy(engine)
        timings = [{}, {}]
        dropped, kept = (asyncio.create_task(engine.render(opened, 0, t)) for t in timings)
        await asyncio.sleep(0.1)
        dropped.cancel()
        release.set()
        await kept
        return timings

    dropped, kept = with_engine(sound.parent, cancel)
    assert list(kept) == ["render"]
    assert dropped == {}


def test_a_hole_that_is_filled_lets_others_read_their_pictures_and_ends_with_who_leaves(small, photo):
    begun, ended = Counter(), []
    mask = Image.new("L", (1500, 1000))
    mask.paste(255, (300, 300, 500, 420))
    mask.paste(255, (1200, 700, 1300, 760))
    hole = io.BytesIO()
    mask.save(hole, "PNG")
    picture = io.BytesIO()
    Image.open(photo).resize(mask.size).save(picture, "PNG")

    async def use(engine):
        model = next(one for one in engine.models.values() if one.application.name == "completion")
        real = model.encoding

        def encoding(inputs):
            def counted():
                begun[inputs.max_pixels] += 1
                return nullcontext()

            made = yield from each_within(counted, real(inputs))
            ended.append(inputs)
            return made

        model.encoding = encoding
        each = [Inputs(image=picture.getvalue(), mask=hole.getvalue(), max_pixels=2**21 + n) for n in range(COUNT)]
        filled = [asyncio.create_task(engine.open(model, one, {})) for one in each]
        while len(begun) < COUNT or min(begun.values()) < 4:
            await asyncio.sleep(0.01)
        await engine.look(small)
        assert not ended
        for one in filled:
            one.cancel()
        await asyncio.wait(filled)
        left = begun.total()
        await asyncio.sleep(1)
        assert begun.total() <= left + COUNT
        assert not ended

    with_engine(Settings().weights, use)


def test_of_what_works_at_many_pixels_few_are_encoded_at_once_and_small_ones_beside_them(sound):
    began, ended, most = Counter(), Counter(), Counter()

    def encoding(inputs):
        large = inputs.image.startswith(b"large")
        yield LARGE + large
        began[large] += 1
        for _ in range(10):
            most[large] = max(most[large], began[large] - ended[large])
            time.sleep(0.01)
            yield
        ended[large] += 1
        raise DynamicNetError("mask-empty", "It was enough to be encoded.")

    async def use(engine):
        model = engine.model(sound.name)
        model.encoding = encoding
        large = [asyncio.create_task(engine.open(model, Inputs(b"large %d" % n), {})) for n in range(3 * COUNT)]
        await asyncio.sleep(0.02)
        small = [asyncio.create_task(engine.open(model, Inputs(b"small %d" % n), {})) for n in range(2 * COUNT)]
        await asyncio.wait(small)
        assert ended[True] < 3 * COUNT
        await asyncio.wait(large)

    with_engine(sound.parent, use)
    assert (ended[True], ended[False]) == (3 * COUNT, 2 * COUNT)
    assert most[True] == COUNT
    assert most[False] > COUNT


def test_a_render_that_is_given_up_stops_within_a_piece_and_its_model_can_leave(sound, small, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "TURN", 0)
    begun = []

    @contextmanager
    def counted():
        begun.append(True)
        yield

    async def give_up(engine):
        model, other = engine.models.values()
        opened, real = await engine.open(model, small, {}), model.rendering
        model.rendering = lambda batch: each_within(counted, real(batch))
        given_up = asyncio.create_task(engine.render(opened, 1, {}))
        while len(begun) < 2:
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
        left = len(begun)
        await engine.worker.run(lambda items: items)
        assert left <= len(begun) <= left + 1
        await engine.open(other, small, {})
        assert next(model.net.parameters()).is_meta

    with_engine(linked(sound, tmp_path, "a", "b"), give_up, models_bytes=1)


def test_who_finds_too_little_memory_beside_something_large_is_served_after_it(sound, small, tmp_path):
    release, under_way = threading.Event(), threading.Event()

    def large(items):
        under_way.set()
        while not release.wait(0.01):
            yield
        under_way.clear()
        return items

    async def beside(engine):
        (model,) = engine.models.values()
        reading, rendering = model.encoding, model.rendering

        def refuse():
            if under_way.is_set():
                raise MemoryError

        def encoding(inputs):
            refuse()
            return reading(inputs)

        def refusing(batch):
            refuse()
            return (yield from rendering(batch))

        opened = await engine.open(model, small, {})
        model.encoding, model.rendering = encoding, refusing
        before = asyncio.create_task(engine.worker.run(large, pixels=10**8))
        while not under_way.is_set():
            await asyncio.sleep(0)
        asked = [
            asyncio.create_task(engine.render(opened, 1, {})),
            asyncio.create_task(engine.open(model, Inputs(small.image, max_side=70), {})),
        ]
        _, waiting = await asyncio.wait(asked, timeout=0.3)
        assert len(waiting) == 2
        release.set()
        await before
        picture, other = [await one for one in asked]
        return picture.size, other.size

    assert with_engine(linked(sound, tmp_path, "a"), beside) == ((64, 43), (70, 47))


def test_the_same_picture_is_prepared_once_for_a_model(sound, small, photo):
    calls = []

    async def twice(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        for inputs in (small, Inputs(image=photo.read_bytes(), max_side=64), Inputs(small.image, max_side=65)):
            await engine.render(await engine.open(model, inputs, {}), 0.5, {})

    with_engine(sound.parent, twice)
    assert (count(calls, "encoding"), count(calls, "preparing"), count(calls, "rendering")) == (2, 2, 3)


def test_a_picture_asked_for_by_several_at_once_is_prepared_once_even_if_the_first_leaves(sound, small):
    calls = []

    async def at_once(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        release = busy(engine)
        tasks = [asyncio.create_task(engine.open(model, small, {})) for _ in range(4)]
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        release.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    left, *others = with_engine(sound.parent, at_once)
    assert isinstance(left, asyncio.CancelledError)
    assert {one.size for one in others} == {(64, 43)}
    assert count(calls, "preparing") == 1


def test_what_nobody_waits_for_any_more_is_not_prepared(sound, small):
    calls = []

    async def leave(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        release = busy(engine)
        tasks = [asyncio.create_task(engine.open(model, small, {})) for _ in range(2)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        release.set()
        await engine.worker.run(lambda items: items)

    with_engine(sound.parent, leave)
    assert count(calls, "preparing") == 0


def test_what_was_prepared_is_bounded_and_what_left_is_prepared_again(sound, photo):
    calls = []

    async def many(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        each = [await engine.open(model, Inputs(photo.read_bytes(), max_side=64 + i), {}) for i in range(4)]
        opened = [one.resting for one in each]
        assert engine.prepared.held <= engine.prepared.limit
        assert count(calls, "preparing") == 4
        pictures = [await engine.render(one, 1, {}) for one in (opened[3], opened[0], opened[0])]
        assert count(calls, "preparing") == 5  # the last was still here; the first had left, and came back once
        return [picture.size[0] for picture in pictures]

    assert with_engine(sound.parent, many, prepared_bytes=550_000) == [67, 64, 64]


def test_a_request_prepares_once_what_there_is_no_room_to_keep(sound, small):
    calls = []

    async def ask(engine):
        model = engine.model(sound.name)
        noting(model, calls)
        await engine.render(await engine.open(model, small, {}), 0.5, {})

    with_engine(sound.parent, ask, prepared_bytes=0)
    assert count(calls, "preparing") == 1


def test_models_beyond_the_bound_leave_the_device_and_come_back_while_requests_wait(sound, small):
    async def all_at_once(engine):
        models = [m for m in engine.models.values() if m.application.name == "style"]
        opened = [await engine.open(model, small, {}) for model in models]
        pictures = await asyncio.gather(*(engine.render(one, 1, {}) for one in opened * 2))
        resident = [m.id for m in engine.models.values() if not next(m.net.parameters()).is_meta]
        return resident, [picture.tobytes() for picture in pictures]

    few, squeezed = with_engine(sound.parent, all_at_once, models_bytes=1)
    every, roomy = with_engine(sound.parent, all_at_once)
    assert len(few) == 1 < len(every)
    assert squeezed == roomy


def test_renders_that_wait_together_run_as_one_batch_each_with_its_own_alpha(sound, small, monkeypatch):
    monkeypatch.setattr(precision, "_has_units", lambda: False)  # bfloat16 rounds a batch of small pictures otherwise
    calls = []

    async def together(engine):
        model = engine.model(sound.name)
        high = model.manifest.axes[0].range[1]
        alphas = [share * high for share in (0, 0.3, 0.6, 1)]
        opened = await engine.open(model, small, {})
        apart = [await engine.render(opened, alpha, {}) for alpha in alphas]
        noting(model, calls)
        release = busy(engine)
        tasks = [asyncio.create_task(engine.render(opened, alpha, {})) for alpha in alphas]
        await asyncio.sleep(0.1)
        release.set()
        return apart, [await task for task in tasks]

    apart, joined = with_engine(sound.parent, together)
    assert [size for name, _, size in calls if name == "rendering"] == [4]
    for one, other in zip(apart, joined, strict=True):
        assert np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max() <= 1


def test_alpha_is_checked_and_named_for_every_axis(sound):
    async def check(engine):
        model = engine.model(sound.name)
        axes = model.manifest.axes
        high = axes[0].range[1]
        with pytest.raises(DynamicNetError, match="out of range"):
            await engine.check(model, high + 1)
        return await engine.check(model, high) == {axes[0].id: high, **{axis.id: 0 for axis in axes[1:]}}

    assert with_engine(sound.parent, check)
