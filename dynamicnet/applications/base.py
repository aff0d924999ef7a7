"""The protocol between an application and everything that serves it."""

from dataclasses import dataclass
from typing import Protocol

from PIL import Image
from torch import Tensor

from dynamicnet.pictures import MAX_PIXELS


@dataclass(frozen=True)
class Inputs:
    """What a person sends, before anything is made of it.

    Attributes:
        image: a picture file's bytes.
        max_side: shrink the picture so that its longer side is at most this, in pixels.
        max_pixels: refuse a picture with more.
    """

    image: bytes = b""
    max_side: int | None = None
    max_pixels: int = MAX_PIXELS


class Application(Protocol):
    """Turns what a person sends into what a main network takes, and its output into a picture."""

    name: str

    @property
    def takes(self) -> tuple[str, ...]:
        """The fields of :class:`Inputs` that matter to it."""
        ...

    def encode(self, inputs: Inputs) -> Tensor:
        """Inputs to the batch of one that ``DynamicNet.prepare`` takes.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        ...

    def decode(self, output: Tensor) -> Image.Image:
        """The network's output, a batch of one, to a picture."""
        ...
