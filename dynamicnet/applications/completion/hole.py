"""Where a picture has a hole: what masks say of it, in the ways in which people make them.

White is the hole and black is known; grey is the edge of a brush or of a feathered selection. What a mask means is
never guessed: one that may mean two things is refused, with a sentence that says what to send.
"""

import math
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageStat

from dynamicnet import pictures
from dynamicnet.applications.base import Inputs, notes
from dynamicnet.decode import Decoded, small_size
from dynamicnet.errors import DynamicNetError

Levels = npt.NDArray[np.uint8]

FAINT = 16
"""Levels that count as black: what JPEG leaves around white is no hole."""

COLOURED = 48
"""How far apart the channels of a colour are that is not a shade of grey, in levels."""

ALIKE = 12.0
"""Mean difference, in levels, up to which two pictures are the same one, saved twice."""

SPREAD = 3
"""Pixels over which JPEG and its like spread the colours of an object that ends at the hole's border."""

MOST = 2 / 3
"""Share of a picture that a mask may take; a larger one is more often the wrong way round than meant."""


class Hole(NamedTuple):
    """A hole.

    Attributes:
        share: how far each pixel is filled, (H, W), 0 where it stays as it is and 255 where it is filled.
        by_mask: whether a mask says so, or the picture's transparency.
        notes: sentences, on what is not as a person may expect of either file.
    """

    share: Levels
    by_mask: bool
    notes: tuple[str, ...]


def read(inputs: Inputs, photo: Decoded) -> Hole:
    """The hole of a picture.

    A mask's soft edge belongs to the hole and blends: what is at least half white is filled, and from there the filling
    fades into the picture, which has the object's own edge in it. Of files that spread colours, the pixels around the
    hole are filled as well. A mask is understood at the size that was sent: of a picture that is made smaller,
    ``max_side`` being given, every pixel with some of the hole in it belongs to it, and those beside it.

    Raises:
        DynamicNetError: ``mask-missing``, ``mask-empty``, ``mask-full``, ``mask-size``, ``mask-unclear``,
            ``mask-inverted``, or the mask cannot be read.
    """
    picture = photo.picture
    mask: Decoded | None = None
    whole = partial(pictures.read_layers, max_side=None, max_pixels=max(inputs.max_pixels, math.prod(photo.size)))
    if inputs.mask is None:
        sent = picture
        if picture.mode == "RGBA" and picture.size != photo.size:
            sent = whole(inputs.image).picture
        levels = sent.convert("RGBA").getchannel("A").point([255] * 128 + [0] * 128)
        if not levels.getextrema()[1]:
            raise DynamicNetError(
                "mask-missing", "Nothing says where the hole is: send a mask, white there, or make it transparent."
            )
    else:
        mask = whole(inputs.mask, what="mask")
        if small_size(mask.size, inputs.max_side) != picture.size:
            raise DynamicNetError(
                "mask-size",
                f"The mask is {mask.size[0]}×{mask.size[1]} and the picture "
                f"{photo.size[0]}×{photo.size[1]}; send a mask of the picture's size.",
            )
        levels = _understood(mask.picture, picture)
    share = np.asarray(levels.point([0 if level < FAINT else min(2 * level, 255) for level in range(256)]))
    if not share.any():
        raise DynamicNetError("mask-empty", "The mask has no white part: paint white what is to be filled.")
    if share.shape != picture.size[::-1]:
        share = _grown(_made_small(share, picture.size), SPREAD if photo.lossy else 1)
    elif photo.lossy:
        share = _grown(share, SPREAD)
    if (share > 0).all():
        raise DynamicNetError("mask-full", "The hole is all of the picture: leave something to go on from.")
    return Hole(share, mask is not None, notes(photo, mask))


def _understood(mask: Image.Image, picture: Image.Image) -> Image.Image:
    """An upload in levels of white, mode L.

    Raises:
        DynamicNetError: ``mask-unclear`` or ``mask-inverted``.
    """
    colours = mask
    if mask.mode == "RGBA":
        opacity = mask.getchannel("A")
        seen = opacity.point([0] * 128 + [255] * 128)
        if seen.getextrema()[1]:
            if _apart(mask, picture) < ALIKE:  # the photograph, its hole erased
                return ImageChops.invert(opacity)
            if not seen.getextrema()[0] and _mean(mask, seen) < 128:
                raise _unclear("is dark on a transparent ground, which may mean either")
        colours = pictures.flatten(mask, "black")
    levels = levels_of(colours)
    white = _share(levels, range(128, 256))
    if MOST < white < 1:
        raise DynamicNetError(
            "mask-inverted",
            f"The hole is {white:.0%} of the picture: leave at least a third of it to go on from. White in a mask is "
            "what is filled; if black is the hole, invert it.",
        )
    return levels


def levels_of(mask: Image.Image) -> Image.Image:
    """A mask, RGB, in levels of white, mode L.

    Raises:
        DynamicNetError: ``mask-unclear``.
    """
    red, green, blue = mask.split()
    most, least = (both(both(red, green), blue) for both in (ImageChops.lighter, ImageChops.darker))
    if _share(ImageChops.subtract(most, least), range(COLOURED + 1, 256)) > 0.002:
        raise _unclear("is in colour")
    levels = mask.convert("L")
    brightest = cast(int, levels.getextrema()[1])
    if brightest == 1:  # numbers, not levels
        return levels.point([0] + [255] * 255)
    if 1 < brightest < 128:
        raise _unclear(f"has nothing brighter than {brightest} of 255")
    if _share(levels, range(FAINT, 256 - FAINT)) > 0.5:
        raise _unclear("is mostly grey")
    return levels


def _share(levels: Image.Image, of: range) -> float:
    """How much of a picture has some levels."""
    return sum(levels.histogram()[of.start : of.stop]) / math.prod(levels.size)


def _mean(picture: Image.Image, where: Image.Image) -> float:
    """The mean level of a picture's colours in some places."""
    return float(np.mean(ImageStat.Stat(picture.convert("RGB"), where).mean))


def _apart(mask: Image.Image, picture: Image.Image) -> float:
    """How far what is seen of a mask is from the picture, which may be smaller, mean over channels, in levels."""
    small = mask if mask.size == picture.size else mask.resize(picture.size)
    seen = np.asarray(small.getchannel("A")) >= 128
    colours, there = (np.asarray(one.convert("RGB"))[seen].astype(np.int16) for one in (small, picture))
    return float(np.abs(colours - there).mean()) if seen.any() else np.inf


def _unclear(what: str) -> DynamicNetError:
    return DynamicNetError(
        "mask-unclear",
        f"The mask {what}. Paint white what is to be filled and leave the rest black, or send the photograph itself "
        "with the hole erased.",
    )


def _grown(share: Levels, by: int) -> Levels:
    """The same wider by so many pixels, fading out in the last of them."""
    rows, columns = (np.flatnonzero(share.any(axis)) for axis in (1, 0))
    top, left = max(0, rows[0] - by), max(0, columns[0] - by)
    part = np.s_[top : rows[-1] + by + 1, left : columns[-1] + by + 1]
    levels = torch.from_numpy(share[part].astype(np.float32))[None, None]
    wide, wider = (F.max_pool2d(levels, 2 * reach + 1, 1, reach) for reach in (by - 1, by))
    grown = share.copy()
    grown[part] = torch.maximum(wide, wider / 2).round()[0, 0].numpy().astype(np.uint8)
    return grown


def _made_small(share: Levels, size: tuple[int, int]) -> Levels:
    """The same at a smaller (width, height): of each pixel the most that falls into it."""
    for axis, (side, small) in enumerate(zip(share.shape, size[::-1], strict=True)):
        share = np.maximum.reduceat(share, np.arange(small) * side // small, axis)
    return share
