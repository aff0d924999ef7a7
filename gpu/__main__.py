"""One piece of it: ``python3 -m gpu tests|soak|bench|train``, with nothing but PyTorch installed (docs/gpu.md)."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTEST = ("-m", "pytest", "-q", "-s", "-ra", "--tb=short", "--durations=10", "-p", "no:cacheprovider")
TESTS = ("tests", "--ignore-glob=tests/test_page_*", "--ignore-glob=tests/test_co[lr]*", "--dist=loadfile")
"""All but those that need a browser or libvips."""
AFTER = 15  # seconds that something has to end in once it was asked to


def installed(wheels: Path, site: Path) -> None:
    """Unpack wheels into a folder, once; whatever else Python has stays as it is."""
    found = sorted(map(str, wheels.glob("*.whl")))
    if found and not site.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(site), *found], check=True)


def run(log: Path, seconds: float, environment: dict[str, str], *command: str) -> int:
    """Run Python until it ends or time is up, when it is asked to stop; what it prints is shown, and kept in a file."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    orders = [
        threading.Timer(seconds, os.killpg, (process.pid, signal.SIGINT)),
        threading.Timer(seconds + AFTER, os.killpg, (process.pid, signal.SIGKILL)),
    ]
    for order in orders:
        order.start()
    with log.open("w") as file:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            file.write(line)
            file.flush()
    status = process.wait()
    for order in orders:
        order.cancel()
    return status


def main() -> int:
    """Run a piece; the exit status is that of what it ran."""
    parser = argparse.ArgumentParser(prog="python -m gpu")
    parser.add_argument("piece", choices=("tests", "soak", "bench", "train"))
    parser.add_argument("--pack", type=Path, default=Path("pack"), help="what `make gpu-pack` wrote")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="results go here: few files, no folders")
    parser.add_argument("--minutes", type=float, default=9.0, help="the piece ends by then")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="a rehearsal: sizes that measure nothing")
    parser.add_argument(
        "--more", type=shlex.split, default="", help="tests: options of pytest; train: names of recipes"
    )
    given = parser.parse_args()
    begun = time.monotonic()
    pack, out = given.pack.resolve(), given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    installed(pack / "wheels", pack / "site")
    left = 60 * given.minutes - AFTER - (time.monotonic() - begun)
    paths = [str(pack / "site"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "DYNAMICNET_DEVICE": given.device,  # of servers and tests; trainings take CUDA where there is one
        "SOAK_MINUTES": f"{left / 60 - 0.7:.2f}",  # it makes what it compares with first
    }
    quick = ["--quick"] if given.quick else []
    workers = f"--numprocesses={max(1, min(8, (os.cpu_count() or 2) // 2))}"
    commands = {
        "tests": [*PYTEST, *(given.more or [*TESTS, workers])],
        "soak": [*PYTEST, "-m", "slow", "tests/test_soak.py"],
        "bench": ["-m", "bench.device", str(out / "bench.json"), *quick],
        "train": ["-m", "gpu.train", str(pack), str(out), str(left - AFTER), *quick, "--names", *given.more],
    }
    return run(out / f"{given.piece}.txt", left, environment, *commands[given.piece])


if __name__ == "__main__":
    raise SystemExit(main())
