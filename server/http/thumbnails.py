"""Small pictures that show what each model does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from dynamicnet import AxisSpec, DynamicNetError, Model, pictures
from dynamicnet.method.alpha import defaults
from dynamicnet.method.auto import Auto
from server.engine.engine import AxisValues, Engine

SIDE = 184  # twice as many as the page shows them at, for fine screens
QUALITY = 80


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
        """A JPEG, its longer side at most :data:`SIDE` pixels.

        Raises:
            DynamicNetError: ``thumbnail-missing``, there is no sample picture.
        """
        async with self._one_at_a_time:
            if model.version not in self._kept:
                self._kept[model.version] = await self._render(model)
            return self._kept[model.version]

    async def _render(self, model: Model) -> bytes:
        sample = min(self._samples.glob("*.jpg"), default=None)
        if sample is None:
            raise DynamicNetError("thumbnail-missing", "There is no sample picture to make a thumbnail of.", 404)
        photo = await asyncio.to_thread(lambda: pictures.write(pictures.read(sample.read_bytes(), SIDE)))
        alpha: AxisValues = {**telling(model.manifest.axes)}
        opened = await self._engine.open(model, model.application.example(photo), {})
        first = model.manifest.axes[0]
        if first.guess:
            alpha = await self._engine.settle(opened, alpha, Auto(first, alpha))
        picture = (await self._engine.render(opened, alpha, {})).copy()
        picture.thumbnail((SIDE, SIDE))  # what is made of seeds is as large as it is
        return await self._engine.encode(picture, "jpeg", QUALITY, {})
