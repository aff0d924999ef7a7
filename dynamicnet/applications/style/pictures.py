"""Style transfer: a photograph in, the photograph painted out, at the same size."""

import math

from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import DETAIL, Encoded, Inputs, notes
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork


class StyleTransfer:
    """How strong a style is, which of two styles, how coarse its strokes (paper section 4.1).

    A network that lays what it paints over the photograph is shown it at one size, whatever its own: so that strokes
    are in proportion to the picture, and a preview is the picture that it stands for.
    """

    name = "style"
    takes = ("image", "where", "max_side", "detail")
    inputs = "RGB of sRGB, NCHW, from 0 to 1, sides 32 at least"

    def encode(self, inputs: Inputs, network: MainNetwork) -> Pieces[Encoded]:
        """A picture file to levels, (1, 3, H, W); ``where`` may have any size, and is scaled.

        Raises:
            DynamicNetError: a picture cannot be used.
        """
        inputs.only(*self.takes)
        read = pictures.read_layers(inputs.image, inputs.max_side, inputs.max_pixels)
        picture = pictures.bleed(read.picture)
        where = pictures.read_where(inputs.where, inputs.max_side, inputs.max_pixels)
        size = _worked_at(picture.size, DETAIL if inputs.detail is None else inputs.detail, network)
        larger = size != picture.size
        return Encoded(
            pictures.to_levels(picture.resize(size, Image.Resampling.LANCZOS) if larger else picture),
            picture.size,
            full=pictures.to_levels(picture) if larger else None,
            where=None if where is None else pictures.to_map(where, size),
            notes=notes(read, where),
            metadata=read.metadata,
            context=read.picture.getchannel("A") if read.picture.mode == "RGBA" else None,
        )
        yield  # a generator

    def decode(self, output: Tensor, encoded: Encoded) -> Pieces[Image.Image]:
        """(1, 3, H, W) to a picture of that size, as opaque as the photograph."""
        picture = yield from pictures.becoming(output)
        if encoded.context is not None:
            picture.putalpha(encoded.context)
        return picture

    def example(self, photo: bytes) -> Inputs:
        """The photograph."""
        return Inputs(image=photo)


def _worked_at(size: tuple[int, int], detail: int, network: MainNetwork) -> tuple[int, int]:
    """The (width, height) that a network is shown of a picture, a multiple of what it needs; its own if not larger."""
    pictures.check_detail(detail)
    scale, width, height = min(detail, max(size)) / max(size), *size
    if scale < 1 and network.gated:
        width, height = (
            max(pictures.MIN_SIDE, round(side * scale / network.multiple) * network.multiple) for side in size
        )
    if width * height > pictures.MAX_PIXELS:
        most = math.floor(max(size) * math.sqrt(pictures.MAX_PIXELS / (size[0] * size[1])) / 16) * 16
        raise DynamicNetError(
            "detail-invalid",
            f"To work at {width}×{height} pixels takes too much memory; give detail {most}, or less.",
        )
    return width, height
