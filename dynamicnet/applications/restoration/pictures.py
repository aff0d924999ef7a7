"""What restoration takes and gives: a photograph in, the photograph at the same size out."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Encoded, Inputs, notes
from dynamicnet.decode import Own
from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork


class Kept(NamedTuple):
    """What a photograph does not lose with its noise."""

    is_grey: bool
    opacity: Image.Image | None
    there: ImageFilter.Color3DLUT | None
    """To sRGB, if it is in a space of its own."""


class Restoration:
    """How much noise is taken out, and how much of the fine grain is believed."""

    name = "restoration"
    takes = ("image", "where", "max_side")
    inputs = "RGB of sRGB, NCHW, from 0 to 1, sides 32 at least"

    def encode(self, inputs: Inputs, network: MainNetwork) -> Pieces[Encoded]:
        """A picture file to levels, (1, 3, H, W); ``where`` may have any size, and is scaled.

        Raises:
            DynamicNetError: a picture cannot be used.
        """
        inputs.only(*self.takes)
        read = pictures.read_layers(inputs.image, inputs.max_side, inputs.max_pixels, keep_space=True)
        where = pictures.read_where(inputs.where, inputs.max_side, inputs.max_pixels)
        own = read.own if read.own and _is_like_srgb(read.own) else None
        picture = pictures.bleed(own.picture if own else read.picture)
        return Encoded(
            pictures.to_levels(picture),
            picture.size,
            where=None if where is None else pictures.to_map(where, picture.size),
            notes=notes(read, where),
            metadata=read.metadata,
            own=own,
            context=Kept(
                not pictures.coloured(picture, 2 if read.lossy else 1),
                read.picture.getchannel("A") if read.picture.mode == "RGBA" else None,
                own.there if own else None,
            ),
        )
        yield  # a generator

    def decode(self, output: Tensor, encoded: Encoded) -> Pieces[Image.Image]:
        """(1, 3, H, W) to a picture of that size, as the photograph is: as opaque, grey, in its own space."""
        picture = yield from pictures.becoming(output)
        kept: Kept = encoded.context
        if kept.is_grey:
            picture = picture.convert("L").convert("RGB")
        if encoded.own:
            picture.info["icc_profile"] = encoded.own.profile
        elif kept.there:
            picture = picture.filter(kept.there)
        if kept.opacity is not None:
            picture.putalpha(kept.opacity)
        return picture

    def example(self, photo: bytes) -> Inputs:
        """The photograph with noise, always the same, which is taken out on its right half."""
        picture = pictures.read(photo, 256)
        noise = np.random.default_rng(0).normal(0, 25, (picture.height, picture.width, 3))
        noisy = Image.fromarray((np.asarray(picture.convert("RGB")) + noise).clip(0, 255).astype(np.uint8))
        where = Image.new("L", picture.size)
        where.paste(255, (picture.width // 2, 0, *picture.size))
        return Inputs(image=pictures.write(noisy), where=pictures.write(where))


def _is_like_srgb(own: Own) -> bool:
    """Whether numbers of a space are as bright as the same of sRGB, about: noise is like what was trained on, then."""
    middle = Image.new("RGB", (1, 1), (128, 128, 128)).filter(own.there)
    return abs(int(np.asarray(middle.convert("L"))[0, 0]) - 128) < 40
