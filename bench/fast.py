"""Prints what a render gains by bfloat16, compiling, and threads that sleep: ``python -m bench.fast``. It compiles.

Each contender is a process of its own, and they take turns. CPU time of one thread is what other work on the machine
changes least; how threads wait shows by the clock alone.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from bench import networks
from dynamicnet import DynamicNet, Inputs
from dynamicnet.method.blocks import strength
from dynamicnet.precision import autocast
from server.engine.allocator import keep_freed_memory
from server.settings import Settings

SIDES = (512, 128)
ROUNDS = 9
ONE = {"OMP_NUM_THREADS": "1"}
CONTENDERS: Mapping[str, tuple[str, dict[str, str]]] = {
    "one thread, CPU time: float32, eager": ("float32", ONE),
    "one thread, CPU time: float32, compiled": ("compiled", ONE),
    "one thread, CPU time: as shipped, bfloat16 where there are units": ("shipped", ONE),
    "all threads, as shipped: those that wait sleep": ("shipped", {}),
    "all threads, as shipped: those that wait spin, PyTorch's default": ("shipped", {"GOMP_SPINCOUNT": "300000"}),
}


class Rendering(nn.Module):
    """What a render computes where every bank of tuning-blocks of one axis is at work, for the compiler to read."""

    def __init__(self, net: DynamicNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, seen: dict, residuals: dict, alpha: Tensor) -> Tensor:
        """The same as ``DynamicNet.render``, of what ``prepare`` returns and α of one number."""
        axis = next(iter(self.net.axes.values()))
        names = list(self.net.network.stages)
        for name in names[names.index(self.net.first_point) :]:
            first = name == self.net.first_point
            z = z if first else self.net.network.run(name, z, seen.get(name))
            if name in axis.spec.blocks:
                psi = [residuals[axis.spec.id, s] if first else axis.block(s, name)(z) for s in axis.spec.signs]
                z = z + sum(strength(alpha, s) * p for s, p in zip(axis.spec.signs, psi, strict=True))
        return z


def renders(kind: str) -> dict[int, Callable[[], Tensor]]:
    """A render of the first shipped model of one axis that goes one way, by side, ready and checked against eager."""
    keep_freed_memory()
    model = next(m for m in networks.shipped(Settings().weights) if len(m.manifest.axes) == 1)
    ready = {}
    for side in SIDES:
        prepared = model.prepare(model.encode(Inputs(image=networks.photograph(side)))).prepared
        ready[side] = lambda prepared=prepared: model.net.render(prepared, 0.5)
        if kind == "shipped":
            ready[side] = autocast(model.device)(ready[side])
        if kind == "compiled":
            compiled = torch.compile(Rendering(model.net), dynamic=False, fullgraph=True)
            given = (prepared.z, prepared.seen, prepared.residuals, torch.tensor([0.5]))
            expected = ready[side]()
            ready[side] = lambda compiled=compiled, given=given: compiled(*given)
            if (ready[side]() - expected).abs().max() > 0.01:
                raise RuntimeError("what was compiled is not the render")
    return ready


@torch.inference_mode()
def work(kind: str) -> None:
    """Be a contender: for each line with a side, print the milliseconds of three renders, by the clock and of CPU."""
    begun = time.perf_counter()
    ready = renders(kind)
    print(time.perf_counter() - begun, flush=True)
    for line in sys.stdin:
        render = ready[int(line)]
        render()
        clock, cpu = time.perf_counter(), time.thread_time()
        for _ in range(3):
            render()
        print((time.perf_counter() - clock) / 3e-3, (time.thread_time() - cpu) / 3e-3, flush=True)


def main() -> None:
    """Start the contenders, let them take turns, and print the table."""
    load = os.getloadavg()[0]
    workers = {
        name: subprocess.Popen(
            [sys.executable, "-m", "bench.fast", kind],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, (kind, environment) in CONTENDERS.items()
    }
    getting_ready = {name: float(worker.stdout.readline()) for name, worker in workers.items()}
    seen: dict[tuple[str, int], list[float]] = {(name, side): [] for name in workers for side in SIDES}
    for _ in range(ROUNDS):
        for name, side in seen:
            worker = workers[name]
            worker.stdin.write(f"{side}\n")
            worker.stdin.flush()
            clock, cpu = map(float, worker.stdout.readline().split())
            seen[name, side].append(cpu if CONTENDERS[name][1] == ONE else clock)
    title = f"ms a render, medians; load {load:.1f} at the start"
    table = Table("", *(f"{side}×{side}" for side in SIDES), "s to get ready", title=title)
    for name, worker in workers.items():
        worker.stdin.close()
        worker.wait(30)
        table.add_row(name, *(f"{median(seen[name, side]):.1f}" for side in SIDES), f"{getting_ready[name]:.0f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    work(sys.argv[1]) if sys.argv[1:] else main()
