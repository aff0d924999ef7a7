"""Prints what the server and a render take on the device in use: ``python -m bench.device FILE``, a file of JSON.

Frames are timed by a client, from α to the JPEG. In the same table, the paper's network, in the same server. Then what
a render is made of, and what it would gain by what is not built in.
"""

import argparse
import asyncio
import io
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from bench import networks, service
from bench.fast import Rendering
from dynamicnet import AxisSpec, DynamicNet, Inputs, Model, package, pictures
from dynamicnet.model import pick_device
from dynamicnet.networks import NETWORKS
from dynamicnet.networks.layers import Norm
from server.settings import Settings, read_settings

PAPER = "paper"
TARGETS = {(512, 512): 5.0, (1920, 1080): 16.0}  # ms, median of frames
SESSIONS = {1: "", 16: "", 64: "target 30 each"}
CLIENTS = 8  # processes


class Report:
    """A table, and the same as JSON, written as it grows: a run that is cut off leaves what it has."""

    def __init__(self, file: Path, title: str) -> None:
        self.file, self.rows = file, {"device": title}
        self.table = Table(title, "", "")

    def add(self, name: str, value: object, note: str = "") -> None:
        """One row."""
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        self.rows[name] = value
        self.table.add_row(name, shown, note)
        self.file.write_text(json.dumps(self.rows, indent=1))
        print(f"{name}: {shown} {note}", flush=True)


def photograph(width: int, height: int) -> bytes:
    """A sample photograph of that size, JPEG."""
    with Image.open(io.BytesIO(networks.photograph(1024))) as sample:
        return pictures.write(sample.resize((width, height)), "jpeg", 92)


def models_to_serve(folder: Path) -> list[str]:
    """The first shipped style model, and the paper's network, whose time weights don't change."""
    first = networks.shipped(Settings().weights)[0]
    shutil.copytree(first.folder, folder / first.id)
    network = NETWORKS["johnson"]()
    axis = AxisSpec(id="strength", title="Strength", ends=("faint", "strong"), blocks=network.default_points)
    manifest = package.Manifest(
        title="The paper's network",
        application="style",
        network=package.NetworkSpec(name="johnson"),
        axes=[axis],
        training=package.Training(commands=[], data=""),
        licence="Apache-2.0",
    )
    package.write(folder / PAPER, manifest, DynamicNet(network, [axis]))
    return [first.id, PAPER]


def served(report: Report, folder: Path, sizes: list[tuple[int, int]], rounds: int, seconds: float, most: int) -> None:
    """Frames of one session one by one, then of sessions that slide together."""
    names = models_to_serve(folder)
    port = service.free_port()
    ws = f"ws://127.0.0.1:{port}/ws"
    environment = {"DYNAMICNET_PORT": str(port), "DYNAMICNET_WEIGHTS": str(folder)}
    environment |= {"DYNAMICNET_MAX_SESSIONS_PER_ADDRESS": "256", "DYNAMICNET_MAX_WAITING": "256"}
    with service.running(["server"], port, **environment):
        for name in names:
            for size in sizes:
                photo = photograph(*size)
                asyncio.run(service.exact_frames(ws, name, photo, rounds // 4, lambda: None))
                seen = asyncio.run(service.exact_frames(ws, name, photo, rounds, lambda: None))
                what = f"{name} {size[0]}×{size[1]}"
                target = f"target {TARGETS[size]:g}" if size in TARGETS and name != PAPER else ""
                report.add(f"{what}, α to JPEG, p50 ms", median(total for total, _ in seen), target)
                report.add(f"{what}, of it render", median(render for _, render in seen))
        photo = photograph(*sizes[0])
        for name in names:
            for sessions in SESSIONS:
                if sessions <= most:
                    slide(report, ws, name, photo, sessions, seconds)


def slide(report: Report, ws: str, name: str, photo: bytes, sessions: int, seconds: float) -> None:
    """So many sessions, of clients in processes of their own."""
    clients = min(sessions, CLIENTS)
    each = sessions // clients
    with ProcessPoolExecutor(clients, multiprocessing.get_context("spawn")) as pool:
        work = [pool.submit(_drags, ws, name, photo, each, seconds) for _ in range(clients)]
        drags = [drag for future in work for drag in future.result()]
    frames, longest = service.steady(drags, seconds / 4)
    headers = [header for drag in drags for header in drag.headers]
    what = f"{name}, {sessions} sessions"
    report.add(f"{what}, frames/s each", frames / sessions, SESSIONS[sessions])
    full = max(header["width"] for header in headers)
    report.add(f"{what}, share at full size", sum(header["width"] == full for header in headers) / len(headers))
    for step in ("render", "encode"):
        report.add(f"{what}, median {step} ms", median(header["timings"][step] for header in headers))
    report.add(f"{what}, longest wait over mean", longest)


def _drags(ws: str, name: str, photo: bytes, sessions: int, seconds: float) -> list[service.Drag]:
    return asyncio.run(service.drag_together(ws, name, photo, sessions, seconds, service.RATE))


def made_of(report: Report, device: torch.device, size: tuple[int, int], rounds: int) -> None:
    """What a render is made of, and what it would be otherwise, in this process."""
    one_way = next(m for m in networks.shipped(Settings().weights) if [a.range[0] for a in m.manifest.axes] == [0])
    model = Model.load(one_way.folder, str(device))
    encoded = model.encode(Inputs(image=photograph(*size)))
    took = partial(median_ms, device, rounds)
    what = f"in process {size[0]}×{size[1]}"
    report.add(f"{what}: prepare ms", took(lambda: model.prepare(encoded)))
    kept = model.prepare(encoded)
    report.add(f"{what}: render to picture ms", took(lambda: model.render(kept, 0.5)))
    picture = model.render(kept, 0.5)
    report.add(f"{what}: JPEG by Pillow, quality 80, ms", took(lambda: pictures.write(picture, "jpeg", 80)))
    for name, render in ways(model, encoded):
        try:
            report.add(f"{what}: {name} ms", took(render))
        except Exception as error:  # an idea that does not work here is a finding as well
            report.add(f"{what}: {name} ms", f"{type(error).__name__}: {str(error).splitlines()[0][:80]}")


def ways(model: Model, encoded: object) -> Iterator[tuple[str, Callable[[], object]]]:
    """From what was prepared to a tensor on the device, several ways; then out of it."""
    device, batch = model.device, pictures.in_units(encoded.batch.to(model.device))

    def rendering(precision: torch.dtype | None, layout: torch.memory_format, count: int = 1) -> Callable[[], Tensor]:
        net = package.load(model.folder).net.to(device, memory_format=layout)
        with torch.inference_mode():
            prepared = net.prepare(batch.to(memory_format=layout))

        @torch.inference_mode()
        def render() -> Tensor:
            with torch.autocast(device.type, precision or torch.bfloat16, enabled=precision is not None):
                return torch.cat(net.render_together([(prepared, 0.5)] * count))

        return render

    def captured(precision: torch.dtype, layout: torch.memory_format, count: int = 1) -> Callable[[], None]:
        """The same as a CUDA graph, with α on the device already."""
        net = package.load(model.folder).net.to(device, memory_format=layout)
        with torch.inference_mode():
            prepared = net.prepare(batch.to(memory_format=layout))
            z, seen, residuals = (
                {key: t.repeat(count, 1, 1, 1).contiguous(memory_format=layout) for key, t in tensors.items()}
                for tensors in ({"z": prepared.z}, prepared.seen, prepared.residuals)
            )
        whole, alpha = Rendering(net), torch.full((count, 1, 1, 1), 0.5, device=device)

        @torch.inference_mode()
        def render() -> Tensor:
            with torch.autocast(device.type, precision):
                return whole(z["z"], seen, residuals, alpha)

        return graph(render)

    last, first = torch.channels_last, torch.contiguous_format
    yield "tensor alone, bfloat16, channels last", rendering(torch.bfloat16, last)
    yield "tensor alone, bfloat16, channels first", rendering(torch.bfloat16, first)
    yield "tensor alone, float16, channels last", rendering(torch.float16, last)
    yield "tensor alone, float16, channels first", rendering(torch.float16, first)
    yield "tensor alone, float32, channels last", rendering(None, last)
    yield "tensor alone, batch of 8, bfloat16, channels last", rendering(torch.bfloat16, last, 8)
    yield "tensor alone, batch of 8, bfloat16, channels first", rendering(torch.bfloat16, first, 8)
    if encoded.size[0] * encoded.size[1] < 2**19:
        yield "tensor alone, batch of 32, bfloat16, channels last", rendering(torch.bfloat16, last, 32)
        yield "tensor alone, batch of 32, bfloat16, channels first", rendering(torch.bfloat16, first, 32)
    usual = Norm.forward
    for name, norm in (("norm by moments", by_moments), ("norm by moments, in bfloat16", in_half)):
        Norm.forward = norm
        for layout, where in ((last, "last"), (first, "first")):
            yield f"tensor alone, {name}, channels {where}", rendering(torch.bfloat16, layout)
            if device.type == "cuda":
                yield f"graph, {name}, channels {where}", captured(torch.bfloat16, layout)
    Norm.forward = usual
    if device.type == "cuda":
        for layout, where in ((last, "last"), (first, "first")):
            yield f"graph, bfloat16, channels {where}", captured(torch.bfloat16, layout)
            yield f"graph, float16, channels {where}", captured(torch.float16, layout)
            yield f"graph, batch of 8, bfloat16, channels {where}", captured(torch.bfloat16, layout, 8)
        out = rendering(torch.bfloat16, last)().clone()
        yield "to_picture of a tensor", lambda: pictures.to_picture(out)
        levels = out[0].float().clamp(0, 1).mul(255).round().byte()
        pinned = torch.empty_like(levels, device="cpu").pin_memory()
        yield "levels to the host", lambda: levels.cpu()
        yield "levels to the host, pinned", lambda: pinned.copy_(levels)
        yield "picture to the device", lambda: encoded.batch.to(device)
        yield "picture to the device, pinned", lambda: encoded.batch.pin_memory().to(device, non_blocking=True)
        from torchvision.io import encode_jpeg

        yield "nvJPEG by torchvision, quality 80", lambda: encode_jpeg(levels, 80).cpu()


def graph(render: Callable[[], Tensor]) -> Callable[[], None]:
    """A render captured as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            render()
    torch.cuda.current_stream().wait_stream(side)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        render()
    return captured.replay


def by_moments(norm: Norm, x: Tensor) -> Tensor:
    """Instance norm in whatever layout its input has, in float32."""
    return in_half(norm, x.float())


def in_half(norm: Norm, x: Tensor) -> Tensor:
    """The same, in the precision of its input but for the moments."""
    if norm.num_groups != norm.num_channels:
        return F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    scale = norm.weight[:, None, None] * torch.rsqrt(variance.float() + norm.eps)
    shift = norm.bias[:, None, None] - mean.float() * scale
    return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))


def median_ms(device: torch.device, rounds: int, work: Callable[[], object]) -> float:
    """Median milliseconds, by the clock, until the device has done it."""
    taken = []
    for turn in range(rounds + 3):
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if turn >= 3:
            taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.device")
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true", help="a rehearsal: sizes that measure nothing")
    given = parser.parse_args()
    device = pick_device(read_settings().device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    report = Report(given.file, f"{name}, PyTorch {torch.__version__}")
    sizes = [(96, 96), (96, 54)] if given.quick else list(TARGETS)
    try:
        with TemporaryDirectory() as folder:
            served(report, Path(folder), sizes, *((4, 2.0, 1) if given.quick else (60, 8.0, 64)))
        for size in sizes:
            made_of(report, device, size, 1 if given.quick else 30)
    finally:
        Console(width=110).print(report.table)


if __name__ == "__main__":
    main()
