"""The kinds of TIFF that Pillow opens and gets wrong: put right here, or refused with the reason."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, ImagePalette, TiffImagePlugin

from dynamicnet.errors import DynamicNetError

KIND, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, CHANNELS, PLANAR = 254, 256, 257, 258, 259, 262, 277, 284
COLOUR_MAP, EXTRA, FORMAT = 320, 338, 339
SIGNED, FLOAT = 2, 3
PREMULTIPLIED = 1
SMALLER = 1
WHITE_IS_ZERO, RGB, YCBCR = 0, 2, 6
NOT_COMPRESSED, WEBP = 1, 50001
APART = 2


def refuse_unsure(opened: TiffImagePlugin.TiffImageFile, what: str) -> None:
    """Refuse the kinds that come out as noise or black.

    Raises:
        DynamicNetError: ``picture-unreadable``; the sentence names the reason.
    """
    reason = _reason(opened.tag_v2, opened.mode)
    if reason is not None:
        raise _refusal(what, reason)


def refuse_unknown(data: bytes, what: str) -> None:
    """Say what a TIFF holds that Pillow did not open, if its tags can be read.

    Raises:
        DynamicNetError: ``picture-unreadable``; the sentence names the reason.
    """
    try:
        start = 16 if data[2:4] in (b"+\0", b"\0+") else 8
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[:start])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        if not {WIDTH, HEIGHT, BITS} <= set(tags):
            return
        channels, bits = tags.get(CHANNELS, 1), max(_numbers(tags[BITS]))
        numbers = "floating-point" if FLOAT in _numbers(tags.get(FORMAT, 1)) else "whole"
        kind = f"its pixels ({channels} × {bits} bits, {numbers} numbers) are of a kind that we do not know"
        reason = _reason(tags, "") or kind
    except Exception:  # it is no TIFF, or damaged in whatever way
        return
    raise _refusal(what, reason)


def _reason(tags: Mapping[int, Any], mode: str) -> str | None:
    bits = max(_numbers(tags.get(BITS, 1)))
    formats = _numbers(tags.get(FORMAT, 1))
    apart = _numbers(tags.get(PLANAR, 1))[0] == APART
    if _numbers(tags.get(KIND, 0))[0] & SMALLER:
        return "its first picture is a small one of another, as in raw photographs"
    if apart and bits > 8:
        return f"its channels of {bits} bits lie in planes of their own"
    if apart and (mode == "LA" or PREMULTIPLIED in _numbers(tags.get(EXTRA, ()))):
        return "its opacity lies in a plane of its own"
    if apart and mode == "LAB":
        return "its lightness and its colours lie in planes of their own"
    compression = _numbers(tags.get(COMPRESSION, NOT_COMPRESSED))[0]
    if compression == NOT_COMPRESSED and _numbers(tags.get(PHOTOMETRIC, RGB))[0] == YCBCR:
        return "its pixels are YCbCr that is not compressed"
    if compression == WEBP:
        return "it is compressed as WebP is"
    if SIGNED in formats:
        return "its numbers may be negative"
    if bits == 32 and FLOAT not in formats:
        return "its whole numbers have 32 bits, and nothing says which of them is white"
    if mode == "P" and len(_numbers(tags.get(COLOUR_MAP, ()))) < 3 << bits:
        return "its colour map is too short"
    return None


def _refusal(what: str, reason: str) -> DynamicNetError:
    return DynamicNetError(
        "picture-unreadable",
        f"The {what} is a TIFF that we cannot read, for {reason}; save it as PNG, or as TIFF of 8 bits.",
        415,
    )


def note(opened: TiffImagePlugin.TiffImageFile) -> tuple[str, ...]:
    """A sentence where a fourth channel is not said to be opacity, and is taken for it as others do."""
    if opened.mode != "RGBA" or EXTRA in opened.tag_v2:
        return ()
    return ("The file does not say what its fourth channel is; it was taken for opacity.",)


def set_palette(opened: TiffImagePlugin.TiffImageFile) -> None:
    """Take a colour map that goes to 255 for what it is meant to be, as libtiff's tools do: it should go to 65535."""
    numbers = _numbers(opened.tag_v2.get(COLOUR_MAP, ()))
    if opened.mode == "P" and max(numbers) < 256:
        opened.palette = ImagePalette.raw("RGB;L", bytes(numbers))


def stored(opened: TiffImagePlugin.TiffImageFile) -> tuple[int, int]:
    """Its (width, height) before Pillow turns it."""
    return opened.tag_v2[WIDTH], opened.tag_v2[HEIGHT]


def is_sideways(opened: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether Pillow is going to turn it, when it loads it, so that width and height change places."""
    return opened.tag_v2.get(ExifTags.Base.Orientation) in (5, 6, 7, 8)


def whitest(opened: TiffImagePlugin.TiffImageFile) -> int:
    """The largest number that its bits have room for."""
    bits = int(max(_numbers(opened.tag_v2.get(BITS, 16))))
    return (1 << bits) - 1


def is_inverted(opened: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether its smallest number is white, which Pillow minds up to 8 bits."""
    return bool(opened.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO)


def _numbers(value: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return value if isinstance(value, tuple) else (value,)
