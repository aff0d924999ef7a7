"""Takes noise out of a megapixel beside what else does: ``python -m bench.denoisers``.

From pixels to pixels, all on the CPU, with the threads that each takes by itself; bm3d once, as it takes minutes. It
needs the extras ``bm3d``, which is free for non-commercial use alone, and ``compare``.
"""

import argparse
import io
import os
import time

import cv2
import numpy as np
import torch
from bm3d import bm3d_rgb
from PIL import Image
from rich.console import Console
from rich.table import Table

from bench import networks
from bench.timing import alternate
from dynamicnet import Inputs, Model, pictures
from dynamicnet.applications.restoration.measure import levels_of
from server.engine.allocator import keep_freed_memory
from server.settings import Settings

SIDE = 1024
NOISE = 25


def main() -> None:
    """Time all, and say how far each is from the picture without noise."""
    argparse.ArgumentParser(prog="python -m bench.denoisers", description=__doc__).parse_args()
    keep_freed_memory()  # as the server does
    clean = np.asarray(Image.open(io.BytesIO(networks.photograph(SIDE))))
    white = np.random.default_rng(0).normal(0, NOISE, clean.shape)
    noisy = (clean + white).clip(0, 255).round().astype(np.uint8)
    model = Model.load(Settings().weights / "denoise-photos", "cpu")
    axis = model.manifest.axes[0]
    encoded = model.encode(Inputs(image=pictures.write(Image.fromarray(noisy))))
    alpha = {axis.id: levels_of(model.manifest).alpha(NOISE)}
    ways = {
        "bm3d": lambda: (bm3d_rgb(noisy / 255, NOISE / 255) * 255).clip(0, 255).round(),
        "OpenCV, fastNlMeansDenoisingColored": lambda: cv2.fastNlMeansDenoisingColored(noisy, None, NOISE, NOISE),
        f"{model.id}, prepare and render": lambda: np.asarray(model.render(model.prepare(encoded), alpha)),
    }
    slow, *fast = ways
    begun = time.perf_counter()
    made = {slow: ways[slow]()}
    times = {slow: (time.perf_counter() - begun) * 1000} | alternate({name: ways[name] for name in fast}, 5)
    made |= {name: ways[name]() for name in fast}
    load = os.getloadavg()[0]
    title = f"{SIDE}×{SIDE}, noise {NOISE}, {torch.get_num_threads()} threads, load {load:.1f}"
    table = Table("", "ms", "times as fast", "PSNR", title=title)
    for name, ms in times.items():
        error = np.square(made[name] - clean.astype(np.float64)).mean()
        table.add_row(name, f"{ms:.0f}", f"{times[slow] / ms:.1f}×", f"{10 * np.log10(255**2 / error):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
