"""What a JPEG's own markers say."""

import struct

from PIL import ExifTags, Image

from dynamicnet.files import icc

SEQUENTIAL = (0xC0, 0xC1)
"""Frames of one pass: what is there of a file that was cut off is the upper rows, whole."""

SCALABLE = (*SEQUENTIAL, 0xC2)
"""Frames that decoders are known to scale while they decode: baseline, extended and progressive."""

END = b"\xff\xd9"

ADOBE_RGB = icc.profile(icc.Primaries((0.640, 0.330), (0.210, 0.710), (0.150, 0.060)), 563 / 256, "Adobe RGB")
"""Adobe RGB (1998) Color Image Encoding."""

UNCALIBRATED, OPTIONAL = 65535, "R03"
"""What EXIF of cameras says of Adobe RGB: DCF 2.0's optional files come without an ICC profile."""


def frame(data: bytes) -> int | None:
    """The marker that its frame begins with, 0xC0 to 0xCF; None where there is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        if marker == 0xDA:
            return None
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def profile(opened: Image.Image) -> bytes | None:
    """The ICC profile of the space that its EXIF says; None where that is sRGB, or cannot be read."""
    try:
        exif = opened.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        which = str(exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)).strip("\0 ")
    except Exception:  # EXIF fails in whatever way it happens to
        return None
    return ADOBE_RGB if (space, which) == (UNCALIBRATED, OPTIONAL) else None
