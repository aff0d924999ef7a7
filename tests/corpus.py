"""Picture files of every kind that can be written, and what each shows; `make corpus` prints a table of them."""

import io
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from tempfile import NamedTemporaryFile

import independent
import numpy as np
import pillow_heif
import pyvips
from independent import GREY, PROFILES, SPACES, colours, encoded
from PIL import ExifTags, Image, ImageFile
from writers import bmp, png, tiff

from dynamicnet import decode
from dynamicnet.files import bmp as bmp_files
from dynamicnet.files import boxes

LOSSY = 5.0
"""The largest mean difference to the numbers that were written, of lossy files of high quality."""

ImageFile.MAXBLOCK = 2**20  # some encoders of Pillow need all of a small picture at once

RGB = np.asarray(colours().resize((64, 80), Image.Resampling.LANCZOS)) / 255
RGB = 0.99 * RGB + 0.01 * np.linspace(0, 1, RGB.size).reshape(RGB.shape)  # levels between those of 8 bits
"""Numbers that are written, in [0, 1]: a photograph above all hues, (80, 64, 3); no turn leaves it as it is."""
L = RGB @ (0.299, 0.587, 0.114)
HIGH, WIDE = L.shape
OPACITY = np.tile(np.linspace(0, 1, WIDE), (HIGH, 1))

UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, 1, (1, 0)),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


@dataclass(frozen=True)
class File:
    """A picture file.

    Attributes:
        data: the file.
        shows: (H, W, 3 or 4) in [0, 255], sRGB and opacity, by the numbers that were written; or what its refusal says.
        off: the largest mean difference of the colours to that.
        vips: whether libvips is asked as well, from which the mean difference is at most 1.
    """

    data: bytes
    shows: np.ndarray | str
    off: float = 1.0
    vips: bool = False


# Numbers.


def rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Numbers in [0, 1] as so many bits can say them."""
    return np.rint(values * (2**bits - 1)) / (2**bits - 1)


def levels(values: np.ndarray, bits: int) -> np.ndarray:
    """Numbers in [0, 1] as whole numbers of so many bits."""
    return np.rint(values * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def shown(values: np.ndarray, opacity: np.ndarray | None = None, space: str | None = None) -> np.ndarray:
    """What numbers show: (H, W) or (H, W, 3) in [0, 1] of a space, as (H, W, 3 or 4) in [0, 255]."""
    colour = np.stack([values] * 3, -1) if values.ndim == 2 else values
    colour = independent.to_srgb(colour, *SPACES[space]) if space else colour
    return 255 * (colour if opacity is None else np.concatenate([colour, opacity[..., None]], -1))


def layered(values: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    return np.concatenate([values.reshape(HIGH, WIDE, -1), opacity[..., None]], -1)


def image(values: np.ndarray) -> Image.Image:
    """Numbers of 8 bits for Pillow: L, LA, RGB or RGBA."""
    return Image.fromarray(levels(values, 8))


# What files say besides.


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags.tobytes()


def xmp(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


# The files, by format.

Make = Callable[[], File]


def of_a_palette(bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers into a palette, (H, W), and the palette, (2 ** bits, 3) of 8 bits."""
    quantised = image(RGB).quantize(2**bits, dither=Image.Dither.NONE)
    palette = np.zeros((2**bits, 3), np.uint8)
    given = np.reshape(quantised.getpalette(), (-1, 3))[: 2**bits]
    palette[: len(given)] = given
    return np.asarray(quantised), palette


def jpegs() -> Iterator[tuple[str, Make]]:
    lossy = {"quality": 95}

    def plain(values, mode="RGB", off=LOSSY, space=None, profile=None, upright=1, **options):
        data = encoded(image(values).convert(mode), "JPEG", **lossy, **options, icc_profile=profile)
        return File(data, UPRIGHT[upright](shown(values, space=space)), off, vips=mode != "CMYK")

    for way, sampling in product(("baseline", "progressive"), ("4:4:4", "4:2:2", "4:2:0", "4:1:1")):
        yield f"RGB {sampling} {way}", partial(plain, RGB, subsampling=sampling, progressive=way == "progressive")
    for way in ("baseline", "progressive"):
        yield f"grey {way}", partial(plain, L, "L", progressive=way == "progressive")
        for mode in ("CMYK", "YCCK"):
            yield f"{mode} {way}", partial(cmyk_jpeg, mode == "YCCK", progressive=way == "progressive")
    yield "optimised", partial(plain, RGB, optimize=True)
    yield "restart markers", partial(plain, RGB, restart_marker_rows=1)
    yield "RGB that is not YCbCr", partial(plain, RGB, keep_rgb=True)
    for name, way in product(PROFILES, ("baseline", "progressive")):
        options = {"subsampling": 0, "progressive": way == "progressive"}
        yield f"RGB in {name} {way}", partial(plain, RGB, space=name, profile=PROFILES[name], **options)
    yield "grey in gamma 2.2", partial(plain, L, "L", space="grey 2.2", profile=GREY)
    yield "CMYK in a print profile", printed
    for name, space in (("sRGB", None), ("Adobe RGB", "Adobe RGB")):
        yield f"{name} as cameras say it", partial(by_exif, space)
    for o in UPRIGHT:
        yield f"EXIF orientation {o}", partial(plain, RGB, upright=o, exif=exif(o))
        yield (
            f"EXIF orientation {o} 4:4:4 progressive",
            partial(plain, RGB, upright=o, exif=exif(o), subsampling=0, progressive=True),
        )
        yield f"XMP orientation {o}", partial(by_xmp, "JPEG", o, LOSSY, **lossy)
    yield "EXIF before XMP", partial(plain, RGB, upright=6, exif=exif(6), xmp=xmp(3))
    yield "MPO", multi_picture


def by_exif(space: str | None) -> File:
    """As cameras say it, without a profile, which libvips does not mind: R98 is sRGB, R03 Adobe RGB."""
    tags = Image.Exif()
    said = tags.get_ifd(ExifTags.IFD.Exif)
    said[ExifTags.Base.ColorSpace] = 65535 if space else 1
    said[ExifTags.IFD.Interop] = {1: "R03" if space else "R98"}
    return File(encoded(image(RGB), "JPEG", quality=95, subsampling=0, exif=tags), shown(RGB, space=space), LOSSY)


def cmyk_jpeg(is_ycck: bool, **options) -> File:
    """Pillow writes CMYK; the numbers of YCCK, written as if they were CMYK, become it by one byte of Adobe's."""
    black = 1 - RGB.max(2, keepdims=True)
    inks = np.concatenate([1 - RGB / np.maximum(1 - black, 1e-6), black], -1)
    numbers = levels(inks, 8)
    if is_ycck:
        opposite = Image.fromarray(numbers[..., :3]).convert("YCbCr")
        numbers = np.concatenate([255 - np.asarray(opposite), numbers[..., 3:]], -1)
    written = Image.frombytes("CMYK", (WIDE, HIGH), numbers.tobytes())
    data = encoded(written, "JPEG", quality=98, subsampling=0, **options)
    if is_ycck:
        at = data.index(b"Adobe") + 11
        assert data[at] == 0
        data = data[:at] + b"\2" + data[at + 1 :]
    return File(data, shown((1 - inks[..., :3]) * (1 - inks[..., 3:])), LOSSY)


def printed(kind: str = "JPEG") -> File:
    source = pyvips.Image.new_from_array(levels(RGB, 8), interpretation="srgb")
    inks = source.icc_transform("cmyk", input_profile="srgb", intent="relative")
    data = inks.jpegsave_buffer(Q=95, subsample_mode="off") if kind == "JPEG" else inks.tiffsave_buffer()
    return File(data, independent.vips(data).astype(float), vips=True)


def by_xmp(kind: str, orientation: int, off: float = 1.0, **options) -> File:
    """Turned by what its XMP says alone, which libvips does not do."""
    data = encoded(image(RGB), kind, xmp=xmp(orientation), **options)
    return File(data, UPRIGHT[orientation](shown(RGB)), off)


def multi_picture() -> File:
    other = image(RGB[::-1])
    data = encoded(image(RGB), "MPO", save_all=True, append_images=[other], quality=95, subsampling=0)
    return File(data, shown(RGB), LOSSY, vips=True)


# Bits, colour type, numbers in [0, 1], opacity.
PNG_KINDS = {
    **{f"grey {bits}": (bits, 0, L, None) for bits in (1, 2, 4, 8, 16)},
    **{f"RGB {bits}": (bits, 2, RGB, None) for bits in (8, 16)},
    **{f"palette {bits}": (bits, 3, None, None) for bits in (1, 2, 4, 8)},
    **{f"grey and opacity {bits}": (bits, 4, L, OPACITY) for bits in (8, 16)},
    **{f"RGB and opacity {bits}": (bits, 6, RGB, OPACITY) for bits in (8, 16)},
}

P3_CHRM = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
GAMMA_1, GAMMA_16 = struct.pack(">I", 100_000), struct.pack(">I", 62_500)


def iccp(profile: bytes) -> bytes:
    return b"icc\0\0" + zlib.compress(profile)


# The space that chunks name, by the third edition of the specification; None is sRGB.
PNG_SAYS: dict[str, tuple[str | None, dict[bytes, bytes]]] = {
    "sRGB": (None, {b"sRGB": b"\0"}),
    "gAMA 1.0": ("linear", {b"gAMA": GAMMA_1}),
    "gAMA 1.6": ("gamma 1.6", {b"gAMA": GAMMA_16}),
    "gAMA 1.6 and cHRM of P3": ("P3 1.6", {b"gAMA": GAMMA_16, b"cHRM": P3_CHRM}),
    "cICP of P3": ("Display P3", {b"cICP": b"\x0c\x0d\0\1"}),
    "sRGB over gAMA": (None, {b"sRGB": b"\0", b"gAMA": GAMMA_1}),
    "iCCP over gAMA": ("Display P3", {b"iCCP": iccp(PROFILES["Display P3"]), b"gAMA": GAMMA_1}),
    "cICP over iCCP": ("Display P3", {b"cICP": b"\x0c\x0d\0\1", b"iCCP": iccp(PROFILES["Adobe RGB"])}),
    "cICP over all": (
        "Display P3",
        {b"cICP": b"\x0c\x0d\0\1", b"iCCP": iccp(PROFILES["linear"]), b"gAMA": GAMMA_1, b"cHRM": P3_CHRM},
    ),
}
PNG_PROFILES = {f"iCCP of {name}": (name, {b"iCCP": iccp(profile)}) for name, profile in PROFILES.items()}


def pngs() -> Iterator[tuple[str, Make]]:
    for name, interlaced in product(PNG_KINDS, (False, True)):
        way = " interlaced" if interlaced else ""
        yield f"{name}{way}", partial(png_of, name, interlaced=interlaced)
        if PNG_KINDS[name][1] in (0, 2, 3):
            yield f"{name} tRNS{way}", partial(png_of, name, key=True, interlaced=interlaced)
    for (says, (space, chunks)), name in product(PNG_SAYS.items(), PNG_KINDS):
        if name.startswith("grey"):
            if b"iCCP" in chunks:  # a profile of RGB is none of grey
                continue
            space = space and {"Display P3": None, "P3 1.6": "gamma 1.6"}.get(space, space)  # of neutrals, the curve
        yield f"{name} {says}", partial(png_of, name, space, chunks)
    for (says, (space, chunks)), name in product(
        PNG_PROFILES.items(), ("RGB 8", "RGB 16", "palette 8", "RGB and opacity 8")
    ):
        yield f"{name} {says}", partial(png_of, name, space, chunks)
    for name in ("grey 8", "grey 16", "grey and opacity 8", "grey and opacity 16", "grey 8 tRNS"):
        kind, key = name.removesuffix(" tRNS"), name.endswith("tRNS")
        yield f"{name} iCCP of grey 2.2", partial(png_of, kind, "grey 2.2", {b"iCCP": iccp(GREY)}, key)
    for o, name in product(UPRIGHT, ("RGB 8", "RGB and opacity 8", "palette 4")):
        yield f"{name} eXIf orientation {o}", partial(png_of, name, None, {b"eXIf": exif(o)[6:]}, upright=o)
    for o in UPRIGHT:
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(o)
        yield f"RGB 8 XMP orientation {o}", partial(png_of, "RGB 8", None, {b"iTXt": text}, upright=o)
    for name, code in (("PQ", 16), ("HLG", 18)):
        yield (
            f"RGB 16 {name}",
            lambda code=code, name=name: File(
                png(levels(RGB, 16), 16, 2, {b"cICP": bytes([9, code, 0, 1])}), f"high dynamic range ({name})"
            ),
        )
    yield "animated", partial(animated, "PNG")


def png_of(name, space=None, chunks=None, key=False, interlaced=False, upright=1) -> File:
    bits, kind, values, opacity = PNG_KINDS[name]
    chunks = dict(chunks or {})
    if kind == 3:
        numbers, palette = of_a_palette(bits)
        chunks[b"PLTE"] = palette.tobytes()
        values = palette[numbers] / 255
        if key:
            each = np.linspace(0, 255, 2**bits).astype(np.uint8)
            chunks[b"tRNS"], opacity = each.tobytes(), each[numbers] / 255
    else:
        numbers = levels(values if opacity is None else layered(values, opacity), bits)
        values = rounded(values, bits)
        opacity = None if opacity is None else rounded(opacity, bits)
        if key:
            colour = numbers[HIGH - 1, WIDE // 2]
            chunks[b"tRNS"] = np.atleast_1d(colour).astype(">u2").tobytes()
            opacity = 1.0 - (numbers == colour).reshape(HIGH, WIDE, -1).all(-1)
    shows = shown(values, opacity, space)
    return File(png(numbers, bits, kind, chunks, interlaced), UPRIGHT[upright](shows))


def animated(kind: str, **options) -> File:
    others = [image(RGB[::-1]), image(RGB[:, ::-1])]
    data = encoded(image(RGB), kind, save_all=True, append_images=others, **options)
    return File(data, shown(RGB))


def webps() -> Iterator[tuple[str, Make]]:
    both = layered(RGB, OPACITY)

    def plain(values=RGB, space=None, upright=1, profile=None, **options):
        opacity = OPACITY if values is both else None
        data = encoded(image(values), "WEBP", icc_profile=profile, **{"quality": 95, "exact": True} | options)
        rounded_ = None if opacity is None else rounded(opacity, 8)
        shows = UPRIGHT[upright](shown(values[..., :3], rounded_, space))
        lossless = "lossless" in options
        return File(data, shows, 1 if lossless else LOSSY, vips=not lossless)

    yield "lossy", plain
    yield "lossy and opacity", partial(plain, both)
    yield "lossless", partial(plain, lossless=True)
    yield "lossless and opacity", partial(plain, both, lossless=True)
    yield "lossless, colours under transparency left out", partial(plain, both, lossless=True, exact=False)
    for name, values in product(PROFILES, (RGB, both)):
        kind = " and opacity" if values is both else ""
        yield f"lossless{kind} in {name}", partial(plain, values, name, profile=PROFILES[name], lossless=True)
        yield f"lossy{kind} in {name}", partial(plain, values, name, profile=PROFILES[name])
    for o in UPRIGHT:
        yield f"lossless EXIF orientation {o}", partial(plain, upright=o, exif=exif(o), lossless=True)
        yield f"lossless and opacity EXIF orientation {o}", partial(plain, both, upright=o, exif=exif(o), lossless=True)
        yield f"XMP orientation {o}", partial(by_xmp, "WEBP", o, lossless=True)
    yield "animated", partial(animated, "WEBP", lossless=True)
    yield (
        "animated in Display P3",
        lambda: File(
            animated("WEBP", lossless=True, icc_profile=PROFILES["Display P3"]).data, shown(RGB, space="Display P3")
        ),
    )


def avifs() -> Iterator[tuple[str, Make]]:
    both = layered(RGB, OPACITY)

    def plain(values=RGB, space=None, upright=1, profile=None, **options):
        opacity = rounded(OPACITY, 8) if values is both else None
        options = {"quality": 95, "speed": 10, "subsampling": "4:4:4"} | options
        data = encoded(image(values), "AVIF", icc_profile=profile, **options)
        colour = values if values.ndim == 2 else values[..., :3]
        return File(data, UPRIGHT[upright](shown(colour, opacity, space)), LOSSY, options["subsampling"] == "4:4:4")

    def by_vips(bits, values=RGB, lossless=False, **options):
        numbers = levels(values, 16 if bits > 8 else 8)
        space = "rgb16" if bits > 8 else "srgb"
        written = pyvips.Image.new_from_array(numbers, interpretation=space)
        data = written.heifsave_buffer(
            compression="av1", bitdepth=bits, Q=95, lossless=lossless, effort=0, subsample_mode="off"
        )
        opacity = rounded(OPACITY, 8) if values is both else None
        return File(data, shown(values[..., :3], opacity), 1 if lossless else LOSSY)

    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"RGB {sampling}", partial(plain, subsampling=sampling)
        yield f"RGB and opacity {sampling}", partial(plain, both, subsampling=sampling)
    yield "grey", partial(plain, L, subsampling="4:0:0")
    yield "limited range", partial(plain, range="limited")
    for bits, values in product((8, 10, 12), (RGB, both)):
        kind = "RGB and opacity" if values is both else "RGB"
        yield f"{kind} {bits} bits", partial(by_vips, bits, values)
        yield f"{kind} {bits} bits lossless", partial(by_vips, bits, values, True)
    for name, values in product(PROFILES, (RGB, both)):
        kind = "RGB and opacity" if values is both else "RGB"
        yield f"{kind} in {name}", partial(plain, values, name, profile=PROFILES[name])
    for o in UPRIGHT:
        yield f"EXIF orientation {o}", partial(plain, upright=o, exif=exif(o))
    yield "animated", lambda: File(animated("AVIF", quality=95, speed=10, subsampling="4:4:4").data, shown(RGB), LOSSY)


def heics() -> Iterator[tuple[str, Make]]:
    both, grey_both = layered(RGB, OPACITY), layered(L, OPACITY)

    def plain(values=RGB, space=None, upright=1, profile=None, chroma=444, bits=8, refusal=None, **options):
        channels = 1 if values.ndim == 2 else values.shape[2]
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        numbers = levels(values, 8) if bits == 8 else levels(values, 16)
        mode = mode if bits == 8 else {"L": "I;16"}.get(mode, f"{mode};16")
        file = pillow_heif.from_bytes(mode, (WIDE, HIGH), numbers.tobytes())
        if profile:
            file[0].info["icc_profile"], file[0].info["icc_profile_type"] = profile, "prof"
        out = io.BytesIO()
        pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
        file.save(out, quality=95, chroma=chroma, **options)
        opacity = rounded(OPACITY, 8) if channels in (2, 4) else None
        colour = values if channels == 1 else values[..., 0] if channels == 2 else values[..., :3]
        return File(out.getvalue(), refusal or UPRIGHT[upright](shown(colour, opacity, space)), LOSSY)

    kinds = {"RGB": RGB, "RGB and opacity": both}
    for bits, chroma, (name, values) in product((8, 10, 12), (444, 422, 420), kinds.items()):
        yield f"{name} {bits} bits {chroma}", partial(plain, values, chroma=chroma, bits=bits)
    yield "grey", partial(plain, L)
    yield "grey and opacity", partial(plain, grey_both)
    yield "grey 10 bits", partial(plain, L, bits=10)
    for name, values in product(PROFILES, (RGB, both)):
        kind = "RGB and opacity" if values is both else "RGB"
        yield f"{kind} in {name}", partial(plain, values, name, profile=PROFILES[name])
    for o in UPRIGHT:
        yield f"EXIF orientation {o}", partial(plain, upright=o, exif=exif(o))
    for o in UPRIGHT:
        yield f"XMP orientation {o}", partial(plain, upright=o, xmp=xmp(o))
    codes = {"color_primaries": 12, "transfer_characteristics": 13}
    yield "RGB in Display P3 by its code points", partial(plain, space="Display P3", **codes)
    for name, code in (("PQ", 16), ("HLG", 18)):
        yield f"RGB {name}", partial(plain, refusal=f"high dynamic range ({name})", transfer_characteristics=code)
    for first in (True, False):
        yield f"two pictures, the {'first' if first else 'second'} is the main one", partial(two_heics, first)


def two_heics(first: bool) -> File:
    file = pillow_heif.HeifFile()
    for values in (RGB, RGB[::-1]):
        file.add_from_pillow(image(values))
    out = io.BytesIO()
    file.save(out, quality=95, chroma=444, primary_index=0 if first else 1)
    return File(out.getvalue(), shown(RGB if first else RGB[::-1]), LOSSY)


JXL_ANIMATION = bytes.fromhex(
    "ff0acb044d0020260804010044004b188b15805dfeff006253d50280d98e3f0804010044004b188b15805dfeff00ce36d302c06d8c3f"
    "0804050044004b188b15805dfeff00e236d302c06d8c3f"
)
"""Of three frames, red, green and blue; written by imagecodecs 2026.3.6, for pillow-jxl-plugin writes none."""


def jxls() -> Iterator[tuple[str, Make]]:
    both, grey_both = layered(RGB, OPACITY), layered(L, OPACITY)

    def plain(values=RGB, lossless=True, **options):
        colour, opacity = values, None
        if values.ndim == 3 and values.shape[2] in (2, 4):
            colour, opacity = values[..., :-1].squeeze(), rounded(OPACITY, 8)
        data = encoded(image(values), "JXL", lossless=lossless, **options)
        return File(data, shown(colour, opacity), 1 if lossless else LOSSY)

    kinds = {"grey": L, "grey and opacity": grey_both, "RGB": RGB, "RGB and opacity": both}
    for (name, values), container in product(kinds.items(), (False, True)):
        boxes = " in boxes" if container else ""
        yield f"{name} lossless{boxes}", partial(plain, values, use_container=container)
        yield f"{name} lossy{boxes}", partial(plain, values, False, quality=95, use_container=container)
    yield (
        "grey 16",
        lambda: File(  # as its writer says, of light
            encoded(Image.fromarray(levels(L, 16)), "JXL", lossless=True), shown(L, space="linear")
        ),
    )
    for o in UPRIGHT:  # its own header has the word, and says upright
        yield f"EXIF orientation {o}, which counts for nothing", partial(plain, exif=exif(o))
        for whole in (True, False):
            kind = "of a JPEG" if whole else "of a JPEG, which cannot be had back"
            yield f"{kind}, EXIF orientation {o}", partial(jxl_of_a_jpeg, o, whole)
    yield "animated", lambda: File(JXL_ANIMATION, "animation")
    yield "animated, in boxes", lambda: File(boxed(JXL_ANIMATION), "animation")


def jxl_of_a_jpeg(orientation: int, whole: bool) -> File:
    """A JPEG packed anew: its orientation goes into the header as well."""
    with NamedTemporaryFile(suffix=".jpg") as file:
        image(RGB).save(file.name, quality=95, subsampling=0, exif=exif(orientation))
        with Image.open(file.name) as opened:
            data = encoded(opened, "JXL", lossless_jpeg=True)
    if not whole:
        data = b"".join(box(name, content) for name, content in boxes.boxes(data) if name != b"jbrd")
    return File(data, UPRIGHT[orientation](shown(RGB)), LOSSY)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def boxed(codestream: bytes) -> bytes:
    parts = {b"JXL ": b"\r\n\x87\n", b"ftyp": b"jxl \0\0\0\0jxl ", b"jxlc": codestream}
    return b"".join(box(*part) for part in parts.items())


def gifs() -> Iterator[tuple[str, Make]]:
    def plain(bits=8, key=None, interlace=True, **options):
        numbers, palette = of_a_palette(bits)
        picture = Image.fromarray(numbers)
        picture.putpalette(palette.tobytes())
        picture = picture if picture.mode == "P" else picture.convert("P")
        more = {} if key is None else {"transparency": key}
        data = encoded(picture, "GIF", interlace=interlace, optimize=False, **more, **options)
        opacity = None if key is None else 1.0 - (numbers == key)
        return File(data, shown(palette[numbers] / 255, opacity))

    for bits, interlace, key in product((1, 2, 4, 8), (False, True), (None, 1)):
        way = " interlaced" if interlace else ""
        yield f"palette {bits}{way}{'' if key is None else ' one transparent'}", partial(plain, bits, key, interlace)
    yield "grey", lambda: File(encoded(image(L), "GIF"), shown(rounded(L, 8)))
    yield "by libvips", gif_by_vips
    yield "animated", animated_gif


def gif_by_vips() -> File:
    data = pyvips.Image.new_from_array(levels(RGB, 8), interpretation="srgb").gifsave_buffer()
    return File(data, shown(RGB), LOSSY, vips=True)


def animated_gif() -> File:
    numbers, palette = of_a_palette(8)
    frames = []
    for one in (numbers, numbers[::-1], numbers[:, ::-1]):
        frame = Image.fromarray(np.ascontiguousarray(one))
        frame.putpalette(palette.tobytes())
        frames.append(frame)
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, disposal=2)
    return File(data, shown(palette[numbers] / 255))


BIT_FIELDS = {
    "RGB 555": (16, (0x7C00, 0x3E0, 0x1F)),
    "RGB 565": (16, (0xF800, 0x7E0, 0x1F)),
    "BGR 565": (16, (0x1F, 0x7E0, 0xF800)),
    "RGB 444": (16, (0xF00, 0xF0, 0xF)),
    "ARGB 1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "ARGB 4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "XRGB": (32, (0xFF0000, 0xFF00, 0xFF)),
    "XBGR": (32, (0xFF, 0xFF00, 0xFF0000)),
    "RGBX": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "BGRX": (32, (0xFF00, 0xFF0000, 0xFF000000)),
    "ARGB": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "ABGR": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "RGBA": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "BGRA": (32, (0xFF00, 0xFF0000, 0xFF000000, 0xFF)),
    "RGB of 10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
}


def bmps() -> Iterator[tuple[str, Make]]:
    for bits, (name, options) in product(
        (1, 4, 8), {"": {}, " top down": {"top_down": True}, " V4": {"header": 108}, " OS/2": {"header": 12}}.items()
    ):
        yield f"palette {bits}{name}", partial(bmp_of_a_palette, bits, **options)
    yield "palette 8 RLE", partial(bmp_of_a_palette, 8, compression=1)
    yield "palette 4 RLE", partial(bmp_of_a_palette, 4, compression=2)
    for bits, (name, options) in product((16, 24, 32), {"": {}, " top down": {"top_down": True}}.items()):
        yield f"{bits} bits{name}", partial(bmp_of_bits, bits, BMP_PLAIN[bits], False, **options)
    yield "24 bits OS/2", partial(bmp_of_bits, 24, BMP_PLAIN[24], False, header=12)
    for name, (bits, masks) in BIT_FIELDS.items():
        for header in (40, 108, 124):
            if header == 40 and len(masks) == 4:  # which has no room for them
                continue
            yield f"bit fields {name} {header}", partial(bmp_of_bits, bits, masks, True, header=header)


BMP_PLAIN = {16: (0x7C00, 0x3E0, 0x1F), 24: (0xFF0000, 0xFF00, 0xFF), 32: (0xFF0000, 0xFF00, 0xFF)}


def bmp_of_a_palette(bits: int, **options) -> File:
    numbers, palette = of_a_palette(bits)
    entries = palette[:, ::-1]
    if options.get("header") != 12:
        entries = np.concatenate([entries, np.zeros_like(entries[:, :1])], -1)
    data = bmp(numbers, bits, entries.tobytes(), **options)
    return File(data, "RLE4" if options.get("compression") == 2 else shown(palette[numbers] / 255))


def bmp_of_bits(bits: int, masks: tuple[int, ...], said: bool, **options) -> File:
    numbers, values = np.zeros((HIGH, WIDE), np.int64), []
    for mask, channel in zip(masks, np.moveaxis(layered(RGB, OPACITY), 2, 0), strict=False):
        depth, low = mask.bit_count(), (mask & -mask).bit_length() - 1
        number = np.rint(channel * (2**depth - 1)).astype(np.int64)
        numbers |= number << low
        values.append(number / (2**depth - 1))
    opacity = values[3] if len(masks) == 4 else None
    refusal = "shared out in a way" if said and (*masks, 0)[:4] not in bmp_files.KNOWN[bits] else None
    data = bmp(numbers, bits, masks=masks if said else (), **options)
    return File(data, refusal or shown(np.stack(values[:3], -1), opacity))


def tiffs() -> Iterator[tuple[str, Make]]:
    layouts = {
        "": {},
        " tiled": {"tile": 32},
        " big-endian": {"order": ">"},
    }
    apart = {" planar": {"planar": True}, " planar tiled": {"planar": True, "tile": 32}}
    for kind, bits in product(TIFF_KINDS, (8, 16)):
        for name, options in (layouts | ({} if TIFF_KINDS[kind][1].ndim == 2 else apart)).items():
            yield f"{kind} {bits} bits{name}", partial(tiff_of, kind, bits, **options)
    for bits, name in product((1, 2, 4, 12), ("grey", "white is zero")):
        for layout, options in layouts.items():
            yield f"{name} {bits} bits{layout}", partial(tiff_of, name, bits, **options)
    for bits, (layout, options) in product((1, 2, 4, 8), layouts.items()):
        yield f"palette {bits} bits{layout}", partial(tiff_of_a_palette, bits, **options)
    yield "palette whose map goes to 255", partial(tiff_of_a_palette, 8, most=255)
    yield "palette whose map is short", partial(tiff_of_a_palette, 8, short=True)
    for (name, values), (layout, options) in product({"grey": L, "RGB": RGB}.items(), (layouts | apart).items()):
        if "planar" in layout and name == "grey":
            continue
        refusal = None if name == "grey" else "of their own" if "planar" in layout else "(3 × 32 bits, floating-point"
        yield f"{name} float{layout}", partial(tiff_of_numbers, values.astype(np.float32), 3, refusal, **options)
    yield (
        "grey float from 0 to 255",
        partial(tiff_of_numbers, (L * 255).astype(np.float32), 3, refusal="divide them first"),
    )
    yield "grey double", partial(tiff_of_numbers, L, 3, "(1 × 64 bits")
    yield "grey half", partial(tiff_of_numbers, L.astype(np.float16), 3, "(1 × 16 bits")
    for bits, (name, values) in product((8, 16, 32), (("grey", L), ("RGB", RGB))):
        numbers = (values * 100).astype(f"i{bits // 8}")
        yield f"{name} signed {bits} bits", partial(tiff_of_numbers, numbers, 2, refusal="may be negative")
    for name, values in (("grey", L), ("RGB", RGB)):
        numbers = (values * 255).astype(np.uint32)
        yield f"{name} 32 bits", partial(tiff_of_numbers, numbers, 1, refusal="32 bits")
    for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma", "group3", "group4"):
        yield f"by Pillow, {how}", partial(tiff_by_pillow, how)
    for how, predictor, tile in product(("lzw", "deflate", "none"), ("none", "horizontal"), (False, True)):
        if how == "none" and predictor != "none":
            continue
        name = f"by libvips, {how}{' predicted' if predictor != 'none' else ''}{' tiled' if tile else ''}"
        for bits in (8, 16):
            yield f"{name} {bits} bits", partial(tiff_by_vips, bits, compression=how, predictor=predictor, tile=tile)
    yield "by libvips, BigTIFF", partial(tiff_by_vips, 8, bigtiff=True)
    yield "by libvips, jpeg", partial(tiff_by_vips, 8, LOSSY, compression="jpeg", Q=95)
    yield "by libvips, pyramid", partial(tiff_by_vips, 8, pyramid=True, tile=True, tile_width=32, tile_height=32)
    for name, values in product(PROFILES, (8, 16)):
        tags = {34675: (7, PROFILES[name])}
        yield f"RGB {values} bits in {name}", partial(tiff_of, "RGB", values, space=name, tags=tags)
    yield "grey 8 bits in gamma 2.2", partial(tiff_of, "grey", 8, space="grey 2.2", tags={34675: (7, GREY)})
    yield "RGB and opacity that is not said to be", partial(tiff_of, "RGB and opacity", 8, tags={338: None})
    yield "CMYK in a print profile", partial(printed, "TIFF")
    for o in UPRIGHT:
        tags = {274: (3, o)}
        yield f"RGB 8 bits orientation {o}", partial(tiff_of, "RGB", 8, upright=o, tags=tags)
        yield f"grey 16 bits orientation {o}", partial(tiff_of, "grey", 16, upright=o, tags=tags)
    yield "Lab 8 bits", lab
    yield "Lab 8 bits planar", partial(lab, "in planes of their own", planar=True)
    yield "YCbCr that is not compressed", partial(ycbcr, 1, "YCbCr that is not compressed")
    yield "compressed as WebP", partial(ycbcr, 50001, "compressed as WebP")
    yield "Lab float", lab_by_vips
    yield "pages", partial(animated, "TIFF")
    yield "a preview", lambda: File(tiff(levels(RGB, 8), 8, 2, tags={254: (4, 1)}), "small one of another")


INKS = np.concatenate([1 - RGB, np.full_like(L, 0.25)[..., None]], -1)
# Photometric, numbers, more tags, opacity
TIFF_KINDS: dict[str, tuple[int, np.ndarray, dict, np.ndarray | None]] = {
    "grey": (1, L, {}, None),
    "white is zero": (0, 1 - L, {}, None),
    "RGB": (2, RGB, {}, None),
    "RGB and opacity": (2, layered(RGB, OPACITY), {338: (3, 2)}, OPACITY),
    "RGB and premultiplied opacity": (2, layered(RGB * OPACITY[..., None], OPACITY), {338: (3, 1)}, OPACITY),
    "RGB and something": (2, layered(RGB, OPACITY), {338: (3, 0)}, None),
    "grey and opacity": (1, layered(L, OPACITY), {338: (3, 2)}, OPACITY),
    "CMYK": (5, INKS, {}, None),
}


PLANES_UNREAD = {
    "grey and opacity": "its opacity lies in a plane of its own",
    "RGB and premultiplied opacity": "its opacity lies in a plane of its own",
    "RGB and something": "(4 × 8 bits, whole numbers)",
}


NOT_KNOWN = {("grey and opacity", 16), ("white is zero", 12)}
NOT_KNOWN_BIG_ENDIAN = {("white is zero", 16), ("grey", 12)}


def tiff_of(kind: str, bits: int, space=None, upright=1, tags=None, **options) -> File:
    photometric, values, more, opacity = TIFF_KINDS[kind]
    refusal = None
    if options.get("planar"):
        refusal = "in planes of their own" if bits > 8 else PLANES_UNREAD.get(kind)
    elif (kind, bits) in NOT_KNOWN or (options.get("order") == ">" and (kind, bits) in NOT_KNOWN_BIG_ENDIAN):
        refusal = f"({1 + (opacity is not None)} × {bits} bits, whole numbers)"
    said = {tag: value for tag, value in (more | (tags or {})).items() if value}
    data = tiff(levels(values, bits), bits, photometric, tags=said, **options)
    colour = {"grey": L, "white is zero": L, "grey and opacity": L}.get(kind, RGB)
    if bits < 8:
        colour = rounded(colour, bits)
    if kind == "CMYK":
        colour = (1 - INKS[..., :3]) * (1 - INKS[..., 3:])
    off = 1.5 if photometric == 2 and 338 in more and bits == 16 else 1.0  # Pillow cuts 16 bits off at 8
    return File(data, refusal or UPRIGHT[upright](shown(colour, opacity, space)), off)


def tiff_of_a_palette(bits: int, short=False, most=65535, **options) -> File:
    numbers, palette = of_a_palette(bits)
    entries = palette.T.astype(int).reshape(-1) * (most // 255)
    if short:
        entries = entries[:300]
    data = tiff(numbers, bits, 3, tags={320: (3, *entries.tolist())}, **options)
    return File(data, "colour map is too short" if short else shown(palette[numbers] / 255))


def tiff_of_numbers(numbers: np.ndarray, kind: int, refusal: str | None = None, **options) -> File:
    channels = 1 if numbers.ndim == 2 else 3
    tags = {339: (3, *[kind] * channels)}
    data = tiff(numbers, numbers.dtype.itemsize * 8, 1 if channels == 1 else 2, tags=tags, **options)
    return File(data, refusal or shown(numbers.astype(float)))


def tiff_by_pillow(how: str) -> File:
    if how.startswith("group"):
        return File(encoded(image(L).convert("1", dither=0), "TIFF", compression=how), shown((L > 127.5 / 255) * 1.0))
    return File(encoded(image(RGB), "TIFF", compression=how), shown(RGB), LOSSY if how == "jpeg" else 1)


def tiff_by_vips(bits: int, off: float = 1.0, **options) -> File:
    written = pyvips.Image.new_from_array(levels(RGB, bits), interpretation="srgb" if bits == 8 else "rgb16")
    return File(written.tiffsave_buffer(**options), shown(RGB), off)


def lab(refusal: str | None = None, **options) -> File:
    """L from 0 to 255, a and b in two's complement."""
    numbers = np.rint(independent.to_lab(RGB) * (2.55, 1, 1)).astype(int) & 255
    return File(tiff(numbers.astype(np.uint8), 8, 8, **options), refusal or shown(RGB))


def ycbcr(compression: int, refusal: str) -> File:
    numbers = np.asarray(image(RGB).convert("YCbCr"))
    return File(tiff(numbers, 8, 6, tags={259: (3, compression)}), refusal)


def lab_by_vips() -> File:
    written = pyvips.Image.new_from_array(levels(RGB, 8), interpretation="srgb").colourspace("lab")
    return File(written.tiffsave_buffer(), "(3 × 32 bits, floating-point")


FORMATS: dict[str, Callable[[], Iterator[tuple[str, Make]]]] = {
    "JPEG": jpegs,
    "PNG": pngs,
    "WebP": webps,
    "AVIF": avifs,
    "HEIC": heics,
    "JPEG XL": jxls,
    "GIF": gifs,
    "BMP": bmps,
    "TIFF": tiffs,
}

CORPUS: dict[str, Make] = {f"{kind}, {name}": make for kind, files in FORMATS.items() for name, make in files()}


def differences(decoded: Image.Image, shows: np.ndarray) -> tuple[float, float]:
    """The mean difference of the colours, by their opacity, and the largest of that, in levels of 255."""
    ours = np.asarray(decoded.convert("RGBA"), float)
    assert ours.shape[:2] == shows.shape[:2], (ours.shape, shows.shape)
    theirs = shows if shows.shape[2] == 4 else np.concatenate([shows, np.full_like(shows[..., :1], 255)], -1)
    apart = np.abs(ours - theirs)
    return float(np.average(apart[..., :3].mean(-1), weights=theirs[..., 3])), float(apart[..., 3].max())


def read(file: File) -> Image.Image:
    return decode.decode(file.data, None, 25_000_000, "picture").picture


def table() -> str:
    """What is read and what is refused, in Markdown."""
    lines = [
        "| | read | exact | lossy | libvips | opacity | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in FORMATS:
        found: dict[str, list[float]] = defaultdict(list)
        for name in (name for name in CORPUS if name.startswith(f"{kind}, ")):
            file = CORPUS[name]()
            if isinstance(file.shows, str):
                found["refused"].append(1)
                continue
            picture = read(file)
            colours_, opacity = differences(picture, file.shows)
            found["read"].append(1)
            found["opacity"].append(opacity)
            found["exact" if file.off < LOSSY else "lossy"].append(colours_)
            if file.vips:
                found["vips"].append(independent.off(picture, independent.vips(file.data)))
        worst = (f"{max(found[what]):.2f}" if found[what] else "" for what in ("exact", "lossy", "vips", "opacity"))
        lines.append(f"| {kind} | {len(found['read'])} | {' | '.join(worst)} | {len(found['refused']) or ''} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
