"""Style transfer: a photograph in, the photograph painted out, at the same size."""

from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Encoded, Inputs, notes
from dynamicnet.decode import Decoded
from dynamicnet.networks.base import MainNetwork


class StyleTransfer:
    """How strong a style is, which of two styles, how coarse its strokes (paper section 4.1)."""

    name = "style"
    takes = ("image", "where", "max_side")

    def encode(self, inputs: Inputs, network: MainNetwork) -> Encoded:
        """A picture file to (1, 3, H, W) in [0, 1]; where the style goes may have any size, and is scaled.

        Raises:
            DynamicNetError: a picture cannot be used.
        """
        inputs.only(*self.takes)
        read = pictures.read_layers(inputs.image, inputs.max_side, inputs.max_pixels)
        picture = pictures.flatten(read.picture, "white")
        where = _read_where(inputs)
        tuned = None if where is None else _tuned(where, picture.size)
        opacity = read.picture.getchannel("A") if read.picture.mode == "RGBA" else None
        return Encoded(
            pictures.to_tensor(picture),
            picture.size,
            tuned,
            notes=notes(read, where),
            metadata=read.metadata,
            context=opacity,
        )

    def decode(self, output: Tensor, encoded: Encoded) -> Image.Image:
        """(1, 3, H, W) to a picture of that size, as opaque as the photograph, which was painted on white."""
        picture = pictures.to_picture(output)
        if encoded.context is not None:
            picture.putalpha(encoded.context)
        return picture

    def example(self, photo: bytes) -> Inputs:
        """The photograph."""
        return Inputs(image=photo)


def _read_where(inputs: Inputs) -> Decoded | None:
    if inputs.where is None:
        return None
    return pictures.read_layers(inputs.where, None, inputs.max_pixels, "picture of where α counts")


def _tuned(where: Decoded, size: tuple[int, int]) -> Tensor:
    """How far α counts at each place of a picture of some (width, height): (1, 1, H, W) in [0, 1]."""
    grey = pictures.flatten(where.picture, "black").convert("L")
    return pictures.to_tensor(grey.resize(size, Image.Resampling.BILINEAR).convert("RGB"))[:, :1]
