"""What a picture's numbers mean: from the space they were written in to sRGB, and tables for either way."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms, ImageFilter

from dynamicnet.files import icc

INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
"""The mode of pictures, by the space of a profile."""

SIDE = 33
"""Of tables, which are linear between their corners: off by less than a level of 255 on average, more at the edge."""


class Colours:
    """A profile, for pictures of one mode.

    Attributes:
        mode: RGB, L, CMYK or LAB.
    """

    def __init__(self, profile: bytes) -> None:
        """Read a profile.

        Raises:
            ValueError: it is broken, or of a space that no picture here is in.
        """
        try:
            self._source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            self.mode = MODES[self._source.profile.xcolor_space]
            # A curve of grey is else read off a coarse table: shadows of linear light had half of their value.
            flags = FLAGS | ImageCms.Flags.NOOPTIMIZE if self.mode == "L" else FLAGS
            self._there = ImageCms.ImageCmsTransform(self._source, _srgb(), self.mode, "RGB", INTENT, flags=flags)
        except (OSError, KeyError, ImageCms.PyCMSError) as error:
            raise ValueError("not a profile") from error

    def fit(self, mode: str) -> bool:
        """Whether pictures of a mode are in this space; grey ones are in that of any RGB, as its neutrals."""
        return mode == self.mode or (mode, self.mode) == ("L", "RGB")

    @property
    def are_srgb(self) -> bool:
        """Whether they are sRGB under another name: off by no more than rounding."""
        if self.mode != "RGB":
            return False
        probe = _probe()
        return int(np.abs(np.asarray(self.to_srgb(probe), np.int16) - np.asarray(probe, np.int16)).max()) <= 1

    def to_srgb(self, picture: Image.Image) -> Image.Image:
        """A picture that fits, as RGB of the same size."""
        converted = self._there.apply(picture.convert(self.mode))
        converted.info = {}
        return converted

    def tables(self) -> "tuple[ImageFilter.Color3DLUT, ImageFilter.Color3DLUT]":
        """To sRGB and back, for RGB: any process may use them, where the profile itself is not to be trusted.

        Raises:
            ValueError: the profile knows one way only.
        """
        try:
            back = ImageCms.ImageCmsTransform(_srgb(), self._source, "RGB", "RGB", INTENT, flags=FLAGS)
        except (OSError, ImageCms.PyCMSError) as error:
            raise ValueError("a profile of one way") from error
        axis = np.rint(np.linspace(0, 255, SIDE)).astype(np.uint8)
        blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
        corners = Image.fromarray(np.stack([red, green, blue], -1).reshape(1, -1, 3))
        to, of = (np.asarray(way.apply(corners), np.float32).reshape(-1) / 255 for way in (self._there, back))
        return tuple(ImageFilter.Color3DLUT(SIDE, table, _copy_table=False) for table in (to, of))  # type: ignore[return-value]


@lru_cache(1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc.SRGB))


@lru_cache(1)
def _probe() -> Image.Image:
    """Every 17th level of each channel."""
    axis = np.arange(0, 256, 17, dtype=np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(axis, axis, axis), -1).reshape(16, -1, 3))
