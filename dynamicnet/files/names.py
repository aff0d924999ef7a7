"""What a file is that we do not read, by how it begins."""

import re

READABLE = "JPEG, PNG, WebP, AVIF, HEIC, JPEG XL, GIF, BMP or TIFF"
"""What people are told to send."""

_BRANDS = {
    b"crx ": "a raw photograph of a Canon camera (CR3)",
    b"avif": "an AVIF file",
    b"avis": "an AVIF file",
    b"heic": "a HEIC file",
    b"heix": "a HEIC file",
    b"heim": "a HEIC file",
    b"heis": "a HEIC file",
    b"hevc": "a HEIC file",
    b"hevx": "a HEIC file",
    b"hevm": "a HEIC file",
    b"hevs": "a HEIC file",
    b"mif1": "a HEIF file",
    b"msf1": "a HEIF file",
    b"M4A ": "a sound",
    b"M4B ": "a sound",
}  # of files in boxes (ISO 14496-12), most of which are films

_BEGINS = {
    b"\x89PNG\r\n\x1a\n": "a PNG file",
    b"\xff\xd8\xff": "a JPEG file",
    b"GIF8": "a GIF file",
    b"BM": "a BMP file",
    b"II*\0\x10\0\0\0CR": "a raw photograph of a Canon camera (CR2)",
    b"II*\0": "a TIFF file",
    b"MM\0*": "a TIFF file",
    b"II+\0": "a BigTIFF file",
    b"MM\0+": "a BigTIFF file",
    b"\xff\x0a": "a JPEG XL file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file",
    b"FUJIFILMCCD-RAW": "a raw photograph of a Fujifilm camera (RAF)",
    b"IIRO": "a raw photograph of an Olympus camera (ORF)",
    b"IIU\0": "a raw photograph of a Panasonic camera (RW2)",
    b"FOVb": "a raw photograph of a Sigma camera (X3F)",
    b"v/1\x01": "an OpenEXR file",
    b"#?RADIANCE": "a Radiance picture (HDR)",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"DDS ": "a DDS texture",
    b"qoif": "a QOI file",
    b"\0\0\x01\0": "an icon",
    b"\x1aE\xdf\xa3": "a film",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
}

_READABLE = {
    "an AVIF file",
    *(f"a {kind} file" for kind in ("JPEG", "PNG", "WebP", "HEIC", "HEIF", "JPEG XL", "GIF", "BMP", "TIFF", "BigTIFF")),
}

_DRAWING = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg\b", re.DOTALL)


def name(data: bytes) -> str | None:
    """Its kind with an article, "a PDF document"; None for what is none that we know."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a film")
    if data[:4] == b"RIFF":
        return "a WebP file" if data[8:12] == b"WEBP" else "a film or a sound"
    if _DRAWING.match(data[:2000].removeprefix(b"\xef\xbb\xbf")):
        return "an SVG drawing"
    return next((kind for begins, kind in _BEGINS.items() if data.startswith(begins)), None)


def is_readable(data: bytes) -> bool:
    """Whether it begins as a file of a kind that we read."""
    return name(data) in _READABLE
