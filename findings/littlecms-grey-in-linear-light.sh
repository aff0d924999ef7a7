#!/usr/bin/env bash
# LittleCMS halves the shadows of 8-bit grey in linear light, unless it is told not to optimise.
#
# By default it turns a transform of 8 bits into a table that it samples coarsely along the input's numbers. For a grey
# profile of gamma 1, as raw scans have, sRGB's curve is steep where two of those samples lie: level 1 comes out as 6
# where it is 12.7, and the error is 9 of 255 there. With NOOPTIMIZE it is right to a level. RGB of the same curve,
# which goes another way (a matrix between curves), is right by default too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==13.0.0

"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import PIL
from PIL import Image, ImageCms, features

D50 = struct.pack(">3i", 63190, 65536, 54061)
BT709_AT_D50 = {b"rXYZ": (28578, 14579, 912), b"gXYZ": (25240, 46981, 6364), b"bXYZ": (9375, 3976, 46782)}


def profile(space):
    """Grey or RGB whose numbers are light (ICC.1:2010, version 2)."""
    curve = b"curv" + bytes(8)  # of no entries: the identity
    tags = {b"wtpt": b"XYZ \0\0\0\0" + D50}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name: b"XYZ \0\0\0\0" + struct.pack(">3i", *values) for name, values in BT709_AT_D50.items()}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(">I4sI", 128 + len(table) + len(body), b"", 0x02100000) + b"mntr" + space + b"XYZ "
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + D50
    return ImageCms.ImageCmsProfile(io.BytesIO(header.ljust(128, b"\0") + table + body))


def encoded(light):
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def worst(picture, space, flags):
    transform = ImageCms.buildTransform(profile(space), ImageCms.createProfile("sRGB"), picture.mode, "RGB", flags=flags)
    made = transform.apply(picture).getchannel("R").tobytes()
    return max(abs(made[level] - encoded(level / 255)) for level in range(256)), list(made[:6])


grey = Image.frombytes("L", (256, 1), bytes(range(256)))
colour = Image.merge("RGB", [grey] * 3)
print(f"Pillow {PIL.__version__}, LittleCMS {features.version('littlecms2')}")
print(f"levels 0 to 5 of light in sRGB: {[round(encoded(level / 255), 1) for level in range(6)]}")
seen = {}
for name, picture, space, flags in (
    ("grey", grey, b"GRAY", ImageCms.Flags.NONE),
    ("grey, not optimised", grey, b"GRAY", ImageCms.Flags.NOOPTIMIZE),
    ("RGB", colour, b"RGB ", ImageCms.Flags.NONE),
):
    seen[name], first = worst(picture, space, flags)
    print(f"  {name}: {first}, off by {seen[name]:.1f} at most")
sys.exit(0 if seen["grey"] > 5 and seen["grey, not optimised"] <= 1 and seen["RGB"] <= 1.5 else "this has changed")
PYTHON
