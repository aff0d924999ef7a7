"""Memory of a process that renders ever more shapes: ``python -m bench.shapes``, a minute and a half."""

import os
import random
import time
from pathlib import Path

import torch

from bench.networks import photograph, shipped
from dynamicnet import Inputs
from server.engine.allocator import bound_compiled_operators, keep_freed_memory
from server.settings import Settings

SECONDS = 90.0
SIDES = (48, 56, 64, 72, 96, 112, 128)


def resident_megabytes() -> float:
    """Memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> None:
    """Render batches of any number, and print how many shapes there were and what is held."""
    torch.set_num_threads(1)
    keep_freed_memory()
    bound_compiled_operators()
    models, photo, draw = shipped(Settings().weights)[:3], photograph(512), random.Random(0)
    prepared = {
        (model.id, side): model.prepare(model.encode(Inputs(image=photo, max_side=side)))
        for model in models
        for side in SIDES
    }
    seen: set[tuple[str, int, int]] = set()
    begun = said = time.monotonic()
    while time.monotonic() < begun + SECONDS:
        model, side = draw.choice(models), draw.choice(SIDES)
        batch = min(int(draw.expovariate(0.15)) + 1, model.together((side, side)))
        model.render_together([(prepared[model.id, side], draw.random())] * batch)
        seen.add((model.id, side, batch))
        if time.monotonic() > said + 10:
            said = time.monotonic()
            print(f"{len(seen)} shapes, {resident_megabytes():.0f} MB", flush=True)


if __name__ == "__main__":
    main()
