"""Where a picture has a hole: what masks say of it, in the ways in which people make them.

White is the hole and black is known; grey is the edge of a brush or of a feathered selection. What a mask means is
never guessed: one that may mean two things is refused, with a sentence that says what to send.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from dynamicnet import pictures
from dynamicnet.applications.base import Inputs
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
        mask: the mask that says so; None if the picture's transparency does.
    """

    share: Levels
    mask: Decoded | None


def read(inputs: Inputs, photo: Decoded) -> Hole:
    """The hole of a picture.

    A mask's soft edge belongs to the hole and blends: what is at least half white is filled, and from there the filling
    fades into the picture, which has the object's own edge in it. Of files that spread colours, the pixels around the
    hole are filled as well. All that is understood at the size that was sent: of a picture that is made smaller,
    ``max_side`` being given, every pixel with some of the hole in it belongs to it, however thin it is.

    Raises:
        DynamicNetError: ``mask-missing``, ``mask-empty``, ``mask-full``, ``mask-size``, ``mask-unclear``,
            ``mask-inverted``, or the mask cannot be read.
    """
    picture, mask = photo.picture, None
    whole = partial(pictures.read_layers, max_side=None, max_pixels=max(inputs.max_pixels, math.prod(photo.size)))
    if inputs.mask is None:
        sent = photo if picture.size == photo.size else whole(inputs.image)
        levels = np.where(np.asarray(sent.picture.convert("RGBA").getchannel("A")) < 128, 255, 0).astype(np.uint8)
        if not levels.any():
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
    share = np.minimum(2 * np.where(levels < FAINT, 0, levels).astype(np.uint16), 255).astype(np.uint8)
    if not share.any():
        raise DynamicNetError("mask-empty", "The mask has no white part: paint white what is to be filled.")
    share = _made_small(_grown(share) if photo.lossy else share, picture.size)
    if (share > 0).all():
        raise DynamicNetError("mask-full", "The hole is all of the picture: leave something to go on from.")
    return Hole(share, mask)


def _understood(mask: Image.Image, picture: Image.Image) -> Levels:
    """An upload in levels of white.

    Raises:
        DynamicNetError: ``mask-unclear`` or ``mask-inverted``.
    """
    colours = np.asarray(mask.convert("RGB"))
    if mask.mode == "RGBA":
        opacity = np.asarray(mask.getchannel("A"))
        seen = opacity >= 128
        if seen.any() and _apart(mask, picture) < ALIKE:  # the photograph, its hole erased
            return 255 - opacity
        if seen.any() and not seen.all() and colours[seen].mean() < 128:
            raise _unclear("is dark on a transparent ground, which may mean either")
        colours = np.asarray(pictures.flatten(mask, "black"))
    levels = levels_of(colours)
    white = float((levels >= 128).mean())
    if MOST < white < 1:
        raise DynamicNetError(
            "mask-inverted",
            f"The mask is white on {white:.0%} of the picture, and white is what is filled. If black is the hole, "
            "invert the mask; else leave at least a third of the picture to go on from.",
        )
    return levels


def levels_of(colours: npt.NDArray[np.uint8]) -> Levels:
    """A mask in levels of white, (H, W, 3) to (H, W).

    Raises:
        DynamicNetError: ``mask-unclear``.
    """
    spread = colours.max(2).astype(np.int16) - colours.min(2)
    if (spread > COLOURED).mean() > 0.002:
        raise _unclear("is in colour")
    levels: Levels = np.asarray(Image.fromarray(colours).convert("L"))
    brightest = int(levels.max())
    if brightest == 1:  # numbers, not levels
        return levels * 255
    if 1 < brightest < 128:
        raise _unclear(f"has nothing brighter than {brightest} of 255")
    if ((levels >= FAINT) & (levels < 256 - FAINT)).mean() > 0.5:
        raise _unclear("is mostly grey")
    return levels


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


def _grown(share: Levels) -> Levels:
    """The same wider by ``SPREAD`` pixels, fading out in the last of them."""
    rows, columns = (np.flatnonzero(share.any(axis)) for axis in (1, 0))
    top, left = max(0, rows[0] - SPREAD), max(0, columns[0] - SPREAD)
    part = np.s_[top : rows[-1] + SPREAD + 1, left : columns[-1] + SPREAD + 1]
    levels = torch.from_numpy(share[part].astype(np.float32))[None, None]
    wide, wider = (F.max_pool2d(levels, 2 * by + 1, 1, by) for by in (SPREAD - 1, SPREAD))
    grown = share.copy()
    grown[part] = torch.maximum(wide, wider / 2).round()[0, 0].numpy().astype(np.uint8)
    return grown


def _made_small(share: Levels, size: tuple[int, int]) -> Levels:
    """The same at a (width, height), if that is another: of each pixel the most that falls into it."""
    if share.shape == size[::-1]:
        return share
    small = F.adaptive_max_pool2d(torch.from_numpy(share.astype(np.float32))[None], size[::-1])
    return small[0].numpy().astype(np.uint8)
