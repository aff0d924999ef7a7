"""What the header of a JPEG XL (ISO 18181-1) says, and its plugin for Pillow does not."""

from dynamicnet.errors import DynamicNetError
from dynamicnet.files import boxes

BARE = b"\xff\x0a"
LONGEST = 32
"""Bytes that hold all of the header that is read here."""


def refuse_animated(data: bytes, what: str) -> None:
    """Refuse an animation, of which the plugin decodes the last frame.

    Raises:
        DynamicNetError: ``picture-unreadable``.
    """
    if _is_animated(_Bits(_codestream(data))):
        raise DynamicNetError(
            "picture-unreadable",
            f"The {what} is an animation in JPEG XL, whose first frame we cannot read; save that as PNG or JPEG.",
            415,
        )


def _codestream(data: bytes) -> bytes:
    """How it begins, its signature left out."""
    if data.startswith(BARE):
        return data[2 : 2 + LONGEST]
    for name, content in boxes.boxes(data):
        if name in (b"jxlc", b"jxlp"):
            start = 2 if name == b"jxlc" else 6  # a part says first which one it is
            return content[start : start + LONGEST]
    return b""


class _Bits:
    """Numbers, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value

    def skip_size(self) -> None:
        in_eights = self.take(1)
        self._skip_side(in_eights)
        if self.take(3) == 0:  # the width does not follow from a ratio
            self._skip_side(in_eights)

    def _skip_side(self, in_eights: int) -> None:
        self.take(5 if in_eights else (9, 13, 18, 30)[self.take(2)])


def _is_animated(bits: _Bits) -> bool:
    bits.skip_size()
    if bits.take(1) or not bits.take(1):  # all as usual, or nothing of what follows
        return False
    bits.take(3)  # orientation, which decoders follow
    if bits.take(1):
        bits.skip_size()  # to be shown at
    return not bits.take(1) and bool(bits.take(1))  # a preview, which nobody writes; frames
