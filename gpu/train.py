"""Recipes of weights/train.sh side by side, each for as long as there is: ``python -m gpu train``."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FIRST = ("painter",)  # starry-night starts from it
FIRST_SECONDS = 90

JOBS = {
    FIRST: 8,
    ("denoise-first", "denoise-19", "denoise-photos", "gaussian-noise"): 64,
    ("mend-photos",): 64,
    ("faces-first", "painted-faces"): 64,
    ("drawn-heads",): 64,
    ("starry-night", "starry-brush", "starry-scream", "three-paintings", "starry-sliders"): 8,
    ("the-scream-first", "the-scream"): 8,
    ("great-wave-first", "great-wave"): 8,
    ("stained-glass",): 8,
}
"""Pictures a step, by recipes that need one another, in this order: a GPU is no slower with so many than with the few
that are for two cores. What gains most comes first.
"""

COMMANDS = {
    "starry-night": 5,
    "starry-sliders": 0,
    "the-scream": 5,
    "great-wave": 9,
    "stained-glass": 4,
    "drawn-heads": 4,
    "painted-faces": 0,
    "denoise-photos": 5,
    "gaussian-noise": 3,
}
"""How many trainings share a recipe's hours, where it is not one."""

BEFORE = {
    "drawn-heads": 700,
    "painted-faces": 700,
    "denoise-first": 80,
    "denoise-19": 80,
    "denoise-photos": 480,
    "gaussian-noise": 240,
}
"""Seconds of a recipe that are no training."""

STARTING = 20  # seconds until a training has loaded what it needs, which its hours do not count
LARGEST = 14 * 2**20  # bytes of a file that is brought back
QUICK = "--batch 2 --hours 0.001 --crop 64 --device cpu"  # a rehearsal, of style models alone

SHIM = """#!/bin/sh
exec "{python}" {more} "$@"
"""


def stage(folder: Path, pack: Path) -> None:
    """What train.sh expects where it is run: its data, the command line, and models to start from."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "weights", folder / "weights")
    (folder / "data").symlink_to(pack)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, more in (("python", ""), ("dynamic-net", "-m dynamicnet")):
        program = programs / name
        program.write_text(SHIM.format(python=sys.executable, more=more))
        program.chmod(0o755)


def begin(folder: Path, job: tuple[str, ...], seconds: float, *, quick: bool) -> subprocess.Popen:
    """Begin a job, which has so many seconds."""
    trainings = sum(COMMANDS.get(name, 1) for name in job)
    before = sum(BEFORE.get(name, 0) for name in job)
    hours = max(1e-3, ((seconds - before) / trainings - STARTING) / 3600)
    options = QUICK if quick else f"--batch {JOBS[job]} --hours {hours:.4f}"
    print(f"{' '.join(job)}: {options}", flush=True)
    with (folder / f"{job[0]}.log").open("w") as log:
        return subprocess.Popen(
            ["bash", "weights/train.sh", *job, "--", *options.split()],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "2"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def results(folder: Path, names: list[str], since: float) -> Iterator[Path]:
    """Packages that are new, whole or as a run that was stopped left them; curves, logs and the last sample sheets."""
    for name in names:
        finished = folder / "weights" / name
        left = [finished, *(folder / "runs").glob(f"{name}*/{name}")]
        for package in left:
            if (package / "model.json").exists() and (package / "model.json").stat().st_mtime > since:
                yield from sorted(package.iterdir())
                break
        yield from sorted((folder / "runs").glob(f"{name}*/*.csv"))
        for run in (folder / "runs").glob(f"{name}*"):
            titles = {sheet.name.rpartition("-")[0] for sheet in run.glob("*.jpg")}
            yield from (max(run.glob(f"{title}-*.jpg")) for title in sorted(titles))
    yield from sorted(folder.glob("*.log"))


def packed(files: Iterator[Path], root: Path, out: Path) -> None:
    """Put files into archives, as few as may be that are not too large."""
    for old in out.glob("trained-*.tar"):
        old.unlink()
    number = size = 0
    for file in files:
        if number == 0 or size + file.stat().st_size > LARGEST:
            number, size = number + 1, 0
        size += file.stat().st_size
        with tarfile.open(out / f"trained-{number}.tar", "a") as archive:
            archive.add(file, file.relative_to(root))


def turn(folder: Path, jobs: list[tuple[str, ...]], seconds: float, *, quick: bool) -> int:
    """Run jobs side by side for so many seconds; an exit status."""
    status = 0
    stop = time.monotonic() + seconds
    running = {job: begin(folder, job, seconds, quick=quick) for job in jobs}
    for process in running.values():
        try:
            process.wait(max(0.1, stop - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)  # it saves, and leaves the package as it stands
    for job, process in running.items():
        try:
            ended = process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            ended = process.wait()
        *_, last = ["", *(folder / f"{job[0]}.log").read_text(errors="replace").strip().splitlines()]
        print(f"{' '.join(job)}: {'done' if ended == 0 else f'status {ended}'}: {last}", flush=True)
        status = status or ended
    return status


def main() -> int:
    """Train, and leave archives; the exit status says whether all ended as they should."""
    parser = argparse.ArgumentParser(prog="python -m gpu.train")
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--names", nargs="*", default=(), help="recipes, all unless told otherwise")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    since, folder = time.time(), ROOT / "runs" / "gpu-stage"
    stage(folder, given.pack)
    jobs = [job for job in JOBS if job != FIRST and (not given.names or set(job) & set(given.names))]
    slots = max(1, min(len(jobs), os.cpu_count() or 1))
    rounds = -(-len(jobs) // slots)
    status = turn(folder, [FIRST], FIRST_SECONDS, quick=given.quick)
    for number in range(rounds):
        share = (end - time.monotonic()) / (rounds - number)
        status = turn(folder, jobs[number * slots : (number + 1) * slots], share, quick=given.quick) or status
    packed(results(folder, [name for job in jobs for name in job], since), folder, given.out)
    return 1 if status else 0


if __name__ == "__main__":
    raise SystemExit(main())
