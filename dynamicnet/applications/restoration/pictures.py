"""What restoration takes and gives: a photograph in, the photograph at the same size out."""

from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Encoded, Inputs
from dynamicnet.networks.base import MainNetwork


class Restoration:
    """How much noise is taken out, and how much of the fine grain is believed."""

    name = "restoration"
    takes = ("image", "where", "max_side")

    def encode(self, inputs: Inputs, network: MainNetwork) -> Encoded:
        """A picture file to (1, 3, H, W) in [0, 1]; where α counts may have any size, and is scaled.

        Raises:
            DynamicNetError: a picture cannot be used.
        """
        inputs.only(*self.takes)
        picture = pictures.read(inputs.image, inputs.max_side, inputs.max_pixels)
        return Encoded(pictures.to_tensor(picture), picture.size, _where(inputs, picture.size))

    def decode(self, output: Tensor, encoded: Encoded) -> Image.Image:
        """(1, 3, H, W) to an RGB picture of that size."""
        return pictures.to_picture(output)

    def example(self, photo: bytes) -> Inputs:
        """The photograph."""
        return Inputs(image=photo)


def _where(inputs: Inputs, size: tuple[int, int]) -> Tensor | None:
    if inputs.where is None:
        return None
    layers = pictures.read_layers(inputs.where, None, inputs.max_pixels, "picture of where α counts")
    grey = pictures.flatten(layers, "black").convert("L")
    return pictures.to_tensor(grey.resize(size, Image.Resampling.BILINEAR).convert("RGB"))[:, :1]
