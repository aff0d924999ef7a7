"""Decoding in processes of its own: what a file does to its decoder costs one answer, and nothing else."""

import io
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, TypeVar

import loky.backend  # noqa: F401  # "loky", a way to start processes that does not run the program again that asks
from pebble import CONSTS, ProcessExpired, ProcessFuture, ProcessPool
from PIL import Image

from dynamicnet.errors import DynamicNetError

T = TypeVar("T")

COUNT = max(2, min(4, os.cpu_count() or 1))
"""How many there are: one that hangs must not keep everybody waiting."""

SECONDS = 30.0
"""Longest a decoder may take over one file: 108 megapixels of noise with opacity take 14 s on a busy processor."""

MEMORY = 2 * 2**30
"""How many bytes a decoder may take: 108 megapixels of noise with opacity need most of it."""

STUCK_SECONDS = 5.0
"""How long decoders wait for one that was killed while it was taking a file, before all are replaced."""

LOST_SECONDS = 20.0
"""How long a file may wait while no decoder works at any: one that was killed had it, or all are still starting."""

ATTEMPTS = 3

_pool: ProcessPool | None = None
_asked: set[ProcessFuture[Any]] = set()
_lock = threading.Lock()


def start() -> None:
    """Start the decoders, unless they run; the first file starts them otherwise.

    Raises:
        DynamicNetError: ``decoders-missing``.
    """
    _ask(_ready)


def stop() -> None:
    """End the decoders; who waits for one is told so. Another file starts them again."""
    pool = _pool
    if pool is not None:
        for future in tuple(_asked):
            future.cancel()  # type: ignore[no-untyped-call]
        _end(pool)


def run(work: Callable[..., T], what: str, data: bytes, *args: object) -> T:
    """Run ``work(data, ...)`` in a decoder, and wait for what it returns: pictures, and whatever else pickle can take.

    The file goes there, and its pixels come back, in memory that has no name: it is gone when both have let go of it,
    however they end, and takes no room in /dev/shm, of which containers have little.

    Args:
        work: a function of a module, which a decoder can import.
        what: what the file is called in errors.
        data: the file.
        args: what ``work`` takes besides.

    Raises:
        DynamicNetError: what ``work`` raised; ``picture-unreadable``, it took too long, too much memory or the
            decoder with it; ``decoders-missing``.
    """
    with _shared() as (file, path):

        def send() -> None:
            file.seek(0)
            file.write(data)
            file.truncate()
            file.flush()

        try:
            sizes = _ask(_work, path, SECONDS, work, args, before=send)
        except ProcessExpired:
            raise _spoiled(f"Opening this {what} ended the program that did it: it is damaged.") from None
        except TimeoutError:
            raise _spoiled(f"Opening this {what} takes over {SECONDS:g} seconds.") from None
        except MemoryError:
            raise _spoiled(f"Opening this {what} takes over {MEMORY >> 30} GB of memory.") from None
        file.seek(0)
        head, *buffers = [file.read(size) for size in sizes]
        return pickle.loads(head, buffers=buffers)  # type: ignore[no-any-return]


def _spoiled(sentence: str) -> DynamicNetError:
    return DynamicNetError("picture-unreadable", f"{sentence} Save it again, as PNG or JPEG, and send that.")


def _ask(work: Callable[..., T], *args: Any, before: Callable[[], None] = lambda: None) -> T:  # noqa: ANN401
    """Have a decoder do some work; again, by others, where all were lost: Pebble gives up if one is killed at rest."""
    for _ in range(ATTEMPTS):
        before()
        pool = _running()
        try:
            future = pool.schedule(work, args, timeout=SECONDS)
        except (RuntimeError, OSError):  # it is broken, or cannot be started
            _end(pool)
            continue
        _asked.add(future)
        try:
            return _result(pool, future)
        except BrokenProcessPool:
            _end(pool)
        except CancelledError:
            break
        finally:
            _asked.discard(future)
    raise DynamicNetError("decoders-missing", "The processes that open pictures are not running; try again later.", 503)


def _result(pool: ProcessPool, future: ProcessFuture[T]) -> T:
    """What a decoder returns.

    Pebble forgets a file whose decoder was killed as it took it, and what it is asked while it gives up; whoever waits
    for that has to find out.
    """
    idle = 0
    while not future.done():
        try:
            return future.result(1.0)
        except TimeoutError:
            idle = 0 if any(one.running() for one in tuple(_asked)) else idle + 1
            if not future.done() and (not pool.active or idle > LOST_SECONDS):
                raise BrokenProcessPool from None
    return future.result()


def _running() -> ProcessPool:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ProcessPool(COUNT, context=get_context("loky"), initializer=_begin)
        return _pool


def _end(pool: ProcessPool) -> None:
    """End a pool; another takes its place when it is asked for."""
    global _pool
    with _lock:
        if _pool is not pool:
            return
        _pool = None
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


@contextmanager
def _shared() -> Iterator[tuple[IO[bytes], str]]:
    """A file in memory, and the path by which a decoder opens it."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("picture"), "w+b") as file:
            yield file, f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        with NamedTemporaryFile() as named:
            yield named, named.name


# What follows runs in the decoders.


def _begin() -> None:
    """Make a process ready to decode, and bound it."""
    import dynamicnet.decode  # noqa: F401  # before there is a file to wait for it

    CONSTS.channel_lock_timeout = STUCK_SECONDS
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ends it at once, where Pebble's waits for the decoder to return
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (bound if most < 0 else min(bound, most), most))


def _ready() -> None:
    """Nothing to do."""


def _work(path: str, seconds: float, work: Callable[..., object], args: tuple[object, ...]) -> list[int]:
    """Run some work on a file, and put what it returns in its place; returns how long each part of that is."""
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds)  # ends it if whoever asked is no more
    try:
        with open(path, "r+b") as file:  # noqa: PTH123  # a path that is no name
            result = work(file.read(), *args)
            pixels: list[pickle.PickleBuffer] = []
            head = io.BytesIO()
            _Pickler(head, 5, buffer_callback=pixels.append).dump(result)
            parts = [head.getbuffer(), *(one.raw() for one in pixels)]
            file.seek(0)
            file.writelines(parts)
            file.truncate()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return [part.nbytes for part in parts]


class _Pickler(pickle.Pickler):
    """Leaves pixels out, to be sent as they are."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401
        if isinstance(value, Image.Image):
            return Image.frombytes, (value.mode, value.size, pickle.PickleBuffer(value.tobytes()))
        return NotImplemented
