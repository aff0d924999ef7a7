"""The protocol between an application and everything that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from dynamicnet.decode import Decoded, Own
from dynamicnet.errors import DynamicNetError
from dynamicnet.files.keep import Metadata
from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork
from dynamicnet.pictures import MOST_DECODED

DETAIL = 640
"""Longer side that pictures are worked at unless told otherwise, in pixels."""


@dataclass(frozen=True)
class Inputs:
    """What a person sends, before anything is made of it; None where nothing was sent.

    Attributes:
        image: a picture file's bytes.
        mask: a picture file's bytes, white where ``image`` has a hole.
        where: a picture file's bytes: white where the result is to be seen, black where the photograph stays.
        seed: whole numbers with commas between, one for each picture to be made.
        latent: JSON: a list of numbers, or a list of such lists, instead of seeds.
        max_side: shrink the picture so that its longer side is at most this, in pixels; its shorter one stays at 32.
        detail: longer side at which a picture is worked at, in pixels, if it is larger; what is painted is finer for
            a larger one.
        max_pixels: refuse a picture with more.
    """

    image: bytes | None = None
    mask: bytes | None = None
    where: bytes | None = None
    seed: str | None = None
    latent: str | None = None
    max_side: int | None = None
    detail: int | None = None
    max_pixels: int = MOST_DECODED

    def __post_init__(self) -> None:
        """Refuse what is none of that, where it is made.

        Raises:
            DynamicNetError: ``inputs-invalid``.
        """
        for name in FIELDS:
            wanted, what = KINDS.get(name, (int, "a whole number"))
            value = getattr(self, name)
            if value is not None and not isinstance(value, wanted):
                raise DynamicNetError("inputs-invalid", f"{name} is {what}; got {value!r:.80}.")

    def only(self, *takes: str) -> None:
        """Refuse what an application has no use for, which would otherwise pass in silence.

        Raises:
            DynamicNetError: ``field-not-taken``.
        """
        for name in FIELDS:
            if name not in takes and getattr(self, name) is not None:
                raise DynamicNetError(
                    "field-not-taken", f"This model has no use for the field {name}; it takes {', '.join(takes)}."
                )

    def at_most(self, side: int, takes: Sequence[str]) -> "Inputs":
        """What α is chosen by: the same smaller, for an application that takes ``max_side``, and all of it.

        A small part, seen through ``where``, would have to change as much as a whole picture.
        """
        longer = min(self.max_side or side, side) if "max_side" in takes else self.max_side
        return replace(self, where=None, max_side=longer)


FIELDS = tuple(one.name for one in fields(Inputs) if one.name != "max_pixels")
"""What a person may send; ``max_pixels`` is the server's to say."""

FILES = ("image", "mask", "where")
"""Those of FIELDS that are files."""

BYTES = ((bytes, bytearray, memoryview), "a picture file's bytes, such as Path('photo.jpg').read_bytes()")
KINDS = dict.fromkeys(FILES, BYTES) | {
    "seed": (str, 'text, "7" or "1,2,3"'),
    "latent": (str, "JSON as text: json.dumps(numbers)"),
}
"""What fields are in Python, and in words."""


@dataclass(frozen=True)
class Encoded:
    """What an application makes of inputs.

    Attributes:
        batch: what ``DynamicNet.prepare`` takes, on the CPU; levels (uint8) stand for units of [0, 1].
        size: (width, height) of the picture that ``decode`` will return.
        full: the same larger, to be laid over, on the CPU, in strips if it is levels; None for what is worked at as
            it is.
        where: how far the result is seen over the photograph, which is ``full`` or ``batch``: levels, (1, 1, H, W) of
            the batch, on the CPU; None is 255 everywhere.
        columns: how many pictures stand side by side in it, where it holds several of one size.
        notes: sentences, on what is not as a person may expect of what was sent.
        metadata: what may be kept of what the picture file says about it.
        own: the picture in its own space, if ``decode`` is to return one in it; else it is in sRGB.
        context: whatever else ``decode`` needs.
    """

    batch: Tensor
    size: tuple[int, int]
    full: Tensor | None = None
    where: Tensor | None = None
    columns: int = 1
    notes: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    own: Own | None = None
    context: Any = None

    @property
    def in_strips(self) -> bool:
        """Whether there is something to be laid over a strip at a time."""
        return self.full is not None and self.full.dtype == torch.uint8


def notes(*read: Decoded | None) -> tuple[str, ...]:
    """What there is to be said of the files that were sent, each sentence once."""
    return tuple(dict.fromkeys(note for one in read if one for note in one.notes))


class Application(Protocol):
    """Turns what a person sends into what a main network takes, and its output into a picture."""

    name: str
    inputs: str
    """What ``encode`` makes, in words: for who has an exported graph alone."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The fields of :class:`Inputs` it has a use for."""
        ...

    def encode(self, inputs: Inputs, network: MainNetwork) -> Pieces[Encoded]:
        """Inputs to what ``DynamicNet.prepare`` takes.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        ...

    def decode(self, output: Tensor, encoded: Encoded) -> Pieces[Image.Image]:
        """The network's output, or levels of it, to one picture: RGB, or RGBA where what was sent is transparent.

        In sRGB, or in another space that ``info["icc_profile"]`` names.
        """
        ...

    def example(self, photo: bytes) -> Inputs:
        """Something to show the model on, with a photograph at hand for applications that take one."""
        ...
