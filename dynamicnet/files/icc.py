"""ICC profiles that follow from a few numbers: primaries, a white point and a curve (ICC.1:2010, version 2)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

D65 = (0.3127, 0.3290)
D50 = (0.9642, 1.0, 0.8249)
"""White of the space that profiles connect through, as XYZ."""

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


class Primaries(NamedTuple):
    """Chromaticities (x, y) of red, green, blue and white."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = D65


BT709 = Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))


def srgb_curve(steps: int = 1024) -> Array:
    """From equally spaced numbers to light, both in [0, 1], as IEC 61966-2-1 has it."""
    value = np.linspace(0, 1, steps)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def bt709_curve(steps: int = 1024) -> Array:
    """The same for the camera curve of BT.709 and BT.2020, turned around."""
    value = np.linspace(0, 1, steps)
    return np.where(value < 0.081, value / 4.5, ((value + 0.099) / 1.099) ** (1 / 0.45))


def profile(primaries: Primaries, curve: float | Array, name: str) -> bytes:
    """An RGB profile.

    Args:
        primaries: of the space; none of them on one line, and white inside.
        curve: an exponent, or (N,) light in [0, 1] of equally spaced numbers.
        name: what programs show.

    Raises:
        ValueError: primaries that span no space.
    """
    columns = _to_d50(primaries)
    blocks = {tag: _xyz(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)}
    blocks[b"wtpt"] = _xyz(D50)
    trc = _curve(curve)
    return _assemble(b"RGB ", blocks | {b"rTRC": trc, b"gTRC": trc, b"bTRC": trc}, name)


def grey_profile(curve: float | Array, name: str) -> bytes:
    """A grey profile; ``curve`` as in :func:`profile`."""
    return _assemble(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": _curve(curve)}, name)


def _to_d50(primaries: Primaries) -> Array:
    """Linear RGB to XYZ of D50, (3, 3): adapted as Bradford does."""
    corners = np.array([_to_xyz(corner) for corner in primaries[:3]]).T
    white = np.array(_to_xyz(primaries.white))
    if abs(np.linalg.det(corners)) < 1e-6:
        raise ValueError("primaries on one line")
    scale = np.linalg.solve(corners, white)
    if not (np.abs(corners * scale) < 4).all():  # of sound ones, all are below 1.1
        raise ValueError("primaries that span no space")
    cones = (BRADFORD @ np.array(D50)) / (BRADFORD @ white)
    return np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD @ corners * scale  # type: ignore[no-any-return]


def _to_xyz(corner: Sequence[float]) -> tuple[float, float, float]:
    x, y = corner
    if not y > 0:
        raise ValueError("no chromaticity")
    return x / y, 1.0, (1 - x - y) / y


def _xyz(values: Sequence[float] | Array) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _curve(curve: float | Array) -> bytes:
    if isinstance(curve, int | float):
        if not 0.1 <= curve <= 10:  # an exponent that nobody means; above 255 there is no room for it either
            raise ValueError("no exponent")
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(curve * 256))
    numbers = np.rint(np.clip(curve, 0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(numbers)) + numbers.tobytes()


def _text(name: str) -> tuple[bytes, bytes]:
    """What programs show, and the copyright that a profile has to have."""
    shown = name.encode("ascii") + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(shown)) + shown + b"\0" * (4 + 4 + 2 + 1 + 67)
    return described, b"text\0\0\0\0CC0\0"


def _assemble(space: bytes, tags: dict[bytes, bytes], name: str) -> bytes:
    described, copyright_ = _text(name)
    tags = {b"desc": described, b"cprt": copyright_} | tags
    at = 128 + 4 + 12 * len(tags)
    table, body, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for tag, data in tags.items():
        if data not in places:  # the three curves are one
            places[data] = at + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += tag + struct.pack(">II", places[data], len(data))
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02100000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 24 + struct.pack(">I", 1)
    header += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + table + body


SRGB = profile(BT709, srgb_curve(32), "sRGB")
"""Small, for it goes with every picture: with a curve of 32 steps LittleCMS already finds nothing to change in sRGB."""
