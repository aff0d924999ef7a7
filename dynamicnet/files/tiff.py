"""The kinds of TIFF that Pillow opens and gets wrong: put right here, or refused with the reason."""

from typing import Any

from PIL import TiffImagePlugin

from dynamicnet.errors import DynamicNetError

BITS, PHOTOMETRIC, PLANAR, COLOUR_MAP, FORMAT = 258, 262, 284, 320, 339
SIGNED, FLOAT = 2, 3
WHITE_IS_ZERO = 0
APART = 2


def refuse_unsure(opened: TiffImagePlugin.TiffImageFile, what: str) -> None:
    """Refuse the kinds that come out as noise or black.

    Raises:
        DynamicNetError: ``picture-unreadable``; the sentence names the reason.
    """
    tags = opened.tag_v2
    bits = max(_numbers(tags.get(BITS, 1)))
    formats = _numbers(tags.get(FORMAT, 1))
    reason = None
    if _numbers(tags.get(PLANAR, 1))[0] == APART and bits > 8:
        reason = f"its channels of {bits} bits lie in planes of their own"
    elif SIGNED in formats:
        reason = "its numbers may be negative"
    elif bits == 32 and FLOAT not in formats:
        reason = "its whole numbers have 32 bits, and nothing says which of them is white"
    elif opened.mode == "P" and len(_numbers(tags.get(COLOUR_MAP, ()))) < 3 << bits:
        reason = "its colour map is too short"
    if reason is not None:
        raise DynamicNetError(
            "picture-unreadable",
            f"The {what} is a TIFF that we cannot read, for {reason}; save it as PNG, or as TIFF of 8 bits.",
            415,
        )


def whitest(opened: TiffImagePlugin.TiffImageFile) -> int:
    """The largest number that its bits have room for."""
    bits = int(max(_numbers(opened.tag_v2.get(BITS, 16))))
    return (1 << bits) - 1


def is_inverted(opened: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether its smallest number is white, which Pillow minds up to 8 bits."""
    return bool(opened.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO)


def _numbers(value: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return value if isinstance(value, tuple) else (value,)
