"""Style transfer: a photograph in, the photograph painted out, at the same size."""

from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Inputs


class StyleTransfer:
    """How strong a style is, which of two styles, how coarse its strokes (paper section 4.1)."""

    name = "style"
    takes = ("image",)

    def encode(self, inputs: Inputs) -> Tensor:
        """A picture file to (1, 3, H, W) in [0, 1].

        Raises:
            DynamicNetError: the picture cannot be used.
        """
        return pictures.to_tensor(pictures.read(inputs.image, inputs.max_side, inputs.max_pixels))

    def decode(self, output: Tensor) -> Image.Image:
        """(1, 3, H, W) to an RGB picture of that size."""
        return pictures.to_picture(output)
