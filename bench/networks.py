"""What is timed in this process: the paper's network, ours, and the floor that matrix products set."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from dynamicnet import AxisSpec, DynamicNet, Inputs, Model, package
from dynamicnet.networks import NETWORKS
from dynamicnet.precision import autocast

SHARES = (0.2, 0.5, 0.8)


def photograph(side: int, seed: int = 0) -> bytes:
    """A square sample photograph as JPEG; another seed makes other bytes of it."""
    sample = Path(__file__).parents[1] / "static" / "samples" / "astronaut.jpg"
    with Image.open(sample) as opened:
        pixels = np.asarray(opened.convert("RGB").resize((side, side)), np.int16)
    noise = np.random.default_rng(seed).integers(-4, 5, pixels.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=92)
    return out.getvalue()


def shipped(weights: Path) -> list[Model]:
    """The style models, on the CPU."""
    models = [Model.load(folder, "cpu") for folder in package.find(weights)]
    return [model for model in models if model.application.name == "style"]


def papers(side: int) -> dict[str, Callable[[], object]]:
    """The paper's network as the authors run it, and through prepare and render; weights don't change its time."""
    network = NETWORKS["johnson"]()
    spec = AxisSpec(id="strength", title="Strength", ends=("faint", "strong"), blocks=network.default_points)
    net = DynamicNet(network, [spec]).eval().requires_grad_(False)
    picture = torch.rand(1, 3, side, side)
    prepared = net.prepare(picture)
    alphas = cycle(SHARES)
    return {
        "(a) paper's network, everything for each α, eager": lambda: _graphless(partial(net, picture, next(alphas))),
        "(b) paper's network, render alone": lambda: _graphless(partial(net.render, prepared, next(alphas))),
    }


def ours(models: list[Model], photo: bytes) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every shipped model's render, from α to the picture."""
    for model in models:
        prepared = model.prepare(model.encode(Inputs(image=photo)))
        alphas = cycle([share * model.manifest.axes[0].range[1] for share in SHARES])

        def render(model=model, prepared=prepared, alphas=alphas) -> Image.Image:
            return model.render(prepared, next(alphas))

        yield f"(c) {model.id}, render", render


def floor(model: Model, photo: bytes) -> tuple[float, dict[str, Callable[[], object]]]:
    """Multiply-adds of a render, in thousand millions; and as many in matrix products of its precision, several ways.

    The quickest is the floor. Which that is differs between processors: not every library uses all that one has.
    """
    prepared = model.prepare(model.encode(Inputs(image=photo)))
    with FlopCounterMode(display=False) as counter:
        model.render(prepared, 0.5)
    amount = counter.get_total_flops() / 2
    with autocast(model.device):
        dtype = torch.mm(torch.rand(1, 1), torch.rand(1, 1)).dtype  # what the render computes its own in
    features = torch.rand(1, 256, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    kernel = torch.rand(256, 256, 1, 1, dtype=dtype)
    left, right = torch.rand(512, 512, dtype=dtype), torch.rand(512, 512, dtype=dtype)
    onednn = left.to_mkldnn(), right.to_mkldnn()
    forms = {
        "by 1×1 convolutions": (256 * 256 * 64 * 64, partial(torch.conv2d, features, kernel)),
        "by torch.mm": (512**3, partial(torch.mm, left, right)),
        "by oneDNN": (512**3, partial(F.linear, *onednn)),
    }

    @torch.inference_mode()
    def repeated(times: int, product: Callable[[], object]) -> None:
        for _ in range(times):
            product()

    return amount / 1e9, {
        name: partial(repeated, round(amount / size), product) for name, (size, product) in forms.items()
    }


@torch.inference_mode()
def _graphless(work: Callable[[], object]) -> object:
    return work()
