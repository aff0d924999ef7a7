"""Training steps beside those of the build before training was made quicker: ``python -m bench.training DATA``.

DATA is a folder with content/ (photographs), faces/ (as KaoKore's), styles/wave.jpg and perceptual/ (encoders). Both
builds train the same networks, objectives, batches and sizes by the settings of the shipped models,
and take turns.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.build import unpacked

COMMIT = "2a00c98"
WARM = 3  # steps
PICTURES = 64  # few, so that all are decoded before, as they are after the first hundreds of steps
PACED = Path(__file__).with_name("paced.py")

RECIPES = {
    "style": (
        "--content {data}/content --style {data}/styles/wave.jpg --axis strength --weight 0.3,2 --batch 2 --norm "
        "--network lean --path-steps {steps}",
        (1500, 1200, 3600),
    ),
    "generation": (
        "--data {data}/faces --from male-[nw]* --to female-n* --axis-id gender --axis-title Gender --ends male,female "
        "--channels 256,160,112,64,32",
        (8000, 2000),
    ),
    "completion": ("--images {data}/content --squares 64 --energy 1", (2000, 1500)),
}
"""What is trained, as great-wave, painted-faces and mend-photos were, and the steps of each of its phases."""

NEEDED = ("content", "faces", "styles/wave.jpg", "perceptual/vgg19_distilled_16x.safetensors")


class Build:
    """A training in a process of its own, which makes steps when it is told to."""

    def __init__(self, root: Path, kind: str, options: list[str], folder: Path, pictures: int, threads: int) -> None:
        where = ["--out", str(folder / "model"), "--run", str(folder / "run"), "--title", kind, "--device", "cpu"]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(PACED), str(pictures), kind, *options, *where],
            cwd=root,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self, what: str) -> str:
        """The rest of the next line that begins with a word."""
        for line in self.process.stdout:
            if line.startswith(f"{what} "):
                return line.removeprefix(f"{what} ").strip()
        raise SystemExit(f"A training ended with status {self.process.wait()}.")

    def go(self, steps: int) -> None:
        """Have it make so many steps."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()

    def seconds(self, steps: int) -> list[float]:
        """What so many steps took, each, by the clock and of both cores together."""
        self.go(steps)
        return [float(took) / steps for took in self.told("took").split()]


def phases(
    kind: str, data: Path, old: Path, rounds: int, each: int, threads: int
) -> list[tuple[str, list[list[list[float]]]]]:
    """What a step of both builds takes, round by round, of every phase of a recipe by its title."""
    text, shares = RECIPES[kind]
    steps = WARM + rounds * each + 1
    options = f"{text} --encoder {data / NEEDED[3]} --main-steps {{steps}} --axis-steps {{steps}}"
    options = options.format(data=data, steps=steps).split()
    measured = []
    with ExitStack() as ends:
        builds = []
        for root in (old, Path.cwd()):
            folder = Path(ends.enter_context(TemporaryDirectory()))
            builds.append(Build(root, kind, options, folder, PICTURES, threads))
            ends.callback(builds[-1].process.kill)
        for _ in shares:
            title, _ = (build.told("phase") for build in builds)
            for build in builds:
                build.seconds(WARM)
            measured.append((title, [[build.seconds(each) for build in builds] for _ in range(rounds)]))
            for build in builds:
                build.go(1)
    return measured


def ratio(pairs: list[list[list[float]]], clock: int) -> float:
    """How many times as fast this build is, by one of the clocks."""
    return median(before[clock] / here[clock] for before, here in pairs)


def total(phases: list[list[list[list[float]]]], steps: tuple[int, ...], clock: int) -> float:
    """The same for so many steps of each phase."""
    here = [share * median(here[clock] for _, here in pairs) for pairs, share in zip(phases, steps, strict=True)]
    before = [seconds * ratio(pairs, clock) for pairs, seconds in zip(phases, here, strict=True)]
    return sum(before) / sum(here)


def main() -> None:
    """Measure, and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.training")
    parser.add_argument("data", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--each", type=int, default=4, help="steps in a turn")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    missing = [name for name in NEEDED if not (given.data / name).exists()]
    if missing:
        parser.error(f"'{given.data}' lacks {', '.join(missing)}: photographs, faces, a painting or the encoder")
    waiting = os.environ.get("OMP_WAIT_POLICY", "each build's own")
    with unpacked(COMMIT) as old:
        for kind in given.kinds:
            table = Table(f"threads: {given.threads}", f"build {COMMIT}", "this build", "times as fast", "in CPU time")
            table.title = f"steps/s, those that wait: {waiting}; load {os.getloadavg()[0]:.1f} at the start"
            taken = phases(kind, given.data.resolve(), old, given.rounds, given.each, given.threads)
            for title, pairs in taken:
                rates = (f"{1 / median(seconds[0] for seconds in build):.2f}" for build in zip(*pairs, strict=True))
                table.add_row(f"{kind}: {title}", *rates, *(f"{ratio(pairs, clock):.2f}×" for clock in (0, 1)))
            totals = (f"{total([pairs for _, pairs in taken], RECIPES[kind][1], clock):.2f}×" for clock in (0, 1))
            table.add_row(f"{kind}: all steps of the shipped model", "", "", *totals)
            Console(width=100).print(table)


if __name__ == "__main__":
    main()
