"""Prints where a render's time goes, by operator, and its floor, at 512×512: ``python -m bench.operators``.

On one thread; the floor in CPU time, which other work on the machine changes least.
"""

import time

import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from bench import networks
from bench.timing import alternate
from dynamicnet import Inputs
from server.engine.allocator import keep_freed_memory
from server.settings import Settings

ROUNDS = 10
SHOWN = 9


def main() -> None:
    """Profile the first shipped model, print the largest shares, and what matrix products take."""
    torch.set_num_threads(1)
    keep_freed_memory()
    model, photo = networks.shipped(Settings().weights)[0], networks.photograph(512)
    prepared = model.prepare(model.encode(Inputs(image=photo)))
    model.render(prepared, 0.5)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for turn in range(ROUNDS):
            model.render(prepared, turn / ROUNDS)
    operators = sorted(profiled.key_averages(), key=lambda each: -each.self_cpu_time_total)
    total = sum(each.self_cpu_time_total for each in operators)
    table = Table("operator", "ms a render", "share", title=f"{model.id}, render of 512×512")
    for each in operators[:SHOWN]:
        taken = each.self_cpu_time_total
        table.add_row(each.key, f"{taken / 1000 / ROUNDS:.1f}", f"{taken / total:.0%}")
    Console().print(table)

    amount, products = networks.floor(model, photo)
    rates = Table(f"{amount:.1f} G multiply-adds", "ms", "G a second")
    contenders = {"render": lambda: model.render(prepared, 0.5), **products}
    for name, taken in alternate(contenders, ROUNDS, time.thread_time).items():
        rates.add_row(name, f"{taken:.1f}", f"{amount / taken * 1000:.0f}")
    Console().print(rates)


if __name__ == "__main__":
    main()
