#!/usr/bin/env bash
# OpenVINO's CPU divides whole numbers in float32: of large int32 divided by 32768, one in 770 is one too many.
#
# Divide of i32 by i32 gives i32, and is described as truncating. What it gives is the rounded float32 of the number, divided:
# 2147483647 // 32768 is 65535, and comes out as 65536. Shifts written as divisions, as hashes and position noise in exported
# graphs are, come out wrong. i64 is computed as i32, and likewise. Products, sums and bitwise operators are exact, so that
# masking the bits that are shifted out before dividing leaves few enough for float32.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet openvino==2026.4.1 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import openvino
from openvino import opset13 as ops

numbers = np.append(np.random.default_rng(0).integers(0, 2**31, 20_000), 2**31 - 1)


def quotients(kind, mask):
    given = ops.parameter([-1], kind)
    masked = ops.bitwise_and(given, ops.constant(np.array(mask, kind)))
    model = openvino.Model([ops.divide(masked, ops.constant(np.array(2**15, kind)))], [given])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(numbers.astype(kind))[0].astype(np.int64)


exact = numbers >> 15
print(f"openvino {openvino.__version__}: quotients that are wrong")
wrong = {}
for kind in (np.int32, np.int64):
    for what, mask in (("whole", 0x7FFFFFFF), ("masked", 0x7FFF8000)):
        wrong[kind, what] = (quotients(kind, mask) - exact != 0).sum()
        print(f"  {kind.__name__}, {what}: {wrong[kind, what]} of {len(numbers)}")
expected = all((count > 0) == (what == "whole") for (_, what), count in wrong.items())
sys.exit(0 if expected else "this has changed")
PYTHON
