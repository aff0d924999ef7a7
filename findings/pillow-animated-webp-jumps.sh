#!/usr/bin/env bash
# Pillow's animated WebP shows a slow fade in jumps, and parts that never change flicker.
#
# Lossy frames of libwebp's animation encoder leave out what changed by a few levels since the frame before, and frames
# in which all did so are dropped, their time added to the one before. By default Pillow has a frame made whole every
# third to fifth time, and what was left out comes at once: of forty frames that move by 0.5 to 0.7 levels each, about
# half are left, and every fourth step is ten times the others. Parts that are the same in all frames change at those,
# too. With kmin=0 and kmax=1 every frame is whole, and steps are even; with kmax=0 only the first is.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==12.3.0

"$folder/venv/bin/python" - <<'PYTHON'
import io
import random
import sys
from itertools import pairwise
from statistics import median

import PIL
from PIL import Image, ImageChops, ImageSequence, ImageStat, features

draw = random.Random(0)
one = Image.frombytes("RGB", (64, 48), draw.randbytes(64 * 48 * 3)).resize((256, 192), Image.Resampling.BICUBIC)
other = one.transpose(Image.Transpose.ROTATE_180)
fade = [Image.blend(one, other, i / 119) for i in range(40)]
for frame in fade:
    frame.paste(one.crop((0, 0, 64, 192)))
MOVING, STILL = (80, 0, 256, 192), (0, 0, 56, 192)


def steps(frames, part):
    return [
        sum(ImageStat.Stat(ImageChops.difference(a.crop(part), b.crop(part))).mean) / 3 for a, b in pairwise(frames)
    ]


print(f"Pillow {PIL.__version__}, libwebp {features.version('webp')}")
print(f"steps of the fade: {min(steps(fade, MOVING)):.2f} to {max(steps(fade, MOVING)):.2f} levels, mean over a part")
seen = {}
for name, how in (("default", {}), ("kmin=0, kmax=1", {"kmin": 0, "kmax": 1}), ("kmin=0, kmax=0", {"kmin": 0, "kmax": 0})):
    file = io.BytesIO()
    fade[0].save(file, "WEBP", save_all=True, append_images=fade[1:], duration=50, quality=80, **how)
    with Image.open(file) as opened:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(opened)]
    moves, still = steps(shown, MOVING), max(steps(shown, STILL))
    seen[name] = len(shown), max(moves) / median(moves), still
    print(f"  {name}: {len(shown)} frames, steps of {median(moves):.2f} in the median and {max(moves):.2f} at most;", end=" ")
    print(f"what never changed does by up to {still:.2f}")
jumps = seen["default"][0] < 30 and seen["default"][1] > 5 and seen["default"][2] > 1
even = seen["kmin=0, kmax=1"][1] < 1.5 and seen["kmin=0, kmax=0"][2] == 0
sys.exit(0 if jumps and even else "this has changed")
PYTHON
