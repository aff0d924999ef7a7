"""The chunks of a PNG that Pillow does not tell all of: what its numbers mean, and whether it is whole."""

import struct
import zlib
from collections.abc import Iterator

from dynamicnet.errors import DynamicNetError, quoted
from dynamicnet.files import cicp, icc
from dynamicnet.files.icc import BT709, Primaries

SIGNATURE = b"\x89PNG\r\n\x1a\n"

GREY_AND_OPACITY = 4

SRGB_GAMMA = 45_455
"""How writers say sRGB that do not know its chunk; browsers take it so."""


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Type, content and whether the checksum is right, of each chunk that is there as a whole."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        content = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        yield kind, content, checksum == zlib.crc32(content, zlib.crc32(kind))
        at += 12 + length


def profile(data: bytes, embedded: bytes | None) -> bytes | None:
    """The profile of a PNG, by the precedence of its third edition: cICP, iCCP, sRGB, gAMA and cHRM.

    Args:
        data: the file.
        embedded: the profile of iCCP, where it has one that can be read.

    Returns:
        An ICC profile; None is sRGB, said or assumed.

    Raises:
        DynamicNetError: ``picture-unreadable``, it is of a high dynamic range.
    """
    said = _before_pixels(data)
    if len(code := said.get(b"cICP", b"")) == 4 and code[2] == 0 and code[3] == 1:  # RGB, in its full range
        named = cicp.profile(code[0], code[1])
        if named is not None:
            return named
    if embedded:
        return embedded
    if b"sRGB" in said or len(said.get(b"gAMA", b"")) != 4:  # primaries alone say nothing of the curve
        return None
    gamma = _number(said[b"gAMA"])
    if gamma == SRGB_GAMMA and b"cHRM" not in said:
        return None
    try:
        return icc.profile(_primaries(said.get(b"cHRM")), 100_000 / max(1, gamma), "gAMA and cHRM")
    except ValueError:
        return None


def refuse_damaged(data: bytes, what: str) -> None:
    """Say which part of a PNG is damaged, for one that its decoder refused.

    Raises:
        DynamicNetError: ``picture-unreadable``.
    """
    for kind, _, sound in chunks(data) if data.startswith(SIGNATURE) else ():
        if not sound:
            raise DynamicNetError(
                "picture-unreadable",
                f"The {what} is damaged: the checksum of its {quoted(kind.decode('latin-1'))} part is wrong; "
                "save or send it again.",
                422,
            )


def is_grey(data: bytes) -> bool:
    """Whether a PNG is of grey and opacity, which Pillow takes for colours if it has 16 bits."""
    return data[25] == GREY_AND_OPACITY


def in_8_bits(key: int | tuple[int, ...], data: bytes) -> int | tuple[int, ...]:
    """The level or colour of a PNG that stands for transparency, as Pillow reads its pixels: in 8 bits."""
    bits = data[24]
    if isinstance(key, tuple):
        return tuple(level >> 8 for level in key) if bits == 16 else key
    return key * 255 // (2**bits - 1) if 1 < bits < 8 else key


def _before_pixels(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for kind, content, sound in chunks(data):
        if kind == b"IDAT":
            break
        if sound:
            found.setdefault(kind, content)
    return found


def _primaries(chunk: bytes | None) -> Primaries:
    if chunk is None or len(chunk) != 32:
        return BT709
    white, red, green, blue = ((x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", chunk))
    return Primaries(red, green, blue, white)


def _number(chunk: bytes) -> int:
    return int(struct.unpack(">I", chunk)[0])
