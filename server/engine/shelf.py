"""The folder of model packages, looked at again for as long as the server runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from dynamicnet import Model, package
from dynamicnet.errors import printable

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks; a look asks for sizes and times of files, and reads none that has not changed."""


class Shelf:
    """The models there are.

    A package is loaded once it is the same in two looks: what is still being copied is not taken for damaged, and what
    was damaged is tried again when it has changed.

    Attributes:
        models: by id, in their order.
        left_out: ids of packages that could not be loaded.
    """

    def __init__(self, load: Callable[[Path], Awaitable[Model]]) -> None:
        """Begin with nothing; ``load`` makes a model of a package."""
        self.models: dict[str, Model] = {}
        self.left_out: list[str] = []
        self._load = load
        self._seen: dict[str, str] = {}  # versions, at the last look
        self._tried: dict[str, str] = {}  # versions that were loaded or left out

    async def keep_looking(self, folder: Path) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            with suppress(OSError):  # a disk that went away may be back at the next look
                await self.look(folder)

    async def look(self, folder: Path, *, at_once: bool = False) -> None:
        """Load what is new or has changed, and forget what is gone; a damaged package is logged and left out.

        Args:
            folder: of packages.
            at_once: load what was never seen before as well.
        """
        found = await asyncio.to_thread(_versions, folder)
        if self.models and not found:  # a disk that went away takes no model with it
            if self._seen:
                log.error("There is no model package in '%s' any more; those that are loaded stay", folder)
            self._seen = found
            return
        for name in self.models.keys() - found.keys():
            log.warning("Model %s withdrawn", name)
        models = {name: model for name, model in self.models.items() if name in found}
        tried = {name: version for name, version in self._tried.items() if name in found}
        for name, version in found.items():
            if tried.get(name) == version or not (at_once or self._seen.get(name) == version):
                continue
            tried[name] = version
            models.pop(name, None)
            try:
                models[name] = await self._load(folder / name)
            except Exception as error:  # whatever is wrong with one package, the others serve
                log.error("Model package left out: %s", error)
            else:
                log.info("Model %s loaded", name)
        self._seen, self._tried = found, tried
        self.models = {name: models[name] for name in found if name in models}
        self.left_out = [printable(name) for name in found if name in tried and name not in models]


def _versions(folder: Path) -> dict[str, str]:
    return {path.name: package.version(path) for path in package.find(folder)}
