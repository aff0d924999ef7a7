"""The engine: what is asked for is prepared once, kept, and rendered on the device's one thread."""

import asyncio
import gc
import hashlib
import logging
import math
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path
from traceback import clear_frames
from types import TracebackType
from typing import Any, TypeVar

import torch
from PIL import Image

from dynamicnet import DynamicNetError, Encoded, Inputs, Model, PreparedInputs, decoders, pictures
from dynamicnet.decode import Decoded
from dynamicnet.files.keep import Metadata
from dynamicnet.method.alpha import AlphaLike, AxisAlpha, resolve
from dynamicnet.method.auto import RENDERED_SIDE, Auto
from dynamicnet.method.pieces import Pieces, each_within, finish, in_one
from dynamicnet.model import WHOLE, pick_device
from dynamicnet.sweep import Sweep
from server.engine.allocator import bound_compiled_operators, give_back_memory, hold_freed_memory, keep_freed_memory
from server.engine.cache import Cache
from server.engine.callers import stand_in_line
from server.engine.shelf import Shelf
from server.engine.single_flight import SingleFlight
from server.engine.worker import Work, Worker
from server.operations.metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

# An illegal access is an accident of another kind; oneDNN has no other words for too little.
_TOO_LITTLE = re.compile(r"memory(?! access)|ALLOC_FAILED|could not create a primitive")

LARGE = 2**20
"""Pixels of a picture beyond which it is encoded only when nothing else has a use for the core, and few are decoded."""

IDLE = 1.0
"""Seconds after a large picture that the device must have nothing to do before its memory is given back."""

Timings = dict[str, float]
"""What each step took, in milliseconds, without the time it waited."""

AxisValues = dict[str, AxisAlpha]
"""α of every axis of a model, by axis id."""


@dataclass(frozen=True)
class Opened:
    """What a client sent, opened in a model.

    Attributes:
        size: (width, height) of what is rendered. columns, notes, metadata: see :class:`dynamicnet.Encoded`.
        key: what it is kept under, by content: the same bytes in the same model are prepared once.
        prepared: what was made of it, for as long as somebody is at it; None for who keeps it open, see ``resting``.
    """

    model: Model
    inputs: Inputs
    size: tuple[int, int]
    columns: int
    notes: tuple[str, ...]
    metadata: Metadata
    key: tuple[str, bytes]
    prepared: PreparedInputs | None = None

    @property
    def resting(self) -> "Opened":
        """The same without what was prepared, of which the engine keeps as much as it has room for."""
        return replace(self, prepared=None)


class Engine:
    """Holds the models and runs them.

    Models are brought to the device, prepare and render on the device's one thread; pictures are decoded in
    processes of their own, and encoded on other threads. The event loop only ever waits; awaiting a step and being
    cancelled takes it out of the line.
    """

    def __init__(self, device: str, prepared_bytes: int, models_bytes: int, metrics: Metrics) -> None:
        """Choose a device.

        Args:
            device: see :func:`dynamicnet.model.pick_device`.
            prepared_bytes: how much of what was prepared is kept.
            models_bytes: how many bytes of parameters stay on the device; the model in use always does.
            metrics: where to count.

        Raises:
            DynamicNetError: ``device-unknown``.
        """
        self.device = pick_device(device)
        if self.device.type == "cpu":
            keep_freed_memory()
            bound_compiled_operators()
        self.shelf = Shelf(lambda path: self.worker.run(self._load, path))
        self.worker = Worker()
        self.prepared: Cache[PreparedInputs] = Cache(prepared_bytes)
        self._decoding = ThreadPoolExecutor(decoders.COUNT, "decode")  # so that who waits for a decoder can leave
        self._at_large = asyncio.Semaphore(decoders.COUNT)
        self._encoding_large = ThreadPoolExecutor(decoders.COUNT, "encode", _give_way)
        self._preparing: SingleFlight[tuple[PreparedInputs, Timings]] = SingleFlight()
        self._giving_back: asyncio.TimerHandle | None = None
        self._is_holding = False
        self._large = 0  # pictures that are worked at
        self._models_bytes = models_bytes
        self._metrics = metrics
        metrics.waiting.set_function(lambda: self.worker.waiting)
        metrics.prepared_bytes.set_function(lambda: self.prepared.held)
        metrics.models.set_function(lambda: len(self.shelf.models))
        metrics.left_out.set_function(lambda: len(self.shelf.left_out))
        # The worker's thread's own:
        self._resident: dict[str, Model] = {}  # on the device, least recently used first
        self._working: Counter[str] = Counter()  # by id

    async def load(self, folder: Path) -> None:
        """Load every package in a folder, see :class:`Shelf`; and start the decoders meanwhile.

        Raises:
            DynamicNetError: ``decoders-missing``.
        """
        starting = asyncio.create_task(asyncio.to_thread(decoders.start))
        await self.shelf.look(folder, at_once=True)
        if not self.models and not self.left_out:
            log.error("There is no %s '%s'.", "model package in" if folder.is_dir() else "folder", folder)
        await starting

    @property
    def models(self) -> dict[str, Model]:
        """What there is at the moment, by id."""
        return self.shelf.models

    @property
    def left_out(self) -> list[str]:
        """Packages that could not be loaded, by id."""
        return self.shelf.left_out

    def close(self) -> None:
        """Drop what waits, end the decoders and let the device finish what it is at."""
        self._is_holding = False
        self._decoding.shutdown(wait=False, cancel_futures=True)
        self._encoding_large.shutdown(wait=False, cancel_futures=True)
        decoders.stop()
        self.worker.close()
        if self._giving_back is not None:
            self._giving_back.cancel()

    def model(self, model_id: str | None) -> Model:
        """A model by id; the first there is for None.

        Raises:
            DynamicNetError: ``model-unknown`` or, when there is none at all, ``no-models``.
        """
        if not self.models:
            raise DynamicNetError(
                "no-models", "There are no models here; put a model package in the weights folder.", 503
            )
        if model_id is None:
            return next(iter(self.models.values()))
        if model_id not in self.models:
            known = ", ".join(self.models)
            raise DynamicNetError("model-unknown", f"There is no model '{model_id[:40]}'; there are {known}.", 404)
        return self.models[model_id]

    async def check(self, model: Model, alpha: AlphaLike) -> AxisValues:
        """Check α before any work is done for it, and name it for every axis: 0 where the caller named none.

        Args:
            model: the model whose axes it is for.
            alpha: numbers or lists of numbers, as ``alpha.parse`` returns them.

        Raises:
            DynamicNetError: α cannot be used.
        """
        axes = model.manifest.axes
        await asyncio.to_thread(resolve, alpha, axes, 1)
        given = alpha if isinstance(alpha, Mapping) else {axes[0].id: alpha}
        return {axis.id: given.get(axis.id, 0.0) for axis in axes}

    async def look(self, inputs: Inputs) -> Decoded:
        """The picture that a client sent as it is read; see :func:`dynamicnet.pictures.read_layers`.

        Raises:
            DynamicNetError: it cannot be read.
        """
        read = partial(pictures.read_layers, inputs.image, inputs.max_side, inputs.max_pixels)
        return (await self._decoded(lambda: in_one(read)))[0]

    async def open(self, model: Model, inputs: Inputs, timings: Timings) -> Opened:
        """Decode and prepare what a client sent, unless the same was prepared before and is still here.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        timings |= {"decode": 0.0, "prepare": 0.0}
        key = (model.version, await asyncio.to_thread(_digest, inputs))
        kept = self._found(key) or await self._prepared(model, inputs, key, timings)
        encoded = kept.encoded
        return Opened(model, inputs, encoded.size, encoded.columns, encoded.notes, encoded.metadata, key, kept)

    async def render(self, opened: Opened, alpha: AlphaLike, timings: Timings) -> Image.Image:
        """Everything that depends on α. What waits for the same model at the same size is rendered with it.

        Raises:
            DynamicNetError: α cannot be used.
        """
        model, kept = opened.model, await self._kept(opened)
        group = (model.version, kept.shape, opened.size)
        picture, timings["render"] = await self._on_device(
            lambda batch: self._render(model, batch), (kept, alpha), opened.size, group, model.together(opened.size)
        )
        return picture  # type: ignore[no-any-return]

    async def settle(self, opened: Opened, values: AxisValues, auto: Auto | None) -> AxisValues:
        """α with the one that was left to us, if any: guessed, or found from small renders, which run as batches.

        Raises:
            DynamicNetError: α cannot be used.
        """
        if auto is None:
            return values
        model = opened.model
        if auto.axis.guess:
            kept = await self._kept(opened)
            return {
                **values,
                auto.axis.id: await self.worker.run(lambda batch: self._guess(model, batch), (kept, auto)),
            }
        small = await self.open(model, opened.inputs.at_most(RENDERED_SIDE, model.application.takes), {})
        frames = await asyncio.gather(*(self.render(small, alpha, {}) for alpha in auto.candidates()))
        return {**values, auto.axis.id: await asyncio.to_thread(auto.pick, frames)}

    async def sweep(self, opened: Opened, sweep: Sweep, timings: Timings) -> bytes:
        """A file of a picture at several α, rendered a batch at a time: between two, others have their turn.

        Raises:
            DynamicNetError: α cannot be used, or the frames are too many for their size.
        """
        model = opened.model
        sweep.check_size(opened.size)
        kept = (await self._kept(opened)).in_srgb
        timings["render"] = 0.0
        frames: list[Image.Image] = []
        for some in sweep.batches(model.together(opened.size)):
            rendered = await self._on_device(
                lambda batches: self._render_each(model, batches), [(kept, alpha) for alpha in some], opened.size
            )
            frames += [picture for picture, _ in rendered]
            timings["render"] += rendered[0][1]
        together = (opened.size[0], opened.size[1] * len(frames))
        encoded, timings["encode"] = await self._encoded(lambda: sweep.write(frames), together)
        return encoded

    async def encode(
        self,
        picture: Image.Image,
        format: str,  # noqa: A002
        quality: int,
        timings: Timings,
        metadata: Metadata | None = None,
    ) -> bytes:
        """A picture as a file; see :func:`dynamicnet.pictures.write`."""
        write = partial(pictures.write, picture, format, quality, metadata)
        encoded, timings["encode"] = await self._encoded(write, picture.size)
        return encoded

    async def _kept(self, opened: Opened) -> PreparedInputs:
        kept = opened.prepared or self._found(opened.key)
        return kept or await self._prepared(opened.model, opened.inputs, opened.key, {})

    def _found(self, key: tuple[str, bytes]) -> PreparedInputs | None:
        kept = self.prepared.get(key)
        self._metrics.prepared.labels("no" if kept is None else "yes").inc()
        return kept

    async def _prepared(self, model: Model, inputs: Inputs, key: tuple[str, bytes], timings: Timings) -> PreparedInputs:
        kept, taken = await self._preparing.run(key, lambda: self._prepare(model, inputs, key))
        timings |= taken
        return kept

    async def _prepare(self, model: Model, inputs: Inputs, key: tuple[str, bytes]) -> tuple[PreparedInputs, Timings]:
        encoded, decode = await self._decoded(lambda: model.encoding(inputs))
        kept, prepare = await self._on_device(lambda batch: self._prepare_here(model, batch), encoded, encoded.size)
        self.prepared.put(key, kept, kept.bytes)
        return kept, {"decode": decode, "prepare": prepare}

    async def _on_device(
        self,
        work: Work,
        item: object,
        size: tuple[int, int],
        group: Hashable = None,
        most: int = 1,
    ) -> Any:  # noqa: ANN401
        with self._holding_memory(size):
            with suppress(_OutOfMemoryError):
                return await self.worker.run(work, item, group, most, size[0] * size[1])
            return await self._with_room(work, item)

    async def _decoded(self, work: Callable[[], Pieces[T]]) -> tuple[T, float]:
        """On a thread, in pieces, between which others have theirs; it ends with the one that somebody left at.

        Of those that say that they work at many pixels, as many are under way as there are threads.
        """
        loop = asyncio.get_running_loop()
        begun, step = loop.create_future(), _Step()
        pieces: Pieces[T] | None = None

        def piece() -> tuple[T] | int | None:
            nonlocal pieces
            loop.call_soon_threadsafe(_begin, begun)
            with step:
                try:
                    pieces = pieces or work()
                    pixels: int | None = next(pieces)
                except StopIteration as end:
                    return (end.value,)
            return pixels

        with suppress(_OutOfMemoryError):
            async with AsyncExitStack() as held:
                while True:
                    done = loop.run_in_executor(self._decoding, piece)
                    try:
                        await stand_in_line(begun)
                        made = await done
                    finally:
                        done.cancel()
                    if isinstance(made, tuple):
                        return made[0], step.milliseconds
                    if made is not None and made > LARGE:
                        await stand_in_line(self._at_large.acquire())
                        held.callback(self._at_large.release)
                        held.enter_context(self._holding_memory((made, 1)))
        return await self._with_room(lambda _: [_timed(lambda: finish(work()))])  # type: ignore[no-any-return]

    async def _encoded(self, work: Callable[[], bytes], size: tuple[int, int]) -> tuple[bytes, float]:
        """On a thread; a large picture's is one that gives way."""
        threads = self._encoding_large if size[0] * size[1] > LARGE else None
        with self._holding_memory(size):
            with suppress(_OutOfMemoryError):
                return await asyncio.get_running_loop().run_in_executor(threads, _timed, work)
            return await self._with_room(lambda _: [_timed(work)])  # type: ignore[no-any-return]

    @contextmanager
    def _holding_memory(self, size: tuple[int, int]) -> Iterator[None]:
        """Hold what a large picture frees, on the CPU; give it back when nobody would wait for that."""
        is_large = self.device.type == "cpu" and size[0] * size[1] > WHOLE
        if is_large:
            self._is_holding = True
            hold_freed_memory()
        self._large += is_large
        try:
            yield
        finally:
            self._large -= is_large
            if self._is_holding:
                self._give_back_later()

    def _give_back_later(self) -> None:
        if self._giving_back is not None:
            self._giving_back.cancel()
        self._giving_back = asyncio.get_running_loop().call_later(IDLE, self._give_back)

    def _give_back(self) -> None:
        if self.worker.busy or self._large:
            self._give_back_later()
            return
        self._is_holding = False
        asyncio.get_running_loop().run_in_executor(None, give_back_memory)

    async def _with_room(self, work: Work, item: object = None) -> Any:  # noqa: ANN401
        """Do again, beside nothing large, what found too little memory: others may have had it.

        Raises:
            DynamicNetError: ``out-of-memory`` or, as long as there are others, ``overloaded``.
        """
        self.prepared.clear()
        gc.collect()  # an error and the frames that it went through hold each other, and what these had
        try:
            return await self.worker.run(work, item, pixels=math.inf)
        except _OutOfMemoryError:
            if not self.worker.busy:
                raise
        sentence = "There is too little memory for this beside other requests; try again in a moment."
        raise DynamicNetError("overloaded", sentence, 503)

    # What follows runs on the worker's thread.

    def _load(self, paths: Sequence[Path]) -> Pieces[list[Model]]:
        models = [Model.load(path, str(self.device)) for path in paths]
        for model in models:
            yield
            with self._brought(model):
                _ = model.is_divisible  # which is tried now, and not while others wait
        return models

    @contextmanager
    def _brought(self, model: Model) -> Iterator[None]:
        """Have a model on the device, for as long as it works; what was used least recently leaves to make room."""
        self._resident.pop(model.id, None)  # or another version of it
        model.come()
        self._resident[model.id] = model
        self._working[model.id] += 1
        self._make_room()
        try:
            yield
        finally:
            self._working[model.id] -= 1
            self._make_room()

    def _make_room(self) -> None:
        for model in list(self._resident.values()):
            if len(self._resident) == 1 or sum(m.bytes for m in self._resident.values()) <= self._models_bytes:
                break
            if not self._working[model.id]:
                self._resident.pop(model.id).leave()

    def _prepare_here(self, model: Model, batch: Sequence[Encoded]) -> Pieces[list[tuple[PreparedInputs, float]]]:
        step = _Step()
        with self._brought(model):
            (encoded,) = batch
            prepared = yield from each_within(lambda: step, model.preparing(encoded))
            if self.device.type == "cuda":
                with step:
                    torch.cuda.synchronize(self.device)  # else its time would be counted as render's
        return [(prepared, step.milliseconds)]

    def _guess(self, model: Model, batch: Sequence[tuple[PreparedInputs, Auto]]) -> list[float]:
        with self._brought(model):
            return [model.guess(kept.encoded, auto.axis) for kept, auto in batch]

    def _render(
        self, model: Model, batch: Sequence[tuple[PreparedInputs, AlphaLike]]
    ) -> Pieces[list[tuple[Image.Image, float]]]:
        step = _Step()
        with self._brought(model):
            rendered = yield from each_within(lambda: step, model.rendering(batch))
        self._metrics.rendered(model.id, batch[0][0].encoded.size, len(batch), step.milliseconds / 1000)
        return [(picture, step.milliseconds) for picture in rendered]

    def _render_each(
        self, model: Model, batches: Sequence[Sequence[tuple[PreparedInputs, AlphaLike]]]
    ) -> Pieces[list[list[tuple[Image.Image, float]]]]:
        rendered = []
        for batch in batches:
            rendered.append((yield from self._render(model, batch)))
        return rendered


class _OutOfMemoryError(DynamicNetError):
    def __init__(self) -> None:
        sentence = "This takes more memory than there is; ask for a smaller picture, or for fewer."
        super().__init__("out-of-memory", sentence, 507)


class _Step:
    """How long a step works, in pieces or in one.

    Raises:
        DynamicNetError: ``out-of-memory``.
    """

    milliseconds = 0.0

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self.milliseconds += (time.perf_counter() - self._begun) * 1000
        # PyTorch has no error of its own for when the CPU's memory is too little, nor for a library of CUDA's.
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _TOO_LITTLE.search(str(error))):
            clear_frames(trace)  # whoever tries again needs the memory of what failed
            raise _OutOfMemoryError from None


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """A step's result, and its milliseconds.

    Raises:
        DynamicNetError: ``out-of-memory``.
    """
    step = _Step()
    with step:
        result = work()
    return result, step.milliseconds


def _give_way() -> None:
    """Have a thread run when the others leave a core free, where threads have priorities of their own."""
    if sys.platform == "linux":
        os.nice(10)


def _begin(turn: asyncio.Future[None]) -> None:
    if not turn.done():  # whose task may have left meanwhile
        turn.set_result(None)


def _digest(inputs: Inputs) -> bytes:
    digest = hashlib.blake2b()
    for value in astuple(inputs):
        data = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.digest()
