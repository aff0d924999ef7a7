"""The line in front of a device."""

import asyncio
import math
import threading
import time

import pytest

from dynamicnet import DynamicNetError
from server.engine import callers, worker
from server.engine.single_flight import SingleFlight
from server.engine.worker import Worker


def run(use):
    async def with_worker():
        worker = Worker()
        try:
            return await use(worker)
        finally:
            worker.close()

    return asyncio.run(with_worker())


async def held_up(worker) -> threading.Event:
    release = threading.Event()
    asyncio.get_running_loop().create_task(worker.run(lambda items: [release.wait(30)]))
    await asyncio.sleep(0.01)
    return release


def run_in_line(*asked) -> None:
    """Jobs, as what ``Worker.run`` is given of each, that all stand in line when the thread comes free."""

    async def use(line):
        release = await held_up(line)
        tasks = [asyncio.create_task(line.run(*one)) for one in asked]
        await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(*tasks)

    run(use)


def test_those_of_one_group_run_as_one_and_the_longest_waiting_first():
    ran = []

    def work(items):
        ran.append(list(items))
        return [item.upper() for item in items]

    async def use(worker):
        release = await held_up(worker)
        line = [("a1", "a"), ("b1", "b"), ("a2", "a"), ("c1", None), ("c2", None), ("a3", "a"), ("b2", "b")]
        tasks = [asyncio.create_task(worker.run(work, item, group, 2)) for item, group in line]
        await asyncio.sleep(0.01)
        release.set()
        return [await task for task in tasks]

    assert run(use) == ["A1", "B1", "A2", "C1", "C2", "A3", "B2"]
    assert ran == [["a1", "a2"], ["b1", "b2"], ["c1"], ["c2"], ["a3"]]


def test_so_many_run_as_one_that_there_are_few_shapes():
    ran = []

    def work(items):
        ran.append(list(items))
        return items

    async def use(worker):
        release = await held_up(worker)
        tasks = [asyncio.create_task(worker.run(work, number, "g", 16)) for number in range(7)]
        await asyncio.sleep(0.01)
        release.set()
        return await asyncio.gather(*tasks)

    assert run(use) == list(range(7))
    assert ran == [[0, 1, 2, 3], [4, 5], [6]]


def test_a_failure_is_that_of_one_job_alone():
    def work(items):
        if "bad" in items:
            raise ValueError("bad")
        return items

    async def use(worker):
        release = await held_up(worker)
        tasks = [asyncio.create_task(worker.run(work, item, "g", 9)) for item in ("x", "bad", "y")]
        await asyncio.sleep(0.01)
        release.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, bad, last = run(use)
    assert (first, last) == ("x", "y")
    assert isinstance(bad, ValueError)


def test_closing_drops_what_waits():
    ran = []

    async def use(worker):
        release = await held_up(worker)
        task = asyncio.create_task(worker.run(ran.append))
        await asyncio.sleep(0.01)
        threading.Timer(0.1, release.set).start()
        worker.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(use)
    assert ran == []


def in_pieces(ran: list, pieces: int, seconds: float = 0):
    """Work that notes its pieces, which take a time each, and that it was left."""

    def work(items):
        try:
            for piece in range(pieces):
                ran.append(f"{items[0]}{piece}")
                time.sleep(seconds)
                yield
        finally:
            ran.append(f"{items[0]} ended")
        return items

    return work


def cut(monkeypatch) -> None:
    """After each piece."""
    for name in ("TURN", "LATER"):
        monkeypatch.setattr(worker, name, 0)


def pieces_of_callers(*each) -> list[str]:
    """What runs of callers who all wait when the thread comes free; of each: name, pieces and seconds of its jobs."""
    ran = []

    async def ask(line, jobs):
        callers.begin()
        await asyncio.gather(*(line.run(in_pieces(ran, pieces, seconds), name) for name, pieces, seconds in jobs))

    async def use(line):
        release = await held_up(line)
        tasks = [asyncio.create_task(ask(line, jobs)) for jobs in each]
        await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(*tasks)

    run(use)
    return [name for name in ran if not name.endswith("ended")]


def test_callers_take_turns_however_much_one_asks_for(monkeypatch):
    cut(monkeypatch)
    ran = pieces_of_callers([("a", 3, 0.02), ("b", 2, 0.02)], [("c", 1, 0.02)], [("d", 2, 0.03)])
    assert ran == ["a0", "c0", "d0", "a1", "d1", "a2", "b0", "b1"]


def test_callers_have_equal_time_and_not_equally_many_turns(monkeypatch):
    cut(monkeypatch)
    ran = pieces_of_callers([("a", 3, 0.2)], [("b", 9, 0.06)])
    assert ran == ["a0", "b0", "b1", "b2", "b3", "a1", "b4", "b5", "b6", "a2", "b7", "b8"]


def test_who_comes_late_has_its_turn_and_no_more_than_that(monkeypatch):
    """Time that somebody did not ask for is not made up for."""
    cut(monkeypatch)
    ran = []

    async def use(line):
        early = asyncio.create_task(line.run(in_pieces(ran, 40, 0.02), "a"))
        while len(ran) < 10:
            await asyncio.sleep(0.001)
        await line.run(in_pieces(ran, 10, 0.02), "b")
        await early

    run(use)
    first, last = ran.index("b0"), ran.index("b9")
    assert first <= 12
    assert 7 <= sum(name.startswith("a") for name in ran[first:last]) <= 11


def test_who_waits_for_several_things_at_once_waits_once():
    async def use(line):
        callers.begin(0.5)
        release = await held_up(line)
        tasks = [asyncio.create_task(line.run(lambda items: items, i)) for i in range(5)]
        await asyncio.sleep(0.2)
        release.set()
        await asyncio.gather(*tasks)
        return callers.current().left

    assert 0.15 < run(use) < 0.31


def test_what_one_caller_gave_up_waiting_for_another_begins_again():
    flight = SingleFlight()
    begun = []

    async def ask(line, patience):
        callers.begin(patience)

        async def work():
            begun.append(patience)
            return await line.run(lambda items: items, "done")

        return await flight.run("key", work)

    async def use(line):
        release = await held_up(line)
        hasty = asyncio.create_task(ask(line, 0.1))
        await asyncio.sleep(0.01)
        patient = [asyncio.create_task(ask(line, math.inf)) for _ in range(2)]
        with pytest.raises(DynamicNetError, match="stood in line for"):
            await hasty
        release.set()
        return await asyncio.gather(*patient)

    assert run(use) == ["done", "done"]
    assert begun == [0.1, math.inf]


def test_who_waits_for_what_another_began_has_no_more_patience_for_that():
    flight = SingleFlight()

    async def ask(line, patience):
        callers.begin(patience)
        await flight.run("key", lambda: line.run(lambda items: items))

    async def use(line):
        release = await held_up(line)
        begun = time.monotonic()
        asked = [asyncio.create_task(ask(line, 0.5)) for _ in range(4)]
        failed = await asyncio.gather(*asked, return_exceptions=True)
        release.set()
        return time.monotonic() - begun, [error.code for error in failed]

    took, codes = run(use)
    assert took < 1
    assert codes == [callers.WAITED] * 4


def test_a_frame_is_not_cut():
    ran = []
    run_in_line(*((in_pieces(ran, 2), name) for name in "ab"))
    assert ran == ["a0", "a1", "a ended", "b0", "b1", "b ended"]


def test_what_is_longer_than_a_frame_ends_in_few_turns(monkeypatch):
    """Small pieces that are left of it do not each wait for all others."""
    monkeypatch.setattr(worker, "TURN", 0)
    monkeypatch.setattr(worker, "LATER", 30)
    ran = []
    run_in_line(*((in_pieces(ran, 9, seconds), name) for name, seconds in (("a", 0), ("b", 0.02))))
    assert ran[:10] == ["a0", "b0", *(f"a{piece}" for piece in range(1, 9))]


def test_what_is_larger_than_a_frame_is_cut_from_its_beginning(monkeypatch):
    monkeypatch.setattr(worker, "LATER", 0)
    ran = []
    run_in_line(
        *((in_pieces(ran, 3, seconds), name, None, 1, 2 * worker.FRAME) for name, seconds in (("a", 0.02), ("b", 0.03)))
    )
    assert ran[:4] == ["a0", "b0", "a1", "b1"]


def test_those_that_run_as_one_have_the_time_of_all(monkeypatch):
    monkeypatch.setattr(worker, "TURN", 0.2)
    ran = []

    def work(items):
        for _ in range(3):
            ran.append(items[0])
            time.sleep(0.1)
            yield
        return items

    run_in_line(*((work, name, name[0], 8) for name in ("a1", "a2", "a3", "a4", "b1")))
    assert ran[:3] == ["a1"] * 3


def test_what_its_caller_has_given_up_ends_with_the_piece_it_is_at(monkeypatch):
    cut(monkeypatch)
    ran = []

    async def use(line):
        given_up = asyncio.create_task(line.run(in_pieces(ran, 10**9), "a"))
        while len(ran) < 3:
            await asyncio.sleep(0)
        left = len(ran)
        given_up.cancel()
        await asyncio.wait([given_up])
        await line.run(in_pieces(ran, 1), "b")
        return left

    left = run(use)
    assert ran[left:].index("a ended") <= 2  # the piece that it is at, and one that begins before it is known


def test_of_large_jobs_one_is_under_way_and_small_ones_beside_it(monkeypatch):
    cut(monkeypatch)
    ran = []
    sizes = {"a": 4 * worker.BESIDE, "b": 2 * worker.BESIDE, "c": worker.BESIDE}
    run_in_line(*((in_pieces(ran, 3), name, None, 1, size) for name, size in sizes.items()))
    assert ran.index("b0") > ran.index("a ended") > ran.index("c0")


def test_frames_have_a_turn_beside_any_two_large_jobs(monkeypatch):
    cut(monkeypatch)
    ran = []
    sizes = {"a": worker.BESIDE, "b": worker.BESIDE, "c": worker.FRAME, "d": worker.FRAME + 1}
    run_in_line(*((in_pieces(ran, 3), name, None, 1, size) for name, size in sizes.items()))
    first = min(ran.index("a ended"), ran.index("b ended"))
    assert ran.index("b0") < first
    assert ran.index("c0") < first < ran.index("d0")


def test_a_batch_of_frames_is_none_of_the_large_jobs(monkeypatch):
    cut(monkeypatch)
    ran = []
    large = [(in_pieces(ran, 9), name, None, 1, worker.BESIDE) for name in "ab"]
    frames = in_pieces(ran, 9)
    batch = [(frames, "c", "frames", 4, worker.FRAME) for _ in range(4)]
    run_in_line(*large, *batch, (in_pieces(ran, 1), "d", None, 1, worker.FRAME))
    assert ran.index("d0") < min(ran.index(f"{name} ended") for name in "abc")
