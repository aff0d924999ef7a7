"""Work that several wait for, done once."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from dynamicnet import DynamicNetError
from server.engine.callers import WAITED, current

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Who asks for what is being done already waits for that; what nobody waits for any more is given up.

    All methods are for one event loop.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}
        self._waiting: dict[asyncio.Task[T], int] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for the work of a key, which is begun unless it is under way.

        It is done as whoever began it: where that one stood in line for too long, another begins it again, with the
        patience that it has left.

        Raises:
            DynamicNetError: ``waited-too-long``, or what the work raises.
        """
        caller = current()
        before, begun = caller.left, time.monotonic()
        while under_way := self._tasks.get(key):
            try:
                return await self._end(key, under_way)
            except DynamicNetError as error:
                if error.code != WAITED:
                    raise
                caller.stood(before, begun)
                if self._tasks.get(key) is under_way:
                    del self._tasks[key]
        task = self._tasks[key] = asyncio.create_task(work())
        self._waiting[task] = 0
        return await self._end(key, task)

    async def _end(self, key: Hashable, task: asyncio.Task[T]) -> T:
        self._waiting[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:  # it has ended, or the last one has left
                task.cancel()
                del self._waiting[task]
                if self._tasks.get(key) is task:
                    del self._tasks[key]
