"""Large photographs: seconds and memory of this build beside the last one that held them as floats, a process each."""

import argparse
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from PIL import Image

from bench.build import unpacked
from bench.service import free_port, running

COMMIT = "a4285cd"
SHAPE = 3 / 2
EVERY = 0.05  # seconds between two looks at the memory

ALONE = """
import sys, threading, time
from pathlib import Path
from dynamicnet import Inputs, Model, pictures
photo, detail, model, sample, out = sys.argv[1:]
model = Model.load(Path(model), "cpu")
def paint(file, **fields):
    inputs = Inputs(image=Path(file).read_bytes(), **fields)
    return pictures.write(model.render(model.prepare(model.encode(inputs)), {model.manifest.axes[0].id: 0.8}))
paint(sample, max_side=256)
print("ready", flush=True)
input()
made = paint(photo, **({"detail": int(detail)} if int(detail) else {}))
print("done", flush=True)
input()
Path(out).write_bytes(made)
"""
"""The library: says when it is ready, waits for a line, paints, says so and waits again."""


def photograph(folder: Path, megapixels: int, grain: int = 6) -> Path:
    """A sample photograph enlarged, with grain, so that it compresses as a camera's own do."""
    width = round((megapixels * 1e6 * SHAPE) ** 0.5)
    size = width, round(width / SHAPE)
    sample = Path(__file__).parents[1] / "static" / "samples" / "coffee.jpg"
    with Image.open(sample) as opened:
        picture = opened.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    noise = Image.effect_noise((1024, 1024), 2 * grain)
    for top in range(0, size[1], 1024):
        for left in range(0, size[0], 1024):
            box = (left, top, min(left + 1024, size[0]), min(top + 1024, size[1]))
            some = np.asarray(noise.crop((0, 0, box[2] - left, box[3] - top)), np.int16)[..., None] - 128
            part = np.asarray(picture.crop(box), np.int16) + some
            picture.paste(Image.fromarray(np.clip(part, 0, 255).astype(np.uint8)), box[:2])
    file = folder / f"{megapixels}.jpg"
    picture.save(file, "JPEG", quality=92)
    return file


def all_of(root: int) -> list[int]:
    """A process and all that it has started."""
    found, left = [], [root]
    while left:
        found.append(left.pop())
        for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            left += map(int, _read(task).split())
    return found


def held(root: int) -> float:
    """Megabytes of a process and of all that it has started; what several share counts once."""
    proportional = (line for one in all_of(root) for line in _read(Path(f"/proc/{one}/smaps_rollup")).splitlines())
    return sum(int(line.split()[1]) for line in proportional if line.startswith("Pss:")) / 1024


def worked(root: int) -> float:
    """Seconds of CPU that they have taken."""
    times = (_read(Path(f"/proc/{one}/stat")).rpartition(")")[2].split()[11:13] for one in all_of(root))
    return sum(int(ticks) for pair in times for ticks in pair) / os.sysconf("SC_CLK_TCK")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it has ended
        return ""


class Watch:
    """What a process and all that it starts take while something runs.

    Attributes:
        megabytes: the most that they held, above what they held before.
        seconds: by the clock. worked: of CPU.
    """

    def __init__(self, process: int) -> None:
        self.megabytes = self.worked = 0.0
        self._held, self._worked, self.seconds = held(process), worked(process), time.perf_counter()
        self._process, self._over = process, threading.Event()
        self._watching = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            self._look()

    def _look(self) -> None:
        self.megabytes = max(self.megabytes, held(self._process) - self._held)
        self.worked = max(self.worked, worked(self._process) - self._worked)

    def __enter__(self) -> "Watch":
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.seconds
        self._over.set()
        self._watching.join()
        self._look()


Row = tuple[Watch, bytes]
"""What it took, and the picture."""


def by_library(build: Path, photo: Path, detail: int, model: str) -> Row:
    """In a process of its own, on one thread."""
    sample = build / "static" / "samples" / "coffee.jpg"
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        given = [str(photo), str(detail), str(build / "weights" / model), str(sample), str(out)]
        process = _started(["-c", ALONE, *given], build)
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        with Watch(process.pid) as watch:
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
        process.communicate("\n")
        return watch, out.read_bytes()


def by_command(build: Path, photo: Path, detail: int, model: str) -> Row:
    """The command line, from its start to its end."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        options = ["--model", model, "--alpha", "0.8", *(["--detail", str(detail)] if detail else []), "-o", str(out)]
        process = _started(["-m", "dynamicnet", "infer", str(photo), *options], build, OMP_NUM_THREADS="")
        with Watch(process.pid) as watch:
            process.wait()
        return watch, out.read_bytes()


def by_post(build: Path, photo: Path, detail: int, model: str) -> Row:
    """A POST to a warm server."""
    port = free_port()
    limits = {"DYNAMICNET_MAX_PIXELS": "120000000", "DYNAMICNET_MAX_UPLOAD_BYTES": "100000000"}
    with running(["server"], port, build, DYNAMICNET_PORT=str(port), PYTHONPATH=str(build), **limits) as process:
        sample = (build / "static" / "samples" / "coffee.jpg").read_bytes()
        fields = {"model": model, "alpha": "0.8", "format": "png"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=900) as client:
            client.post("/infer", files={"image": sample}, data=fields).raise_for_status()
            fields |= {"detail": str(detail)} if detail else {}
            with Watch(process.pid) as watch:
                reply = client.post("/infer", files={"image": photo.read_bytes()}, data=fields).raise_for_status()
            return watch, reply.content


WAYS = {"library": by_library, "command": by_command, "POST": by_post}


def _started(arguments: list[str], build: Path, **environment: str) -> subprocess.Popen[str]:
    threads = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(build)} | environment
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=build,
        env={name: value for name, value in (os.environ | threads).items() if value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def builds(*, alone: bool) -> Iterator[dict[str, Path]]:
    """Folders of this build, and of the one before unless it is left out."""
    now = {"now": Path(__file__).parents[1]}
    if alone:
        yield now
        return
    with unpacked(COMMIT) as folder:
        yield {"before": folder} | now


def apart(one: bytes, other: bytes) -> str:
    """The largest difference of two pictures, and the share of numbers that differ by more than a level."""
    pixels = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (one, other)]
    counts = np.zeros(256, np.int64)
    for first, second in zip(*(np.array_split(each, 64) for each in pixels), strict=True):
        counts += np.bincount(np.abs(first.astype(np.int16) - second).ravel(), minlength=256)
    return f"{np.flatnonzero(counts)[-1]} of 255; {counts[2:].sum() / counts.sum():.4%} by more than 1"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser("python -m bench.large", description=__doc__)
    parser.add_argument("--model", default="starry-night")
    parser.add_argument("--megapixels", type=int, default=24)
    parser.add_argument("--detail", type=int, default=0, help="longer side that is worked at; as shipped for 0")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of %(default)s")
    parser.add_argument("--alone", action="store_true", help="without the build before")
    asked = parser.parse_args()
    print(f"| {asked.megapixels} megapixels, {asked.model} | s | CPU s | MB above what was held |\n|---|---|---|---|")
    with TemporaryDirectory() as folder, builds(alone=asked.alone) as sides:
        photo = photograph(Path(folder), asked.megapixels)
        for way in asked.ways.split(","):
            made = []
            for name, build in sides.items():
                watch, picture = WAYS[way](build, photo, asked.detail, asked.model)
                made.append(picture)
                took = f"{watch.seconds:.1f} | {watch.worked:.1f} | {watch.megabytes:.0f}"
                print(f"| {way}, {name} | {took} |", flush=True)
            if len(made) > 1:
                print(f"| {way}: apart by {apart(*made)} | | | |", flush=True)


if __name__ == "__main__":
    main()
