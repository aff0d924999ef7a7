"""What the boxes of AVIF and HEIF files (ISO 14496-12, 23008-12) say of their colours."""

import struct
from collections.abc import Iterator

from dynamicnet.files import cicp


def profile(data: bytes) -> bytes | None:
    """The profile that a file's code points name; None is sRGB, said or assumed.

    Raises:
        DynamicNetError: ``picture-unreadable``, they are of a high dynamic range.
    """
    for name, content in _inside(data, (b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        if name == b"colr" and content[:4] == b"nclx" and len(content) >= 10:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            # Films' camera curve and sRGB's are taken for each other in still pictures, by browsers too.
            return cicp.profile(primaries, 13 if transfer in (1, 6, 14, 15) else transfer)
    return None


def _inside(data: bytes, *path: tuple[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """The boxes within the first of each name, each with its bytes to skip."""
    for name, skip in path:
        data = next((content[skip:] for found, content in boxes(data) if found == name), b"")
    return boxes(data)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or len(data) - at
        if size < head:
            return
        yield name, data[at + head : at + size]
        at += size
