"""The two style networks side by side: time for each change of α, eager float32, batch 1.

The baseline is the paper's network with everything recomputed for each α, as the authors' demo does.

    .venv/bin/python bench/networks.py
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from rich.console import Console
from rich.table import Table

from dynamicnet import AxisSpec, DynamicNet
from dynamicnet.networks import NETWORKS

SIDES = (256, 512, 1024)
ROUNDS = 7


def dynamic_net(name: str) -> DynamicNet:
    """A network of random weights with one axis: weights don't change the time it takes."""
    network = NETWORKS[name]()
    spec = AxisSpec(id="strength", title="Strength", ends=("faint", "strong"), blocks=network.default_points)
    return DynamicNet(network, [spec]).eval().requires_grad_(False)


def seconds(work: Callable[[], object]) -> float:
    """The shortest of a few rounds after one to warm up."""
    work()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    paper, lean = dynamic_net("johnson"), dynamic_net("lean")
    table = Table("each change of α", *(f"{side}×{side}" for side in SIDES))
    rows: dict[str, list[float]] = {}
    for side in SIDES:
        picture = torch.rand(1, 3, side, side)
        rows.setdefault("paper's network, everything", []).append(seconds(partial(paper, picture, 0.5)))
        for name, net in (("paper's network", paper), ("lean network", lean)):
            rows.setdefault(f"{name}, render only", []).append(seconds(partial(net.render, net.prepare(picture), 0.5)))
    baseline = next(iter(rows.values()))
    for name, times in rows.items():
        table.add_row(name, *(f"{t * 1000:.0f} ms ({b / t:.1f}×)" for t, b in zip(times, baseline, strict=True)))
    Console().print(table)
    for name, net in (("paper's", paper), ("lean", lean)):
        print(f"{name}: {sum(p.numel() for p in net.parameters()) / 1e6:.2f} million parameters")


if __name__ == "__main__":
    main()
