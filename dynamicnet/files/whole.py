"""Whether all of a picture was decoded: decoders leave memory unwritten, and say nothing or too much."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from dynamicnet.errors import DynamicNetError
from dynamicnet.files import jpeg

MARKS = ((1, 254, 3, 2), (254, 5, 200, 90))
"""Two colours that a picture is filled with before it is decoded; what keeps both was never written."""

Colour = float | tuple[int, ...]

STEP = 8
"""Every so manyth pixel, across and down, is looked at first: strips and tiles are larger."""

MOST_MISSING = 0.25
"""Share of a JPEG's rows that may be missing at its end."""


def load(data: bytes, opened: ImageFile.ImageFile, what: str) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode an opened picture; of a JPEG whose last rows are missing, the rest is filled as viewers do.

    Returns:
        The picture with its pixels, and sentences on what is missing.

    Raises:
        DynamicNetError: ``picture-unreadable``, more is missing.
        Exception: whatever the decoder raises.
    """
    if opened.format in ("JPEG", "MPO"):
        return _load_jpeg(data, opened)
    if opened.format not in ("PNG", "TIFF"):
        opened.load()
        return opened, ()
    first = _fill(opened, 0)
    opened.load()
    if _kept(opened, first)[::STEP, ::STEP].any():
        with Image.open(io.BytesIO(data), formats=[opened.format]) as again:
            second = _fill(again, 1)
            again.load()
            if (_kept(opened, first) & _kept(again, second)).any():
                raise DynamicNetError(
                    "picture-unreadable",
                    f"A part of the {what} is missing; save it again and send the whole file.",
                    422,
                )
    return opened, ()


def _load_jpeg(data: bytes, opened: ImageFile.ImageFile) -> tuple[Image.Image, tuple[str, ...]]:
    height = opened.height
    mark = _fill(opened, 0)
    try:
        opened.load()
    except OSError:
        if jpeg.frame(data) not in jpeg.SEQUENTIAL:
            raise
        missing = int(_kept(opened._new(opened.im), mark).all(1).sum())
        if missing > MOST_MISSING * height:
            raise
        ended = Image.open(io.BytesIO(data + jpeg.END))  # its decoder fills up what is missing before the end
        ended.draft(opened.mode, opened.size)
        ended.load()
        share = max(1, round(100 * missing / height))
        return ended, (f"The file is cut off: the last {share}% of its rows are missing, and were filled.",)
    return opened, ()


def _fill(opened: ImageFile.ImageFile, which: int) -> Colour:
    """Have a picture be decoded into memory of a known colour, which is returned."""
    config = opened.decoderconfig
    opened.load_prepare()
    opened.decoderconfig = config  # to which each call adds, for an interlaced PNG
    bands = len(opened.getbands())
    colour = MARKS[which][:bands] if bands > 1 else MARKS[which][0]
    opened.im.paste(colour, (0, 0, *opened.im.size))
    return opened.im.getpixel((0, 0))  # type: ignore[no-any-return]  # 16-bit modes make another number of it


def _kept(picture: Image.Image, colour: Colour) -> npt.NDArray[np.bool_]:
    """Where it has a colour, (H, W)."""
    same: npt.NDArray[np.bool_] = np.asarray(np.asarray(picture) == np.asarray(colour))
    return same if same.ndim == 2 else np.logical_and.reduce(same, axis=2)
