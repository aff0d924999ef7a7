"""Writes PNG several times as fast as Pillow, which tries five filters on each row of a picture and keeps the best."""

import struct
import zlib

import numpy as np
from isal import isal_zlib
from PIL import Image

from dynamicnet.files.png import SIGNATURE

INCH = 0.0254  # metres
COLOURS = {"L": 0, "RGB": 2, "RGBA": 6}
LEFT = 1  # the filter: each pixel's difference from the one before it in its row


def write(
    picture: Image.Image,
    profile: bytes | None = None,
    exif: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """A picture as a PNG file (third edition), in the sRGB that it says it is in where there is no profile.

    Args:
        picture: grey, RGB or RGBA, 8 bits.
        profile: ICC, of its numbers.
        exif: as Pillow makes it, which is as JPEG has it.
        dpi: pixels an inch, across and down.
    """
    width, height = picture.size
    pixels = np.asarray(picture).reshape(height, width, -1)
    channels = pixels.shape[2]
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = LEFT
    differences = rows[:, 1:].reshape(height, width, channels)
    differences[:, 0] = pixels[:, 0]
    np.subtract(pixels[:, 1:], pixels[:, :-1], out=differences[:, 1:])
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, COLOURS[picture.mode], 0, 0, 0)}
    if profile is None:
        chunks[b"sRGB"] = b"\1"  # relative colorimetric, as colours are converted here
    else:
        chunks[b"iCCP"] = b"ICC Profile\0\0" + zlib.compress(profile)
    if dpi:
        chunks[b"pHYs"] = struct.pack(">IIB", *(round(per_inch / INCH) for per_inch in dpi), 1)
    if exif:
        chunks[b"eXIf"] = exif.removeprefix(b"Exif\0\0")
    chunks[b"IDAT"] = isal_zlib.compress(rows, 1)
    chunks[b"IEND"] = b""
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks.items())


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
