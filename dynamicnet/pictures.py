"""Pictures in and out: from bytes to RGB as a viewer shows it, and back to bytes."""

import io
import math
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from dynamicnet import decoders
from dynamicnet.decode import MIN_SIDE as MIN_SIDE
from dynamicnet.decode import MOST_DECODED as MOST_DECODED
from dynamicnet.decode import Decoded, decode, decode_fitted
from dynamicnet.decode import fit as fit
from dynamicnet.decode import flatten as flatten
from dynamicnet.errors import DynamicNetError, quoted
from dynamicnet.files import icc, png_writer
from dynamicnet.files.keep import Metadata
from dynamicnet.files.names import READABLE
from dynamicnet.method.pieces import Pieces, finish
from dynamicnet.method.strips import strips

MAX_PIXELS = 25_000_000  # worked at, by a network that looks at all of a picture: in strips, over 1 GB on the CPU
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
LONGEST_SIDE = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535}  # of their encoders; PNG has no limit that matters


def read(data: bytes | None, max_side: int | None = None, max_pixels: int = MOST_DECODED) -> Image.Image:
    """Decode an uploaded picture: the first frame, upright, sRGB, transparency flattened on white.

    Args:
        data: the file.
        max_side: shrink so that the longer side is at most this, in pixels, as far as the shorter side stays at
            MIN_SIDE; never enlarges.
        max_pixels: refuse anything larger before decoding it.

    Returns:
        RGB, 8 bits of sRGB, without metadata.

    Raises:
        DynamicNetError: ``picture-missing``, ``picture-unreadable``, ``picture-too-large``,
            ``picture-too-small`` or ``max-side-invalid``.
    """
    return flatten(read_layers(data, max_side, max_pixels).picture, "white")


def read_layers(
    data: bytes | None,
    max_side: int | None = None,
    max_pixels: int = MOST_DECODED,
    what: str = "picture",
    keep_space: bool = False,
) -> Decoded:
    """The same with its transparency, and all else that is known of it; see :func:`dynamicnet.decode.decode`."""
    if data is None:
        raise DynamicNetError("picture-missing", f"There is no {what}; send a {READABLE} file.")
    return decoders.run(decode, what, data, max_side, max_pixels, what, keep_space)


def read_fitted(data: bytes, short: int) -> Image.Image:
    """A picture of a person's own, not an upload; see :func:`dynamicnet.decode.decode_fitted`."""
    return decoders.run(decode_fitted, "picture", data, short, "picture")


def read_where(data: bytes | None, max_side: int | None = None, max_pixels: int = MOST_DECODED) -> Decoded | None:
    """A picture of where α counts, made smaller as the photograph is; None where there is none.

    Raises:
        DynamicNetError: as :func:`read`.
    """
    return None if data is None else read_layers(data, max_side, max_pixels, "map where")


def to_map(where: Decoded, size: tuple[int, int]) -> Tensor:
    """How far α counts at each place of a picture of some (width, height): levels, (1, 1, H, W), white being 255."""
    grey = flatten(where.picture, "black").convert("L")
    return to_levels(grey.resize(size, Image.Resampling.BILINEAR))


def bleed(picture: Image.Image) -> Image.Image:
    """RGB or RGBA as RGB: what is seen has its own colours, and what is not those around it.

    On a background, its colour would get into soft edges, and show as a rim where the picture is laid on another.
    """
    if picture.mode != "RGBA":
        return picture
    opacity = picture.getchannel("A")
    enough = max(1, int(np.asarray(opacity).max())) / 8  # of less, colours are coarse
    seen = opacity.point([min(255, round(255 * level / enough)) for level in range(256)])
    if seen.getextrema()[0] == 255:
        return picture.convert("RGB")
    if max(picture.size) == 1:
        return flatten(picture, "white")
    weighed = picture.copy()
    weighed.putalpha(seen)
    around = bleed(weighed.reduce(2)).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(picture.convert("RGB"), around, seen)


def coloured(picture: Image.Image, levels: int, known: Image.Image | None = None) -> float:
    """The share of pixels whose red, green and blue are further apart than so many levels, where a mask is not 0."""
    red, green, blue = picture.convert("RGB").split()
    most, least = (either(either(red, green), blue) for either in (ImageChops.lighter, ImageChops.darker))
    apart = ImageChops.subtract(most, least).histogram(known)
    return sum(apart[levels + 1 :]) / max(1, sum(apart))


def to_levels(picture: Image.Image) -> Tensor:
    """RGB or L picture to (1, 3 or 1, H, W), uint8, channels last."""
    return torch.from_numpy(np.array(picture)).view(1, picture.height, picture.width, -1).permute(0, 3, 1, 2)


def in_units(tensor: Tensor) -> Tensor:
    """Levels as float32 in [0, 1]; whatever else as it is."""
    return tensor.float().div_(255) if tensor.dtype == torch.uint8 else tensor


def in_levels(units: Tensor) -> Tensor:
    """What is in [0, 1], or beyond and then clamped, as uint8."""
    return units.float().clamp(0, 1).mul_(255).round_().byte()


def to_tensor(picture: Image.Image) -> Tensor:
    """RGB picture to (1, 3, H, W), float32 in [0, 1]."""
    return in_units(to_levels(picture).contiguous())


def to_picture(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W), levels or units of [0, 1] that are clamped, to an RGB picture: :func:`becoming`, to its end."""
    return finish(becoming(tensor))


def becoming(tensor: Tensor) -> Pieces[Image.Image]:
    """A tensor as :func:`to_picture` takes becomes a picture, some rows at a time."""
    rows = tensor[0].detach().permute(1, 2, 0)  # in the order of a picture's bytes before it leaves a device
    size = (rows.shape[1], rows.shape[0])
    picture: Image.Image | None = None
    for some in strips((rows.shape[0], rows.shape[1])):
        levels = rows[some] if rows.dtype == torch.uint8 else in_levels(rows[some])
        part = Image.fromarray(levels.contiguous().cpu().numpy())
        if part.size == size:
            return part
        picture = picture or Image.new("RGB", size, None)  # with nothing in it yet
        picture.paste(part, (0, some.start))
        yield
    assert picture
    return picture


def check_format(format: str, quality: int) -> None:  # noqa: A002
    """Refuse a format or a quality that :func:`write` does not know, before any work is done.

    Raises:
        DynamicNetError: ``format-unknown`` or ``quality-invalid``.
    """
    if format not in FORMATS:
        raise DynamicNetError(
            "format-unknown", f"There is no format {quoted(format, 20)}; choose {', '.join(FORMATS)}.", 406
        )
    check_quality(quality)


def check_quality(quality: int) -> None:
    """Refuse a quality that is none.

    Raises:
        DynamicNetError: ``quality-invalid``.
    """
    if not 1 <= quality <= 100:
        raise DynamicNetError("quality-invalid", f"quality goes from 1 to 100; got {quality}.")


def check_detail(detail: int) -> None:
    """Refuse a longer side to work at that no photograph can be worked at.

    Raises:
        DynamicNetError: ``detail-invalid``.
    """
    if detail < MIN_SIDE:
        raise DynamicNetError("detail-invalid", f"detail must be at least {MIN_SIDE}; got {detail}.")


def check_longest(size: tuple[int, int], format: str) -> None:  # noqa: A002
    """Refuse a (width, height) that a format has no room for.

    Raises:
        DynamicNetError: ``picture-too-large``.
    """
    if max(size) > LONGEST_SIDE.get(format, math.inf):
        raise DynamicNetError(
            "picture-too-large",
            f"The picture is {size[0]}×{size[1]}, longer than {format} allows; "
            f"give max_side {LONGEST_SIDE[format]}, or choose another format.",
        )


def lost(picture: Image.Image, format: str) -> tuple[str, ...]:  # noqa: A002
    """Sentences on what a picture has and a format no room for."""
    if picture.mode == "RGBA" and format == "jpeg":
        return ("JPEG has no transparency, so the picture was put on white; choose png or webp.",)
    return ()


def write(
    picture: Image.Image,
    format: str = "png",  # noqa: A002
    quality: int = 90,
    metadata: Metadata | None = None,
) -> bytes:
    """Encode a picture, and say in the file what its numbers mean: sRGB, or the profile in its ``info``.

    Args:
        picture: grey, RGB or RGBA; JPEG has no transparency and gets it on white.
        format: ``png``, ``jpeg`` or ``webp``.
        quality: 1 to 100, of the last two.
        metadata: what else the file says; nothing unless told.

    Raises:
        DynamicNetError: ``format-unknown``, ``quality-invalid``, or ``picture-too-large`` for the format.
    """
    check_format(format, quality)
    check_longest(picture.size, format)
    kept = _kept(metadata)
    if format == "png":
        return png_writer.write(picture, picture.info.get("icc_profile"), **kept)
    out = io.BytesIO()
    said = tag(picture, format) | kept
    if format == "jpeg":
        flat = flatten(picture, "white")
        flat.save(out, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2, **said)
    else:
        picture.save(out, "WEBP", quality=quality, method=2, **said)
    return out.getvalue()


def tag(picture: Image.Image, format: str) -> dict[str, Any]:  # noqa: A002
    """What Pillow's encoders are to be told, that a file says what its numbers mean. GIF cannot, and means sRGB."""
    return {} if format == "gif" else {"icc_profile": picture.info.get("icc_profile") or icc.SRGB}


def _kept(metadata: Metadata | None) -> dict[str, Any]:
    """The same for metadata. WebP has its DPI in EXIF alone, and takes no other."""
    exif = metadata.exif() if metadata else None
    if not metadata or not exif:
        return {}
    return {"exif": exif.tobytes()} | ({"dpi": metadata.dpi} if metadata.dpi else {})
