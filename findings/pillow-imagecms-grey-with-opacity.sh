#!/usr/bin/env bash
# Pillow's ImageCms takes grey with opacity for grey alone.
#
# An LA picture has four bytes a pixel in memory; ImageCms tells LittleCMS one. The transform of a grey profile is
# accepted, no error is raised, and the result is the first quarter of each row's bytes, read as if each were a pixel:
# levels of one pixel are repeated as others, and the opacity turns up among them as grey. The same levels as L are right.
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

WHITE = struct.pack(">3i", 63190, 65536, 54061)


def grey_profile():
    """Grey whose light is its level to the power of 2.2 (ICC.1:2010, version 2)."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + WHITE, b"kTRC": b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(2.2 * 256))}
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(">I4sI", 128 + len(table) + len(body), b"", 0x02100000) + b"mntrGRAYXYZ "
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + WHITE
    return header.ljust(128, b"\0") + table + body


levels, opacity = [40, 80, 120, 160, 200, 240, 20, 60], 201
grey = Image.new("L", (8, 1))
grey.putdata(levels)
both = grey.copy()
both.putalpha(Image.new("L", (8, 1), opacity))
profile, target = ImageCms.ImageCmsProfile(io.BytesIO(grey_profile())), ImageCms.createProfile("sRGB")
there = ImageCms.buildTransform(profile, target, "L", "RGB")
also = ImageCms.buildTransform(profile, target, "LA", "RGB")
right = list(there.apply(grey).getchannel("R").tobytes())
wrong = list(also.apply(both).getchannel("R").tobytes())
print(f"Pillow {PIL.__version__}, LittleCMS {features.version('littlecms2')}")
print(f"levels {levels}, all of opacity {opacity}")
print(f"  transformed as L:  {right}")
print(f"  transformed as LA: {wrong}")
near = all(abs(a - b) <= 8 for a, b in zip(right, levels))
garbled = wrong == [right[0]] * 3 + [wrong[3]] + [right[1]] * 3 + [wrong[3]] and abs(wrong[3] - opacity) <= 8
sys.exit(0 if near and garbled else "this has changed")
PYTHON
