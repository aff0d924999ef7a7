"""Prints where a render's time goes, by operator, at 512×512: ``python -m bench.operators``."""

from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from bench import networks
from dynamicnet import Inputs
from server.allocator import keep_freed_memory
from server.settings import Settings

ROUNDS = 10
SHOWN = 9


def main() -> None:
    """Profile the first shipped model and print the largest shares."""
    keep_freed_memory()
    model = networks.shipped(Settings().weights)[0]
    prepared = model.prepare(model.encode(Inputs(image=networks.photograph(512))))
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


if __name__ == "__main__":
    main()
