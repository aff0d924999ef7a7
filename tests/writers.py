"""Writers of picture files that no package writes: all kinds of PNG, TIFF and BMP, without compression of their own."""

import struct
import zlib
from collections.abc import Mapping
from itertools import product

import numpy as np


def packed(numbers: np.ndarray, bits: int) -> bytes:
    """Whole numbers side by side, the highest bit first, filled up to a byte."""
    return np.packbits(numbers.reshape(-1, 1).astype(int) >> np.arange(bits)[::-1] & 1).tobytes()


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    numbers: np.ndarray, bits: int, kind: int, chunks: Mapping[bytes, bytes] | None = None, interlaced: bool = False
) -> bytes:
    """A PNG of whole numbers, (H, W) or (H, W, channels), of a colour type, with chunks before its pixels."""
    rows = [
        b"\0" + packed(row, bits)
        for x, y, across, down in (ADAM7 if interlaced else ((0, 0, 1, 1),))
        for row in numbers[y::down, x::across]
    ]
    header = struct.pack(">IIBBBBB", numbers.shape[1], numbers.shape[0], bits, kind, 0, 0, interlaced)
    parts = {b"IHDR": header, **(chunks or {}), b"IDAT": zlib.compress(b"".join(rows)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def tiff(numbers: np.ndarray, bits: int, photometric: int, tile: int = 0, **options) -> bytes:
    """A TIFF of numbers, (H, W) or (H, W, channels): in strips of 16 rows, or in tiles."""
    planar, order, more = options.get("planar", False), options.get("order", "<"), options.get("tags", {})
    numbers = numbers.reshape(*numbers.shape[:2], -1)
    high, wide, channels = numbers.shape
    down, across = (tile, tile) if tile else (16, wide)
    blocks = []
    for plane in np.moveaxis(numbers, 2, 0)[..., None] if planar else (numbers,):
        for y, x in product(range(0, high, down), range(0, wide, across)):
            block = plane[y : y + down, x : x + across]
            if tile:
                block = np.pad(block, ((0, tile - block.shape[0]), (0, tile - block.shape[1]), (0, 0)))
            if bits % 8 == 0:
                blocks.append(block.astype(block.dtype.newbyteorder(order)).tobytes())
            else:
                blocks.append(b"".join(packed(row, bits) for row in block))
    places = (324, 325, {322: (4, tile), 323: (4, tile)}) if tile else (273, 279, {278: (4, down)})
    sizes = [len(block) for block in blocks]
    offsets = [8 + sum(sizes[:i]) for i in range(len(sizes))]
    tags = {
        **{256: (4, wide), 257: (4, high), 258: (3, *[bits] * channels), 259: (3, 1), 262: (3, photometric)},
        **{277: (3, channels), 284: (3, 2 if planar else 1), places[0]: (4, *offsets), places[1]: (4, *sizes)},
        **places[2],
        **more,
    }
    body = b"".join(blocks)
    at = 8 + len(body)
    table, extra = struct.pack(f"{order}H", len(tags)), b""
    after = at + 2 + 12 * len(tags) + 4
    for tag, (type_, *values) in sorted(tags.items()):
        content = values[0] if type_ == 7 else struct.pack(f"{order}{len(values)}{' BsHI'[type_]}", *values)
        count = len(content) if type_ == 7 else len(values)
        if len(content) > 4:
            place = struct.pack(f"{order}I", after + len(extra))
            extra += content + b"\0" * (len(content) % 2)
        else:
            place = content.ljust(4, b"\0")
        table += struct.pack(f"{order}HHI", tag, type_, count) + place
    begin = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    return begin + body + table + b"\0" * 4 + extra


RLE8, RLE4, BIT_FIELDS = 1, 2, 3


def bmp(
    numbers: np.ndarray,
    bits: int,
    palette: bytes = b"",
    masks: tuple[int, ...] = (),
    header: int = 40,
    compression: int = 0,
    top_down: bool = False,
) -> bytes:
    """A BMP of whole numbers, (H, W); ``header`` is how long its header is, 12 to 124 bytes."""
    high, wide = numbers.shape
    rows = numbers if top_down else numbers[::-1]
    body = _runs(rows, bits) if compression in (RLE8, RLE4) else b"".join(_line(row, bits) for row in rows)
    if header == 12:
        head = struct.pack("<IHHHH", 12, wide, high, 1, bits)
    else:
        high, compression = -high if top_down else high, BIT_FIELDS if masks else compression
        head = struct.pack("<IiiHHII", header, wide, high, 1, bits, compression, len(body))
        head += struct.pack(f"<iiII{len(masks)}I", 2835, 2835, len(palette) // 4, 0, *masks)
        if header > 40:
            head = (head.ljust(56, b"\0") + b"BGRs").ljust(header, b"\0")
    at = 14 + len(head) + len(palette)
    return struct.pack("<2sIII", b"BM", at + len(body), 0, at) + head + palette + body


def _line(row: np.ndarray, bits: int) -> bytes:
    whole = packed(row, bits) if bits < 8 else row.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    return whole + b"\0" * (-len(whole) % 4)


def _runs(rows: np.ndarray, bits: int) -> bytes:
    """Two rows of three as runs, and one as its numbers are: 41, and the rest."""
    out = b""
    for y, row in enumerate(rows):
        if y % 3 == 0:
            for part in (row[:41], row[41:]):
                content = packed(part, bits)
                out += bytes([0, len(part)]) + content + b"\0" * (len(content) % 2)
        else:
            ends = [*np.flatnonzero(np.diff(row.astype(int))) + 1, len(row)]
            for start, end in zip([0, *ends[:-1]], ends, strict=True):
                out += bytes([end - start, row[start] if bits == 8 else row[start] * 17])
        out += b"\0\0"
    return out + b"\0\1"
