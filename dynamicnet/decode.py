"""Pictures from outside: bytes to pixels as a viewer shows them. Without torch, so that it may have its own process."""

import io
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, ImageFilter, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from dynamicnet.errors import DynamicNetError
from dynamicnet.files import bmp, boxes, jpeg, jxl, keep, names, png, tiff, whole
from dynamicnet.files.colour import Colours
from dynamicnet.files.keep import Metadata
from dynamicnet.files.plugins import FORMATS

MIN_SIDE = 32

MOST_DECODED = 120_000_000
"""Pixels that are decoded at most: a decoder has memory for them."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = [_TURNS[orientation] for orientation in (5, 6, 7, 8)]

LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP", "AVIF", "HEIF")
"""Formats that mostly keep colours at half the resolution."""

LARGEST_PROFILE = 2**20
"""Bytes of a profile that goes with what is made of a picture; those of cameras and screens have fewer."""

PngImagePlugin.MAX_TEXT_CHUNK = 2**24  # of profiles too, which have over 1 MB where they come from printers
Image.MAX_IMAGE_PIXELS = None  # the limit is checked here, before any pixel is decoded, with a sentence of its own


@dataclass(frozen=True)
class Own:
    """A picture in the space it was sent in.

    Attributes:
        picture: RGB, or RGBA, of that space.
        profile: that space, an ICC profile.
        there: from it to sRGB.
        back: from sRGB to it.
    """

    picture: Image.Image
    profile: bytes
    there: ImageFilter.Color3DLUT
    back: ImageFilter.Color3DLUT

    @property
    def bytes(self) -> int:
        """How much memory it takes, about."""
        tables = sum(np.asarray(table.table).nbytes for table in (self.there, self.back))
        return len(self.profile) + tables + 4 * math.prod(self.picture.size)


@dataclass(frozen=True)
class Decoded:
    """A picture file, as a viewer shows it.

    Attributes:
        picture: the first frame, upright, sRGB of 8 bits: RGBA if it has transparency, else RGB.
        size: (width, height) of it before it was shrunk.
        notes: sentences, on what is not as a person may expect.
        metadata: what may be kept of what the file says about it.
        own: the same in its own space, where it was asked for, that is another than sRGB, and there is a way back.
        lossy: whether its format spreads colours over the pixels beside them.
        complete: whether all of its rows were there.
    """

    picture: Image.Image
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    own: Own | None = None
    lossy: bool = False
    complete: bool = True


class _Pixels(NamedTuple):
    """Pixels on their way: RGB, L, CMYK or LAB, their opacity apart."""

    colour: Image.Image
    opacity: Image.Image | None


def decode(data: bytes, max_side: int | None, max_pixels: int, what: str, keep_space: bool = False) -> Decoded:
    """Read a picture file.

    The size depends on the picture's size and on ``max_side`` alone, so that a mask of the same size stays with it.

    Args:
        data: the file.
        max_side: shrink so that the longer side is at most this, in pixels, as far as the shorter side stays at
            MIN_SIDE; never enlarges.
        max_pixels: refuse a picture that would have more, made small or not, before decoding it.
        what: what it is called in errors.
        keep_space: return it in its own space as well.

    Raises:
        DynamicNetError: ``picture-missing``, ``picture-unreadable``, ``picture-too-large``,
            ``picture-too-small`` or ``max-side-invalid``.
    """
    if max_side is not None and max_side < MIN_SIDE:
        raise DynamicNetError("max-side-invalid", f"max_side must be at least {MIN_SIDE}; got {max_side}.")
    if not data:
        raise DynamicNetError("picture-missing", f"The {what} is empty; send a {names.READABLE} file.")
    bmp.refuse_unsure(data, what)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            return _read(data, opened, max_side, max_pixels, what, keep_space)
    except (DynamicNetError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _unidentified(data, what) from None
    except Exception:  # damaged bytes make decoders fail in whatever way they happen to
        png.refuse_damaged(data, what)
        raise DynamicNetError(
            "picture-unreadable", f"The {what} is damaged or cut off; save it again and send the whole file.", 422
        ) from None


def decode_fitted(data: bytes, short: int, what: str) -> Image.Image:
    """Read a picture file of a person's own: all of it, RGB on white, its shorter side scaled to ``short`` pixels.

    A large JPEG is decoded straight to a smaller size, of at least four times as many pixels.

    Raises:
        DynamicNetError: as :func:`decode`; ``picture-unreadable`` as well where rows are missing.
    """
    decoded = decode(data, _enough(data, short), MOST_DECODED, what)
    if not decoded.complete:
        raise DynamicNetError("picture-unreadable", f"The {what} is cut off; save it again.")
    return fit(flatten(decoded.picture, "white"), short)


def _enough(data: bytes, short: int) -> int | None:
    """The longer side that a JPEG is decoded to; None is its own."""
    if jpeg.frame(data) not in jpeg.SCALABLE:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as opened:
            scale = 2 * short / min(opened.size)
            return math.ceil(scale * max(opened.size)) if scale < 0.5 else None
    except Exception:  # whoever decodes it says what is wrong
        return None


def flatten(picture: Image.Image, background: str) -> Image.Image:
    """RGB or RGBA on a background, as RGB."""
    if picture.mode != "RGBA":
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, background), picture).convert("RGB")


def fit(picture: Image.Image, short: int) -> Image.Image:
    """Scale a picture so that its shorter side is ``short`` pixels."""
    scale = short / min(picture.size)
    size = (max(short, math.floor(picture.width * scale + 0.5)), max(short, math.floor(picture.height * scale + 0.5)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _read(
    data: bytes, opened: ImageFile.ImageFile, max_side: int | None, max_pixels: int, what: str, keep_space: bool
) -> Decoded:
    stored = full = opened.size
    sideways = False
    _refuse_large(small_size(full, max_side), max_pixels, full, what)
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        tiff.refuse_unsure(opened, what)
        tiff.set_palette(opened)
        stored, sideways = tiff.stored(opened), tiff.is_sideways(opened)
    if opened.format == "JXL":
        jxl.refuse_animated(data, what)
    if max_side and opened.format == "JPEG" and jpeg.frame(data) in jpeg.SCALABLE:
        opened.draft(opened.mode, small_size(full, max_side))  # decode straight to a smaller size
    _refuse_large(opened.size, max(max_pixels, MOST_DECODED), full, what)
    loaded, notes = whole.load(data, opened, what)
    profile = _profile(data, opened)
    pixels = _pixels(data, loaded, what)
    turn = _turn(opened)
    if turn is not None:
        pixels = _Pixels(pixels.colour.transpose(turn), pixels.opacity and pixels.opacity.transpose(turn))
        if pixels.colour.size != loaded.size:
            full = full[::-1]
    if pixels.opacity and pixels.opacity.getextrema() == (255, 255):
        pixels = _Pixels(pixels.colour, None)
    if min(full) < MIN_SIDE:
        raise DynamicNetError(
            "picture-too-small",
            f"The {what} is {full[0]}×{full[1]}{' after turning it as the file asks' if full != stored else ''}; "
            f"both sides must be at least {MIN_SIDE}.",
        )
    pixels = _shrunk(pixels, full, max_side)
    colours = _colours(profile, pixels.colour)
    picture = colours.to_srgb(pixels.colour) if colours else pixels.colour.convert("RGB")
    own = _own(pixels, profile, colours) if keep_space and profile and colours else None
    metadata = keep.read(opened, sideways=sideways or turn in _SIDEWAYS)
    lossy = opened.format in LOSSY
    return Decoded(
        *(_joined(picture, pixels.opacity), full, (*notes, *_notes(opened)), metadata, own, lossy),
        complete=not notes,
    )


def _unidentified(data: bytes, what: str) -> DynamicNetError:
    kind = names.name(data)
    if not names.is_readable(data):
        known = f"{kind}, not one" if kind else "not a file"
        return DynamicNetError(
            "picture-unreadable",
            f"This {what} is {known} we can read; save it as PNG or JPEG and send that.",
            415,
        )
    png.refuse_damaged(data, what)
    tiff.refuse_unknown(data, what)
    return DynamicNetError(
        "picture-unreadable",
        f"This {what} is {kind}, but it is damaged, cut off or of a kind that we cannot read; save it again, "
        "as PNG or JPEG.",
        415,
    )


def _profile(data: bytes, opened: Image.Image) -> bytes | None:
    """The ICC profile of its pixels; None is sRGB, said or assumed."""
    embedded = opened.info.get("icc_profile")
    if opened.format == "PNG":
        return png.profile(data, embedded)
    if opened.format in ("AVIF", "HEIF"):
        return embedded or boxes.profile(data)
    if opened.format in ("JPEG", "MPO"):
        return embedded or jpeg.profile(opened)
    return embedded


def _colours(profile: bytes | None, picture: Image.Image) -> Colours | None:
    """What the pixels mean where that is not sRGB; a profile that is broken or does not fit counts as none."""
    if profile is None:
        return None
    try:
        colours = Colours(profile)
    except ValueError:
        return None
    return colours if colours.fit(picture.mode) and not colours.are_srgb else None


def _own(pixels: _Pixels, profile: bytes, colours: Colours) -> Own | None:
    """What is kept in its own space: RGB of a profile that is no burden and knows the way back."""
    if pixels.colour.mode != "RGB" or len(profile) > LARGEST_PROFILE:
        return None
    try:
        return Own(_joined(pixels.colour, pixels.opacity), profile, *colours.tables())
    except ValueError:
        return None


def _pixels(data: bytes, picture: Image.Image, what: str) -> _Pixels:
    if picture.mode.startswith("I") or picture.mode == "F":
        return _many_levels(picture, what)
    key = picture.info.get("transparency")
    if isinstance(picture, PngImagePlugin.PngImageFile):
        if picture.mode in ("L", "RGB") and key is not None:
            picture.info["transparency"] = png.in_8_bits(key, data)
        if picture.mode == "RGBA" and png.is_grey(data):
            return _Pixels(picture.getchannel("R"), picture.getchannel("A"))
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert(picture.mode.replace("a", "A"))
    if picture.mode == "1" or (picture.mode == "L" and key is not None):
        picture = picture.convert("L" if key is None else "LA")
    elif picture.mode in ("P", "PA") or key is not None:
        picture = picture.convert("RGB" if picture.mode == "P" and key is None else "RGBA")
    if picture.mode in ("LA", "RGBA"):
        return _Pixels(picture.convert(picture.mode.removesuffix("A")), picture.getchannel("A"))
    return _Pixels(picture if picture.mode in ("L", "RGB", "CMYK", "LAB") else picture.convert("RGB"), None)


def _many_levels(picture: Image.Image, what: str) -> _Pixels:
    """Grey of more than 8 bits: whole numbers fill their range, others go from 0 to 1 (docs/pictures.md)."""
    values: npt.NDArray[np.floating[Any]] = np.asarray(picture, np.float32)
    key = picture.info.get("transparency")
    opacity = None if key is None else Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    if picture.mode == "F":
        values = np.nan_to_num(values, posinf=np.inf, neginf=-np.inf)
        if values.max() > 1:
            raise DynamicNetError(
                "picture-unreadable",
                f"The {what} holds fractions up to {values.max():g}, and we read them from 0 (black) to 1 (white); "
                "divide them first, or save it as PNG.",
                415,
            )
    else:
        values = values / (tiff.whitest(picture) if isinstance(picture, TiffImagePlugin.TiffImageFile) else 65535)
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and tiff.is_inverted(picture):
        values = 1 - values
    return _Pixels(Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)), opacity)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """How its EXIF or XMP asks it to be turned. What cannot be read turns nothing: viewers show such a picture."""
    if picture.format == "JXL" and not getattr(picture, "jpeg", False):
        return None  # turned by its decoder as its own header asks, which goes before EXIF
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return None


def _refuse_large(size: tuple[int, int], most: int, full: tuple[int, int], what: str) -> None:
    """Refuse a (width, height) that a picture is decoded to, or made to; ``full`` is its own."""
    if size[0] * size[1] > most:
        raise DynamicNetError(
            "picture-too-large",
            f"The {what} is {full[0]}×{full[1]}, more than {most / 1e6:g} million pixels; send a smaller one"
            f"{', or have it made smaller by max_side' if size == full and most < MOST_DECODED else ''}.",
            413,
        )


def small_size(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """What a (width, height) becomes whose longer side is to be at most ``max_side``, see :func:`decode`."""
    if not max_side or max(size) <= max_side:
        return size
    scale = max(max_side / max(size), min(1.0, MIN_SIDE / min(size)))
    return round(size[0] * scale), round(size[1] * scale)


def _shrunk(pixels: _Pixels, full: tuple[int, int], max_side: int | None) -> _Pixels:
    size = small_size(full, max_side)
    if size == pixels.colour.size:
        return pixels
    if pixels.opacity is None:
        return _Pixels(pixels.colour.resize(size, Image.Resampling.LANCZOS), None)
    # Together, so that the colour of what is transparent does not spread.
    joined = _joined(pixels.colour, pixels.opacity).resize(size, Image.Resampling.LANCZOS)
    return _Pixels(joined.convert(pixels.colour.mode), joined.getchannel("A"))


def _joined(colour: Image.Image, opacity: Image.Image | None) -> Image.Image:
    joined = colour.copy() if opacity is None else Image.merge(f"{colour.mode}A", (*colour.split(), opacity))
    joined.info = {}  # encoders copy comments and profiles from here
    return joined


def _notes(opened: Image.Image) -> tuple[str, ...]:
    return (tiff.note(opened) if isinstance(opened, TiffImagePlugin.TiffImageFile) else ()) + _frames(opened)


def _frames(opened: Image.Image) -> tuple[str, ...]:
    """A sentence where there are others than the first."""
    try:
        count = getattr(opened, "n_frames", 1)
    except Exception:  # a later one is damaged
        return ()
    if count == 1 or opened.format == "MPO":  # whose others are the same view again, or belong to the first
        return ()
    if opened.format == "HEIF":
        return (f"The file holds {count} pictures; the main one was used.",)
    pages = "pages" if opened.format == "TIFF" else "frames"
    return (f"The file holds {count} {pages}; the first was used.",)
