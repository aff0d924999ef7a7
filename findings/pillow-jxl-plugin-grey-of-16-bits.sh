#!/usr/bin/env bash
# pillow-jxl-plugin writes grey of 16 bits as if its numbers were light.
#
# The same grey, saved as L and as I;16, goes into the file with its numbers kept, and with another meaning: as sRGB at
# 8 bits, as linear light at 16. Read back by Pillow alone the numbers are the same, so a round trip looks fine; in
# whatever minds colours, the one of 16 bits is far brighter: a middle grey of 128 is shown as 188.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==13.0.0 pillow-jxl-plugin==1.3.8 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy as np
import pillow_jxl  # noqa: F401
from PIL import Image, ImageCms

print(f"Pillow {version('pillow')}, pillow-jxl-plugin {version('pillow-jxl-plugin')}")
seen = {}
for bits in (8, 16):
    grey = np.full((32, 32), 128 if bits == 8 else 128 * 257, np.uint8 if bits == 8 else np.uint16)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JXL", lossless=True)
    with Image.open(file) as opened:
        number = int(np.asarray(opened)[0, 0])
        profile = ImageCms.ImageCmsProfile(io.BytesIO(opened.info["icc_profile"]))
    said = ImageCms.getProfileDescription(profile).strip()
    there = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "L", "RGB")
    shown = there.apply(Image.new("L", (1, 1), 128)).getpixel((0, 0))[0]
    seen[bits] = number, said, shown
    print(f"  {bits} bits: number {number} of {2**bits - 1}, profile {said}, shown as {shown} of 255")
sys.exit(0 if seen == {8: (128, "Gra_D65_Rel_SRG", 128), 16: (32896, "Gra_D65_Rel_Lin", 188)} else "this has changed")
PYTHON
