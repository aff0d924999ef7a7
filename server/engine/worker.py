"""One device's thread: a line of jobs, of which those that can run as one do."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from server.engine.patience import stand_in_line

Work = Callable[[Sequence[Any]], Sequence[Any]]
"""Runs on the thread: some items in, as many results out."""


@dataclass(frozen=True, eq=False)
class _Job:
    work: Work
    item: Any
    group: Hashable
    most: int
    begun: asyncio.Future[None]
    done: asyncio.Future[Any]


class Worker:
    """Runs one thing at a time, the longest waiting first.

    Jobs of one group that wait at that moment run with it, as one: two, four, eight and so on of them, because oneDNN
    keeps compiled code for every shape that it meets, and memory would grow until it had met all numbers.
    A job whose caller has gone is never run.
    All methods are for one event loop.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "device")
        self._line: deque[_Job] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def run(self, work: Work, item: Any = None, group: Hashable = None, most: int = 1) -> Any:  # noqa: ANN401
        """Wait for the thread, and for the result.

        Args:
            work: what to do.
            item: what to do it with.
            group: jobs of equal group share ``work``, and run as one; None runs alone.
            most: how many may run as one.

        Raises:
            DynamicNetError: ``waited-too-long``.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, item, group, most, loop.create_future(), loop.create_future())
        self._line.append(job)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            await stand_in_line(job.begun)
            return await job.done
        finally:
            job.done.cancel()

    @property
    def waiting(self) -> int:
        """How many jobs are in the line."""
        return len(self._line)

    def close(self) -> None:
        """Drop what waits and let the thread finish what it is at."""
        while self._line:
            job = self._line.popleft()
            job.begun.cancel()
            job.done.cancel()
        self._thread.shutdown()

    async def _run(self) -> None:
        while jobs := self._next():
            try:
                results = await self._on_thread(jobs)
            except Exception as error:
                if len(jobs) == 1:
                    _fail(jobs[0], error)
                    continue
                for job in jobs:  # one of them spoils it for all: each on its own
                    try:
                        _finish(job, (await self._on_thread([job]))[0])
                    except Exception as own:
                        _fail(job, own)
            else:
                for job, result in zip(jobs, results, strict=True):
                    _finish(job, result)

    def _next(self) -> list[_Job]:
        """The job that has waited longest, and those of its group."""
        waiting = [job for job in self._line if not job.begun.done()]
        if not waiting:
            self._line.clear()
            return []
        first = waiting[0]
        jobs = [first]
        if first.group is not None:
            jobs += [job for job in waiting[1:] if job.group == first.group][: first.most - 1]
            jobs = jobs[: 1 << (len(jobs).bit_length() - 1)]
        chosen = set(jobs)
        self._line = deque(job for job in waiting if job not in chosen)
        for job in jobs:
            job.begun.set_result(None)
        return jobs

    async def _on_thread(self, jobs: Sequence[_Job]) -> Sequence[Any]:
        items = [job.item for job in jobs]
        return await asyncio.get_running_loop().run_in_executor(self._thread, jobs[0].work, items)


def _finish(job: _Job, result: Any) -> None:  # noqa: ANN401
    if not job.done.done():
        job.done.set_result(result)


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
