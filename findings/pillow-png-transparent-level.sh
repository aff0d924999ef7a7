#!/usr/bin/env bash
# Pillow compares the transparent colour of a PNG (tRNS) with samples of another depth.
#
# The chunk says the colour at the depth of the file; Pillow brings samples of 2 and 4 bits up to 8, and those of 16-bit
# RGB down to 8, and leaves the colour as it was. So convert("RGBA") finds no such pixel, and nothing is said: what every
# other decoder shows transparent is opaque. Samples of 8 bits are fine. libpng's rules, by libvips, stand beside it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==13.0.0 numpy==2.4.6 pyvips==3.2.0 pyvips-binary==8.18.7

"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys
import zlib

import numpy as np
import PIL
import pyvips
from PIL import Image


def part(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(bits, colour_type, row, transparent):
    """32×32 pixels: the transparent colour and another, taking turns along each row."""
    header = struct.pack(">IIBBBBB", 32, 32, bits, colour_type, 0, 0, 0)
    parts = {b"IHDR": header, b"tRNS": transparent, b"IDAT": zlib.compress((b"\0" + row) * 32), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(part(*one) for one in parts.items())


files = {
    "grey of 8 bits": png(8, 0, bytes([90, 160] * 16), struct.pack(">H", 90)),
    "grey of 4 bits": png(4, 0, bytes([0x5A] * 16), struct.pack(">H", 5)),
    "grey of 2 bits": png(2, 0, bytes([0b01100110] * 8), struct.pack(">H", 1)),
    "RGB of 16 bits": png(16, 2, struct.pack(">6H", *range(9000, 9006)) * 16, struct.pack(">3H", 9000, 9001, 9002)),
}
expected = {
    "grey of 8 bits": ([0, 255], [0, 255]),
    "grey of 4 bits": ([255, 255], [0, 255]),
    "grey of 2 bits": ([255, 255], [0, 255]),
    "RGB of 16 bits": ([255, 255], [0, 255]),
}
print(f"Pillow {PIL.__version__}, libvips {'.'.join(str(pyvips.version(i)) for i in range(3))}")
print("opacity of the first two pixels, the first of which is transparent:")
seen = {}
for name, data in files.items():
    pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[0, :2, 3].tolist()
    other = pyvips.Image.new_from_buffer(data, "").numpy()
    vips = [int(value) >> (8 if other.dtype == np.uint16 else 0) for value in other[0, :2, -1]]
    seen[name] = pillow, vips
    print(f"  {name}: Pillow {pillow}, libvips {vips}")
sys.exit(0 if seen == expected else "this has changed")
PYTHON
