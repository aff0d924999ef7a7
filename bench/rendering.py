"""Renders of whatever build it is started in: for each line with a model's name, how many milliseconds one took.

``python bench/rendering.py WEIGHTS SIDE``, in the folder of the build: a file of its own, which knows neither.
"""

import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

sys.path[0] = "."  # the build's own packages


def main():
    """Load each model when it is first named, and render it once before it counts."""
    networks, dynamicnet = import_module("bench.networks"), import_module("dynamicnet")
    for allocator in ("server.allocator", "server.engine.allocator"):
        with suppress(ImportError):
            import_module(allocator).keep_freed_memory()
    weights, photo, ready = Path(sys.argv[1]), networks.photograph(int(sys.argv[2])), {}
    for line in sys.stdin:
        name = line.strip()
        if name not in ready:
            model = dynamicnet.Model.load(weights / name, "cpu")
            ready[name] = model, model.prepare(model.encode(dynamicnet.Inputs(image=photo)))
            model.render(ready[name][1], 0.5)
        model, prepared = ready[name]
        begun = time.perf_counter()
        model.render(prepared, 0.5)
        print((time.perf_counter() - begun) * 1000, flush=True)


if __name__ == "__main__":
    main()
