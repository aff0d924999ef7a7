#!/usr/bin/env bash
# PyTorch imports its distributed tensors, its compiler and SymPy when the first operation asks for a shape alone.
#
# Meta tensors have no data, and a tensor subclass with __torch_dispatch__ says itself what an operation does: either is
# how one finds out, for next to nothing, what a network would compute. But the first relu of four numbers on the meta
# device imports over 500 modules, among them torch._dynamo, torch.distributed.tensor and sympy; the first on a subclass,
# whatever its method does, the latter two. That is one to two seconds of a core and some 70 MB of a process that will
# neither compile nor distribute. The shapes of views, casts and empty tensors come without.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6

try() { # a line of Python; prints which of the three it has imported, and whether there were over 500 modules
    "$folder/venv/bin/python" - "$1" <<'PYTHON'
import resource
import sys
import time

import torch


class Subclass(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return args[0]


made = {"torch": torch, "on_meta": torch.empty(4, device="meta")}
made["of_subclass"] = torch.Tensor._make_wrapper_subclass(Subclass, (4,))
before, begun, memory = len(sys.modules), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
exec(sys.argv[1], made)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
more = len(sys.modules) - before
print(f"{sys.argv[1]}: {more} modules, {time.process_time() - begun:.1f} s, {grown:.0f} MB", file=sys.stderr)
names = [name for name in ("torch._dynamo", "torch.distributed.tensor", "sympy") if name in sys.modules]
print(*names, "many" if more > 500 else "few")
PYTHON
}

expect() {
    local found
    found=$(try "$1")
    [ "$found" = "$2" ] || { echo "this has changed: '$1' gives '$found'" >&2; exit 1; }
}

expect "torch.relu(on_meta)" "torch._dynamo torch.distributed.tensor sympy many"
expect "torch.relu(of_subclass)" "torch.distributed.tensor sympy many"
expect "on_meta[:2].to(torch.float64)" "few"
expect "torch.relu(torch.zeros(4))" "few"
