"""The engine: a thread that owns the models, and the steps from an uploaded picture to a rendered one."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image

from dynamicnet import DynamicNetError, Encoded, Inputs, Model, PreparedInputs, package, pictures
from dynamicnet.alpha import AlphaLike, AxisAlpha, resolve
from dynamicnet.model import pick_device

log = logging.getLogger(__name__)

T = TypeVar("T")

Timings = dict[str, float]
"""What each step took, in milliseconds, without the time it waited."""

AxisValues = dict[str, AxisAlpha]
"""α of every axis of a model, by axis id."""


class Engine:
    """Holds the models and runs them.

    ``prepare`` and ``render`` run on one thread per device, first come first served: a device does one thing at a
    time. Pictures are decoded and encoded on other threads. The event loop only ever waits; awaiting a step and
    being cancelled takes it out of the queue.
    """

    def __init__(self, device: str) -> None:
        """Choose a device.

        Raises:
            DynamicNetError: ``device-unknown``.
        """
        self.device = pick_device(device)
        self.models: dict[str, Model] = {}
        self._worker = ThreadPoolExecutor(1, "device")

    async def load(self, folder: Path) -> None:
        """Load every package in a folder onto the device; a damaged one is logged and left out."""
        for path in package.find(folder):
            try:
                self.models[path.name] = await self._run(self._worker, partial(self._load, path))
            except Exception as error:  # whatever is wrong with one package, the others serve
                log.error("Model package left out: %s", error)

    def close(self) -> None:
        """Drop what waits and let the device finish what it is at."""
        self._worker.shutdown(cancel_futures=True)

    def model(self, model_id: str | None) -> Model:
        """A model by id; the first by id for None.

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
        await self._run(None, lambda: resolve(alpha, axes, pictures=1))
        given = alpha if isinstance(alpha, Mapping) else {axes[0].id: alpha}
        return {axis.id: given.get(axis.id, 0.0) for axis in axes}

    async def decode(self, model: Model, inputs: Inputs, timings: Timings) -> Encoded:
        """What a client sent, as what ``prepare`` takes.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        return await self._run(None, lambda: model.encode(inputs), "decode", timings)

    async def prepare(self, model: Model, decoded: Encoded, timings: Timings) -> PreparedInputs:
        """Everything that does not depend on α."""

        def prepare() -> PreparedInputs:
            prepared = model.prepare(decoded)
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)  # else its time would be counted as render's
            return prepared

        return await self._run(self._worker, prepare, "prepare", timings)

    async def render(self, model: Model, prepared: PreparedInputs, alpha: AlphaLike, timings: Timings) -> Image.Image:
        """Everything that does.

        Raises:
            DynamicNetError: α cannot be used.
        """
        return await self._run(self._worker, lambda: model.render(prepared, alpha), "render", timings)

    async def encode(self, picture: Image.Image, format: str, quality: int, timings: Timings) -> bytes:  # noqa: A002
        """A picture as a file; see :func:`dynamicnet.pictures.write`."""
        return await self._run(None, lambda: pictures.write(picture, format, quality), "encode", timings)

    def _load(self, path: Path) -> Model:
        return Model(package.load(path), self.device)

    @staticmethod
    async def _run(
        executor: Executor | None, work: Callable[[], T], step: str = "", timings: Timings | None = None
    ) -> T:
        """Run one step on the device's thread, or on the loop's own pool of threads for None."""

        def timed() -> T:
            start = time.perf_counter()
            result = work()
            if timings is not None:
                timings[step] = (time.perf_counter() - start) * 1000
            return result

        return await asyncio.get_running_loop().run_in_executor(executor, timed)
