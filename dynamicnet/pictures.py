"""Pictures in and out: from bytes to RGB as a viewer shows it, and back to bytes."""

import io
import math

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from dynamicnet.errors import DynamicNetError

MIN_SIDE = 32
MAX_PIXELS = 25_000_000  # a 24-megapixel photograph takes about 12 GB to render on the CPU
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
READABLE = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LONGEST_SIDE = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535}  # of their encoders; PNG has no limit that matters

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


def read(data: bytes | None, max_side: int | None = None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode an uploaded picture: the first frame, upright, RGB, transparency flattened on white.

    Args:
        data: the file.
        max_side: shrink so that the longer side is at most this, in pixels; never enlarges.
        max_pixels: refuse anything larger before decoding it.

    Returns:
        RGB, 8 bits, without metadata.

    Raises:
        DynamicNetError: ``picture-missing``, ``picture-unreadable``, ``picture-too-large``,
            ``picture-too-small`` or ``max-side-invalid``.
    """
    return flatten(read_layers(data, max_side, max_pixels), "white")


def read_layers(
    data: bytes | None, max_side: int | None = None, max_pixels: int = MAX_PIXELS, what: str = "picture"
) -> Image.Image:
    """The same with its transparency, if it has any: RGBA, else RGB; ``what`` it is called in errors.

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


def flatten(picture: Image.Image, background: str) -> Image.Image:
    """RGB or RGBA on a background, as RGB."""
    if picture.mode != "RGBA":
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, background), picture).convert("RGB")


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


def to_tensor(picture: Image.Image) -> Tensor:
    """RGB picture to (1, 3, H, W), float32 in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].contiguous().float() / 255


def to_picture(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W) in any units of [0, 1], clamped, to an RGB picture."""
    array = tensor[0].detach().float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array)


def check_format(format: str, quality: int) -> None:  # noqa: A002
    """Refuse a format or a quality that :func:`write` does not know, before any work is done.

    Raises:
        DynamicNetError: ``format-unknown`` or ``quality-invalid``.
    """
    if format not in FORMATS:
        raise DynamicNetError(
            "format-unknown", f"There is no format {format[:20]!r}; choose {', '.join(FORMATS)}.", 406
        )
    check_quality(quality)


def check_quality(quality: int) -> None:
    """Refuse a quality that is none.

    Raises:
        DynamicNetError: ``quality-invalid``.
    """
    if not 1 <= quality <= 100:
        raise DynamicNetError("quality-invalid", f"quality goes from 1 to 100; got {quality}.")


def check_longest(size: tuple[int, int], format: str) -> None:  # noqa: A002
    """Refuse a (width, height) that a format has no room for.

    Raises:
        DynamicNetError: ``picture-too-large``.
    """
    if max(size) > LONGEST_SIDE.get(format, math.inf):
        raise DynamicNetError(
            "picture-too-large",
            f"The picture is {size[0]}×{size[1]}, longer than {format} allows ({LONGEST_SIDE[format]}); choose png.",
        )


def write(picture: Image.Image, format: str = "png", quality: int = 90) -> bytes:  # noqa: A002
    """Encode a picture as ``png``, ``jpeg`` or ``webp``; ``quality`` (1 to 100) is for the last two.

    Raises:
        DynamicNetError: ``format-unknown``, ``quality-invalid``, or ``picture-too-large`` for the format.
    """
    check_format(format, quality)
    check_longest(picture.size, format)
    out = io.BytesIO()
    if format == "png":
        picture.save(out, "PNG", compress_level=1)
    elif format == "jpeg":
        picture.save(out, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    else:
        picture.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def fit(picture: Image.Image, short: int) -> Image.Image:
    """Scale a picture so that its shorter side is ``short`` pixels."""
    scale = short / min(picture.size)
    size = (max(short, math.floor(picture.width * scale + 0.5)), max(short, math.floor(picture.height * scale + 0.5)))
    return picture.resize(size, Image.Resampling.LANCZOS)
