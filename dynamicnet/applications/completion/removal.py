"""How well an object is removed when its mask ends where it does: how far the result is from what was behind it."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from dynamicnet import pictures
from dynamicnet.applications.base import Inputs
from dynamicnet.applications.completion import masks
from dynamicnet.model import Model

COLOUR = (230, 20, 30)
"""Of the object: what chroma subsampling spreads is seen."""

QUALITY = 85
"""Of the JPEG file that it is in, which halves the resolution of colours (4:2:0)."""

FEATHERS = (0, 1, 2, 4, 8)
"""How far the object's own mask is blurred: the radius of a Gaussian, in pixels of a picture of 256 or more."""

GENEROUS = 8
"""How much wider than the object the mask is that is compared with, in pixels."""


def measure(
    model: Model, photos: Sequence[Image.Image], alphas: Sequence[float], progress: Callable[..., Any]
) -> dict[float, list[float]]:
    """Put an object into photographs, and remove it.

    Args:
        model: which.
        photos: RGB, without the object.
        alphas: where on the only axis.
        progress: wraps the photographs.

    Returns:
        For each α and each of :data:`FEATHERS`, the mean absolute error within the generous mask, as a multiple of the
        error of that mask, with a hard edge.
    """
    errors = np.zeros((len(alphas), 1 + len(FEATHERS)))
    for i, photo in enumerate(progress(photos)):
        own = masks.thing(photo.width, photo.height, random.Random(f"removal {i}"))
        generous = own.filter(ImageFilter.MaxFilter(2 * GENEROUS + 1))
        with_object = photo.copy()
        with_object.paste(COLOUR, mask=own)
        file = pictures.write(with_object, "jpeg", QUALITY)
        behind, within = np.asarray(photo, np.int16), np.asarray(generous) > 0
        scale = min(1.0, min(photo.size) / 256)  # else nothing would be left of a small object's mask
        for j, mask in enumerate([generous, *(own.filter(ImageFilter.GaussianBlur(by * scale)) for by in FEATHERS)]):
            prepared = model.prepare(model.encode(Inputs(image=file, mask=pictures.write(mask))))
            for k, alpha in enumerate(alphas):
                made = np.asarray(model.render(prepared, alpha), np.int16)
                errors[k, j] += np.abs(made - behind)[within].mean()
    ratios = errors[:, 1:] / errors[:, :1]
    return {alpha: [round(float(one), 3) for one in row] for alpha, row in zip(alphas, ratios, strict=True)}
