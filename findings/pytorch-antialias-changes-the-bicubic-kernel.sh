#!/usr/bin/env bash
# PyTorch's bicubic interpolation enlarges with another kernel once antialias=True, though there is nothing to anti-alias.
#
# antialias matters where a picture is made smaller, one would think, and of bilinear interpolation that is so: twice as
# large, it is the same with and without. Of bicubic, the cubic's parameter is -0.75 without it and -0.5 with it: noise
# from 0 to 1 that is enlarged twice differs by over 0.05, and it is the latter that Pillow's BICUBIC makes, to 1e-6.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6 pillow==12.3.0

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
pillow = np.asarray(Image.fromarray(noise[0, 0].numpy()).resize((128, 128), Image.Resampling.BICUBIC))


def apart(mode):
    plain, smooth = (F.interpolate(noise, scale_factor=2.0, mode=mode, antialias=how) for how in (False, True))
    return plain[0, 0].numpy(), smooth[0, 0].numpy(), float((plain - smooth).abs().max())


_, _, linear = apart("bilinear")
plain, smooth, cubic = apart("bicubic")
from_pillow = [float(np.abs(each - pillow).max()) for each in (plain, smooth)]
print(f"twice as large, with antialias and without: bilinear {linear:.6f} apart, bicubic {cubic:.6f}")
print(f"bicubic from Pillow's: {from_pillow[0]:.6f} without, {from_pillow[1]:.6f} with")
expected = linear < 1e-5 and cubic > 0.05 and from_pillow[0] > 0.05 and from_pillow[1] < 1e-5
sys.exit(0 if expected else "this has changed")
PYTHON
