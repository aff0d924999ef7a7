"""Small pictures that show what each model does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from dynamicnet import AxisSpec, DynamicNetError, Model, pictures
from dynamicnet.method.alpha import defaults
from server.engine.engine import Engine

SIDE = 256
QUALITY = 85


def telling(axes: Sequence[AxisSpec]) -> dict[str, float]:
    """α that shows what a model is for: its defaults or, where those are the main network alone, one end of an axis."""
    alpha = defaults(axes)
    return alpha if any(alpha.values()) else alpha | {axes[0].id: axes[0].range[1]}


class Thumbnails:
    """An example of each model, of the first sample picture where it takes one; made when first asked for and kept."""

    def __init__(self, engine: Engine, samples: Path) -> None:
        self._engine = engine
        self._samples = samples
        self._kept: dict[str, bytes] = {}
        self._one_at_a_time = asyncio.Lock()

    async def get(self, model: Model) -> bytes:
        """A JPEG, its longer side at most 256 pixels.

        Raises:
            DynamicNetError: ``thumbnail-missing``, there is no sample picture.
        """
        async with self._one_at_a_time:
            if model.id not in self._kept:
                self._kept[model.id] = await self._render(model)
            return self._kept[model.id]

    async def _render(self, model: Model) -> bytes:
        sample = min(self._samples.glob("*.jpg"), default=None)
        if sample is None:
            raise DynamicNetError("thumbnail-missing", "There is no sample picture to make a thumbnail of.", 404)
        photo = await asyncio.to_thread(lambda: pictures.write(pictures.read(sample.read_bytes(), SIDE)))
        opened = await self._engine.open(model, model.application.example(photo), {})
        picture = await self._engine.render(opened, telling(model.manifest.axes), {})
        return await self._engine.encode(picture, "jpeg", QUALITY, {})
