"""Image completion: a picture with a hole in, the picture without it out, at the same size."""

import random
from bisect import bisect_left
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Encoded, Inputs
from dynamicnet.applications.completion import exemplar, hole, masks
from dynamicnet.method.pieces import Pieces, finish
from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.membrane import fill

Inside = npt.NDArray[np.bool_]

THICK = 64
"""The widest square of a hole that the network is shown, in its own pixels: what it was trained to fill."""

LONGEST = 512
"""The longest side of what the network is shown."""

GREY = 4
"""How far apart the channels of what still counts as grey are, in levels: JPEG has something of the hole around it."""


class Place(NamedTuple):
    """Where in a picture the network works.

    Attributes:
        picture: in sRGB, else as it was sent: RGB, or RGBA where something is transparent besides the hole.
        share: mode L, how far each pixel is filled; of the box alone.
        is_grey: nothing that is known has a colour.
        box: left, top, right and bottom of the hole's neighbourhood.
        beyond: (1, 3, H, W) of the box, where the picture's own space is kept: how far its numbers are from those of
            its sRGB colours, as vivid ones are that sRGB lacks, going on smoothly into the hole: else a seam shows.
    """

    picture: Image.Image
    share: Image.Image
    is_grey: bool
    box: tuple[int, int, int, int]
    beyond: Tensor | float


class ImageCompletion:
    """How smooth and safe, or sharp and bold, a hole is filled (paper section 4.3).

    The hole's neighbourhood is filled twice at full resolution, smoothly and with copies of what is known, and scaled
    down only as far as the hole needs it to be no wider than what the network was trained on. What the network paints
    there, and how far it lets copies through, is scaled up and laid over both, so that texture stays as fine as the
    photograph's, and an α costs little more than at the size that the network works at.
    """

    name = "completion"
    takes = ("image", "mask", "max_side")
    inputs = (
        "NCHW, sides 32 at least: RGB of sRGB from 0 to 1 with its hole filled smoothly from the border; "
        "the hole, 1 inside and 0 outside; RGB with copies of the known part in the hole"
    )

    def encode(self, inputs: Inputs, network: MainNetwork) -> Pieces[Encoded]:
        """A picture file, and a mask file or transparency, to (1, 7, H, W): see :func:`given`.

        See :mod:`dynamicnet.applications.completion.hole` for what a mask may be; without one, the hole is where the
        picture is transparent (opacity below 128), and the colour beneath does not matter.

        Raises:
            DynamicNetError: as :func:`dynamicnet.applications.completion.hole.read`, or the picture cannot be read.
        """
        inputs.only(*self.takes)
        read = pictures.read_layers(inputs.image, inputs.max_side, inputs.max_pixels, keep_space=True)
        share, by_mask, notes = hole.read(inputs, read)
        inside = share > 0
        box, scale = _neighbourhood(inside)
        left, top, right, bottom = box
        yield (right - left) * (bottom - top)
        cut = torch.from_numpy(inside[top:bottom, left:right].astype(np.float32))[None, None]
        around = _around(read.picture, box, by_mask)
        filled = fill(pictures.to_tensor(around), cut)
        yield
        full = yield from giving(filled, cut)
        own, beyond = read.own, cast(Tensor | float, 0.0)
        if own:
            far = pictures.to_tensor(_around(own.picture, box, by_mask)) - pictures.to_tensor(around.filter(own.back))
            own, beyond = replace(own, picture=_opaque(own.picture, inside)), fill(far, cut)
        place = Place(
            _opaque(read.picture, inside),
            Image.fromarray(share[top:bottom, left:right]),
            pictures.coloured(read.picture, GREY, Image.fromarray(~inside)) < 0.001,
            box,
            beyond,
        )
        return Encoded(
            full if scale == 1 else _smaller(full, scale, network.multiple),
            read.picture.size,
            full=None if scale == 1 else full,
            notes=notes,
            metadata=read.metadata,
            own=own,
            context=place,
        )

    def decode(self, output: Tensor, encoded: Encoded) -> Pieces[Image.Image]:
        """(1, 3, H, W) to the whole picture, in its own space if that is kept.

        Known pixels are as they were sent, bit for bit; others are opaque, and grey if all that is known is.
        """
        place: Place = encoded.context
        painted = yield from pictures.becoming(output)
        own = encoded.own
        picture = own.picture.copy() if own else place.picture.copy()
        if own:
            picture.info["icc_profile"] = own.profile
            painted = pictures.to_picture(pictures.to_tensor(painted.filter(own.back)) + place.beyond)
        if place.is_grey:
            painted = painted.convert("L").convert("RGB")
        picture.paste(painted, place.box[:2], place.share)
        return picture

    def example(self, photo: bytes) -> Inputs:
        """The photograph with some strokes missing, always the same ones."""
        picture = pictures.read(photo, 256)
        mask = masks.free_form(*picture.size, random.Random(0))
        return Inputs(image=pictures.write(picture), mask=pictures.write(mask))


def given(filled: Tensor, hole: Tensor) -> Tensor:
    """What the network is given of pictures: :func:`giving`, run to its end."""
    return finish(giving(filled, hole))


def giving(filled: Tensor, hole: Tensor) -> Pieces[Tensor]:
    """What the network is given of pictures, in pieces.

    Args:
        filled: (N, 3, H, W) in [0, 1], the hole filled smoothly.
        hole: (N, 1, H, W), 1 in the hole and 0 elsewhere.

    Returns:
        (N, 7, H, W): both, and the picture with copies of what is known in the hole.
    """
    copied = []
    for one in zip(torch.split(filled, 1), torch.split(hole, 1), strict=True):
        copied.append((yield from exemplar.copying(*one)))
    return torch.cat([filled, hole, torch.cat(copied)], 1)


def _smaller(full: Tensor, scale: float, multiple: int) -> Tensor:
    """What the network is shown: (N, 7, H, W) to the same smaller, sides being multiples of a number."""
    size = [max(pictures.MIN_SIDE, round(side * scale / multiple) * multiple) for side in full.shape[2:]]
    filled, hole, copied = torch.split(full, [3, 1, 3], 1)
    shown = F.interpolate(torch.cat([filled, copied], 1), size, mode="bilinear", antialias=True)
    missing = (F.interpolate(hole, size, mode="area") > 0).float()
    return torch.cat([shown[:, :3], missing, shown[:, 3:]], 1)


def _around(picture: Image.Image, box: tuple[int, int, int, int], by_mask: bool) -> Image.Image:
    """A part of a picture, RGB: of what is not seen there are no colours, unless it is the hole."""
    part = picture.crop(box)
    return pictures.bleed(part) if by_mask else part.convert("RGB")


def _opaque(picture: Image.Image, inside: Inside) -> Image.Image:
    """A picture opaque in its hole: RGB if it then is all over."""
    if picture.mode == "RGBA" and (np.asarray(picture.getchannel("A"))[~inside] == 255).all():
        return picture.convert("RGB")
    return picture


def _neighbourhood(hole: Inside) -> tuple[tuple[int, int, int, int], float]:
    """The box (left, top, right, bottom) that is worked on, and how much smaller the network is shown it."""
    (left, right), (top, bottom) = (
        (int(i[0]), int(i[-1]) + 1) for i in map(np.flatnonzero, (hole.any(0), hole.any(1)))
    )
    thick = _thickness(hole[top:bottom, left:right])

    def widen(low: int, high: int, side: int) -> tuple[int, int]:
        wanted = min(side, max(2 * THICK, high - low + max(thick, THICK)))
        start = min(max(0, (low + high - wanted) // 2), side - wanted)
        return start, start + wanted

    (left, right), (top, bottom) = widen(left, right, hole.shape[1]), widen(top, bottom, hole.shape[0])
    return (left, top, right, bottom), min(1.0, THICK / thick, LONGEST / max(right - left, bottom - top))


def _thickness(hole: Inside) -> int:
    """Side of the largest square that fits into a hole."""
    sums = np.pad(hole.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def fits(side: int) -> bool:
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
        return bool((inside == side * side).any())

    return bisect_left(range(1, min(hole.shape) + 1), True, key=lambda side: not fits(side))
