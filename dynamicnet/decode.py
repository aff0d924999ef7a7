"""Pictures from outside: bytes to pixels as a viewer shows them. Without torch, so that it may have its own process."""

import io

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from dynamicnet.errors import DynamicNetError

MIN_SIDE = 32
READABLE = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_FOREIGN = {
    "a HEIC file (an iPhone's photograph)": (
        b"ftypheic",
        b"ftypheix",
        b"ftyphevc",
        b"ftyphevx",
        b"ftypmif1",
        b"ftypmsf1",
    ),
    "an AVIF file": (b"ftypavif", b"ftypavis"),
    "a film": (b"ftyp", b"\x1aE\xdf\xa3"),
    "a JPEG XL file": (b"\xff\x0a", b"JXL "),
    "a PDF file": (b"%PDF",),
    "a Photoshop file": (b"8BPS",),
    "an SVG drawing": (b"<svg", b"<?xml"),
}  # how files begin, some of them after four bytes, that people take for pictures we read

Image.MAX_IMAGE_PIXELS = None  # the limit is checked here, before any pixel is decoded, with a sentence of its own


def decode(data: bytes | None, max_side: int | None, max_pixels: int, what: str) -> Image.Image:
    """The first frame of a picture file, upright: RGBA if it has transparency, else RGB.

    The size depends on the picture's size and on ``max_side`` alone, so that a mask of the same size stays with it.
    """
    if max_side is not None and max_side < MIN_SIDE:
        raise DynamicNetError("max-side-invalid", f"max_side must be at least {MIN_SIDE}; got {max_side}.")
    if not data:
        raise DynamicNetError("picture-missing", f"The {what} is empty; send a PNG, JPEG, WebP, GIF, BMP or TIFF file.")
    try:
        with Image.open(io.BytesIO(data), formats=READABLE) as opened:
            width, height = opened.size
            if width * height > max_pixels:
                raise DynamicNetError(
                    "picture-too-large",
                    f"The {what} is {width}×{height}, more than {max_pixels / 1e6:g} million pixels; "
                    "send a smaller one.",
                    413,
                )
            if max_side:
                opened.draft("RGB", (max_side, max_side))  # JPEG: decode straight to a smaller size
            opened.load()
            turned = _upright(opened)
            if (turned.width > turned.height) != (opened.width > opened.height):
                width, height = height, width
            picture = _layers(turned)
    except DynamicNetError:
        raise
    except UnidentifiedImageError:
        raise DynamicNetError(
            "picture-unreadable",
            f"This {what} is {_kind(data)} we can read; save it as PNG, JPEG, WebP, GIF, BMP or TIFF and send that.",
            415,
        ) from None
    except Exception:  # damaged bytes make decoders fail in whatever way they happen to
        raise DynamicNetError(
            "picture-unreadable", f"The {what} is damaged or cut off; save it again and send the whole file.", 422
        ) from None
    if max_side and max(width, height) > max_side:
        scale = max_side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if min(picture.size) < MIN_SIDE:
        raise DynamicNetError(
            "picture-too-small",
            f"The {what} is {picture.width}×{picture.height} after scaling; both sides must be at least {MIN_SIDE}.",
        )
    return picture


def _kind(data: bytes) -> str:
    named = (kind for kind, begins in _FOREIGN.items() if data.startswith(begins) or data[4:].startswith(begins))
    return next((f"{kind}, not one" for kind in named), "not a file")


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF asks. EXIF that cannot be read turns nothing: every viewer shows such a picture."""
    try:
        turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return picture
    return picture if turn is None else picture.transpose(turn)


def _layers(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float32)
        scale = 257.0 if picture.mode != "F" else 1.0  # 16-bit grey fills 0..65535
        picture = Image.fromarray(np.rint(np.clip(np.nan_to_num(values / scale), 0, 255)).astype(np.uint8))
    layered = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    picture = picture.convert("RGBA" if layered else "RGB")
    picture.info = {}  # encoders copy comments and profiles from here
    return picture
