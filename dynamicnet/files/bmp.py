"""The kinds of BMP that Pillow does not know, or gets wrong: refused with the reason."""

import struct

from dynamicnet.errors import DynamicNetError

HEADERS = (40, 52, 56, 64, 108, 124)
PLAIN, RLE8, RLE4, BIT_FIELDS = 0, 1, 2, 3

KNOWN = {
    16: ((0x7C00, 0x3E0, 0x1F, 0), (0xF800, 0x7E0, 0x1F, 0)),
    24: ((0xFF0000, 0xFF00, 0xFF, 0),),
    32: (
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
    ),
}
"""Red, green, blue and opacity, by the bits of a pixel."""


def refuse_unsure(data: bytes, what: str) -> None:
    """Refuse the kinds that come out torn, without their opacity or not at all.

    Raises:
        DynamicNetError: ``picture-unreadable``; the sentence names the reason.
    """
    if not data.startswith(b"BM") or len(data) < 70:
        return
    header, bits, compression = (*struct.unpack_from("<I", data, 14), *struct.unpack_from("<HI", data, 28))
    if header not in HEADERS:
        return
    reason = None
    if compression == RLE4:
        reason = "it is compressed in runs of 4 bits (RLE4)"
    elif compression == BIT_FIELDS:
        masks = struct.unpack_from("<4I", data, 54)
        masks = masks if header >= 56 else (*masks[:3], 0)
        if masks not in KNOWN.get(bits, ()):
            reason = f"the {bits} bits of its pixels are shared out in a way that we do not know"
    elif compression not in (PLAIN, RLE8):
        reason = f"its compression (number {compression}) is none that we know"
    elif bits == 2:
        reason = "its pixels have 2 bits"
    if reason is not None:
        raise DynamicNetError(
            "picture-unreadable", f"The {what} is a BMP that we cannot read, for {reason}; save it as PNG.", 415
        )
