"""One device's thread: callers take turns on it, and jobs that can run as one do."""

import asyncio
import math
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import isgenerator
from typing import Any

from dynamicnet.method.pieces import Pieces
from server.engine.callers import Caller, current, stand_in_line

Work = Callable[[Sequence[Any]], Sequence[Any] | Pieces[Sequence[Any]]]
"""Runs on the thread: some items in, as many results out, at once or in pieces."""

TURN = 0.06
"""Seconds of a job's first turn, and so many of each that run as one: frames while a slider moves are not cut."""

LATER = 0.005
"""Seconds of every further turn, and of all of what is no frame. They end with a piece, and so may be longer."""

FRAME = 2**20
"""Pixels of the largest frame that is not cut."""

BESIDE = 2**23
"""Pixels that may be under way besides the largest job, and again so many of frames: until it ends it holds memory."""


@dataclass(frozen=True, eq=False)
class _Job:
    work: Work
    item: Any
    group: Hashable
    most: int
    pixels: float
    caller: Caller
    came: float
    begun: asyncio.Future[None]
    done: asyncio.Future[Any]

    @property
    def of_frames(self) -> bool:
        """Whether it is no larger than a frame."""
        return self.pixels <= FRAME

    @property
    def start(self) -> float:
        """Where it stands in line: where the line was when it came or, if that is further, its caller is by now."""
        return max(self.came, self.caller.had)


class _Run:
    """Jobs that run as one, a turn at a time."""

    def __init__(self, jobs: Sequence[_Job]) -> None:
        self.jobs = jobs
        self.pixels = sum(job.pixels for job in jobs)
        self.results: Sequence[Any] = ()
        self._pieces = _in_pieces(jobs[0].work, [job.item for job in jobs])
        self.of_frames = self.pixels <= FRAME * len(jobs)
        self._most = TURN * len(jobs) if self.of_frames else LATER

    @property
    def start(self) -> float:
        return min(job.start for job in self.jobs)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not all(job.done.done() for job in self.jobs)

    def turn(self) -> bool:
        """Run some pieces, on the thread: True after the last. Their time is shared by those who asked for them."""
        begun, most, self._most = time.perf_counter(), self._most, LATER
        try:
            next(self._pieces)
            while time.perf_counter() < begun + most and self.wanted:
                next(self._pieces)
        except StopIteration as end:
            self.results = end.value
            return True
        finally:
            each = (time.perf_counter() - begun) / len(self.jobs)
            for job in self.jobs:
                job.caller.had = job.start + each
        return False

    def leave(self) -> bool:
        """Let go of what it holds, on the thread, its results being nothing: True, as no turn follows."""
        self.results = [None] * len(self.jobs)
        self._pieces.close()
        return True


class Worker:
    """Runs one thing at a time, in turns: equal time for each caller (start-time fair queueing, Goyal et al. 1996).

    The next turn is that of the caller who has had least of it; who comes, or comes back, is taken to have had as much
    as who is served then. It ends with the job, or some pieces of it, see :data:`TURN` and :data:`LATER`.

    Jobs of one group that wait at that moment run with it, as one: two, four, eight and so on of them, because oneDNN
    keeps compiled code for every shape that it meets, and memory would grow until it had met all numbers.
    A job whose caller has gone is never begun, and ends with the piece that it is at.
    All methods are for one event loop.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "device")
        self._line: list[_Job] = []
        self._under_way: list[_Run] = []
        self._at = 0.0  # what the caller of the last turn had had before it, in seconds: where the line is
        self._runner: asyncio.Task[None] | None = None

    async def run(
        self,
        work: Work,
        item: Any = None,  # noqa: ANN401
        group: Hashable = None,
        most: int = 1,
        pixels: float = 0,
    ) -> Any:  # noqa: ANN401
        """Wait for the thread, and for the result.

        Args:
            work: what to do.
            item: what to do it with.
            group: jobs of equal group share ``work``, and run as one; None runs alone.
            most: how many may run as one.
            pixels: how many are worked on, see :data:`BESIDE`; infinitely many begin when nothing else is under way.

        Raises:
            DynamicNetError: ``waited-too-long``.
        """
        loop = asyncio.get_running_loop()
        begun, done = loop.create_future(), loop.create_future()
        job = _Job(work, item, group, most, pixels, current(), self._at, begun, done)
        self._line.append(job)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            await stand_in_line(begun)
            return await done
        finally:
            done.cancel()
            del job, done  # whose error, if any, knows this frame: they would hold each other, and what was worked on

    @property
    def waiting(self) -> int:
        """How many jobs are in the line."""
        return len(self._line)

    @property
    def busy(self) -> bool:
        """Whether there are jobs in the line, or under way."""
        return bool(self._line or self._under_way)

    def close(self) -> None:
        """Drop what waits and what is under way, and let the thread finish the turn that it is at."""
        if self._runner is not None:
            self._runner.cancel()
        for job in [*self._line, *(job for run in self._under_way for job in run.jobs)]:
            job.begun.cancel()
            job.done.cancel()
        for run in self._under_way:
            self._thread.submit(run.leave)
        self._line, self._under_way = [], []
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while run := self._next():
            self._at = max(self._at, run.start)
            try:
                ended = await loop.run_in_executor(self._thread, run.turn if run.wanted else run.leave)
            except Exception as error:
                self._under_way.remove(run)
                if len(run.jobs) == 1:
                    _fail(run.jobs[0], error)
                else:  # one of them spoils it for all: each on its own
                    self._under_way += [_Run([job]) for job in run.jobs]
                continue
            if ended:
                self._under_way.remove(run)
                for job, result in zip(run.jobs, run.results, strict=True):
                    _finish(job, result)

    def _next(self) -> _Run | None:
        """What nobody waits for any more, to be left; else the next turn's, of what is under way or can begin."""
        left = next((run for run in self._under_way if not run.wanted), None)
        if left is not None:
            return left
        self._line = [job for job in self._line if not job.begun.done()]
        able: list[_Run | _Job] = [*self._under_way, *(job for job in self._line if self._has_room(job))]
        first = min(able, key=lambda one: one.start, default=None)
        return self._begin(first) if isinstance(first, _Job) else first

    def _has_room(self, job: _Job) -> bool:
        if not self._under_way:
            return True
        beside: list[_Run | _Job] = [job, *self._under_way]
        frames = sum(one.pixels for one in beside if one.of_frames)
        larger = sorted(one.pixels for one in beside if not one.of_frames)
        return frames <= BESIDE and sum(larger[:-1]) <= BESIDE and job.pixels < math.inf

    def _begin(self, first: _Job) -> _Run:
        """Have a job begin, and those of its group with it."""
        jobs = [first]
        if first.group is not None:
            others = [job for job in self._line if job.group == first.group and job is not first]
            jobs += sorted(others, key=lambda job: job.start)[: first.most - 1]
            jobs = jobs[: 1 << (len(jobs).bit_length() - 1)]
        chosen = set(jobs)
        self._line = [job for job in self._line if job not in chosen]
        for job in jobs:
            job.begun.set_result(None)
        run = _Run(jobs)
        self._under_way.append(run)
        return run


def _in_pieces(work: Work, items: Sequence[Any]) -> Pieces[Sequence[Any]]:
    made = work(items)
    return (yield from made) if isgenerator(made) else made  # type: ignore[return-value]


def _finish(job: _Job, result: Any) -> None:  # noqa: ANN401
    if not job.done.done():
        job.done.set_result(result)


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
