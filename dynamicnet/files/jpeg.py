"""What a JPEG's own markers say."""

import struct

SEQUENTIAL = (0xC0, 0xC1)
"""Frames of one pass: what is there of a file that was cut off is the upper rows, whole."""

SCALABLE = (*SEQUENTIAL, 0xC2)
"""Frames that decoders are known to scale while they decode: baseline, extended and progressive."""

END = b"\xff\xd9"


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
