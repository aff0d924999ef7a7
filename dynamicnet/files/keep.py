"""What a file says about its picture that may be kept: who took it, when and with what. Where, only by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from PIL import ExifTags, Image

BASE = ExifTags.Base
TAGS = (BASE.Copyright, BASE.Artist, BASE.DateTime, BASE.Make, BASE.Model)
DATES = (BASE.DateTimeOriginal, BASE.OffsetTimeOriginal)
LONGEST = 1000
"""Characters of a text, bytes of what is said of a place; nobody's name is longer."""

Choice = Literal["none", "keep", "keep,gps"]
"""What is to be kept of it all: where a picture was taken, only by name."""


@dataclass(frozen=True)
class Metadata:
    """What may be kept of a file.

    Attributes:
        texts: of the main part of its EXIF, by tag. dates: of its Exif part. gps: of its GPS part.
        dpi: pixels an inch, across and down.
    """

    texts: Mapping[int, str] = field(default_factory=dict)
    dates: Mapping[int, str] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None

    def chosen(self, choice: Choice) -> "Metadata":
        """What is to be kept of it."""
        if choice == "none":
            return Metadata()
        return self if choice == "keep,gps" else replace(self, gps={})

    def exif(self) -> Image.Exif:
        """As EXIF, its orientation always upright, for that is what the pixels are."""
        exif = Image.Exif()
        exif.update({tag: text.encode("latin-1", "replace") for tag, text in self.texts.items()})  # as Pillow reads it
        if self.dpi:
            exif.update({BASE.XResolution: self.dpi[0], BASE.YResolution: self.dpi[1], BASE.ResolutionUnit: 2})
        if self.dates:
            exif.get_ifd(ExifTags.IFD.Exif).update(self.dates)
        if self.gps:
            exif.get_ifd(ExifTags.IFD.GPSInfo).update(self.gps)
        return exif


def read(picture: Image.Image, *, sideways: bool) -> Metadata:
    """What may be kept of an opened picture, which may lie on its side; what cannot be read is not there."""
    try:
        exif = picture.getexif()
        return Metadata(
            _texts(exif, TAGS),
            _texts(exif.get_ifd(ExifTags.IFD.Exif), DATES),
            _place(exif.get_ifd(ExifTags.IFD.GPSInfo)),
            _dpi(picture, exif, sideways),
        )
    except Exception:  # EXIF fails in whatever way it happens to
        return Metadata()


def _texts(tags: Mapping[int, Any], wanted: tuple[int, ...]) -> dict[int, str]:
    found = {int(tag): tags.get(tag) for tag in wanted}
    return {tag: value[:LONGEST] for tag, value in found.items() if isinstance(value, str) and value.strip("\0 ")}


def _place(tags: Mapping[int, Any]) -> dict[int, Any]:
    """What is short and can be written again."""
    found: dict[int, Any] = {}
    for tag in ExifTags.GPS:
        if tag in tags:
            alone = Metadata(gps={int(tag): tags[tag]})
            try:
                if len(alone.exif().tobytes()) < LONGEST:
                    found |= alone.gps
            except Exception:  # whatever it happens to fail with
                continue
    return found


def _dpi(picture: Image.Image, exif: Image.Exif, sideways: bool) -> tuple[float, float] | None:
    given = picture.info.get("dpi")
    if picture.format in ("JPEG", "MPO") and picture.info.get("jfif_unit") not in (1, 2):
        given = None  # what Pillow has there is EXIF's across, for both
    if given is None and exif.get(BASE.ResolutionUnit) in (2, 3):
        inch = 2.54 if exif[BASE.ResolutionUnit] == 3 else 1.0
        given = exif.get(BASE.XResolution, 0) * inch, exif.get(BASE.YResolution, 0) * inch
    if given is None:
        return None
    across, down = (round(float(value), 2) for value in (given[::-1] if sideways else given))
    return (across, down) if 1 < across < 2**16 and 1 < down < 2**16 else None  # JPEG has 16 bits for each
