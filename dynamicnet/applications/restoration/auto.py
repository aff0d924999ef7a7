"""How strongly to restore a picture: what learns to guess it, and what a guess costs.

The guess is trained on its cost in dB, so that it errs to where erring is cheap: upwards. What a strength costs is
measured with the model itself, on its own kind of noise and on pictures as they come: with noise of cameras, enlarged,
compressed.
"""

import math
from collections.abc import Iterator
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.applications.restoration.noise import HEAVY, LIGHT, MARGIN, Kind, jpeg, noised
from dynamicnet.applications.restoration.objective import log_error
from dynamicnet.applications.restoration.patches import Patches
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.precision import autocast

KNOTS = 9  # strengths that are rendered
FINE = 65  # strengths that a cubic through them is read at
SIDE = 128
BATCH = 16
DECIBELS = 20 / math.log(10)  # of a natural logarithm


def costs(net: DynamicNet, axis: AxisSpec, noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """What each strength costs against the best one.

    Args:
        net: whose other axes are at 0.
        axis: the strength.
        noisy: (N, 3, H, W).
        clean: what it should be, likewise.

    Returns:
        In dB, (N, FINE), on the CPU; and the features to guess from, (N, C, h, w).
    """
    with torch.inference_mode():
        prepared = net.prepare(noisy)
        low, high = axis.range
        knots = []
        for i in range(KNOTS):
            with autocast(noisy.device):
                out = net.render(prepared, {axis.id: low + (high - low) * i / (KNOTS - 1)})
            knots.append(DECIBELS * log_error(out.float().clamp(0, 1), clean))
        curves = torch.stack(knots, 1)[:, None, None].cpu()
        fine = F.interpolate(curves, (1, FINE), mode="bicubic", align_corners=True)[:, 0, 0]
    return fine - fine.amin(1, keepdim=True), prepared.z


def cost_at(curves: Tensor, shares: Tensor) -> Tensor:
    """What a share of the way costs, in dB, (N,): linear between the columns of (N, FINE)."""
    place = shares.clamp(0, 1) * (FINE - 1)
    left = place.detach().floor().long().clamp(max=FINE - 2)
    low, high = (curves.gather(1, (left + i)[:, None])[:, 0] for i in (0, 1))
    return low + (high - low) * (place - left)


def as_they_come(pictures: Tensor, levels: Tensor, generator: torch.Generator, random: Random) -> tuple[Tensor, Tensor]:
    """Pictures from cameras, up to twice enlarged, half of them compressed; as :func:`noised`."""
    noisy, clean = noised("camera", pictures, levels, generator, random)
    factor = random.choice((1.0, 1.5, 2.0))
    if factor > 1:
        noisy, clean = (enlarged(each, factor) for each in (noisy, clean))
        qualities = 50 + 47 * torch.rand(len(noisy[1::2]), device=noisy.device, generator=generator)
        noisy[1::2] = jpeg(noisy[1::2], qualities)
    return noisy, clean


def enlarged(pictures: Tensor, factor: float) -> Tensor:
    """Their middle, enlarged to their size, of 8 bits."""
    height, width = pictures.shape[2:]
    top, left = (round(side * (1 - 1 / factor) / 2) for side in (height, width))
    middle = pictures[:, :, top : top + round(height / factor), left : left + round(width / factor)]
    return F.interpolate(middle, (height, width), mode="bicubic").clamp(0, 1).mul(255).round() / 255


def _samples(
    patches: Patches, kind: Kind, count: int, seed: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator(device)
    for i in range(count // BATCH):
        random = Random(f"{seed} guess {i}")
        generator.manual_seed(random.getrandbits(63))
        pictures = patches.batch(BATCH, SIDE + MARGIN, f"{seed} guess {i}")
        exponents = torch.rand(BATCH, device=device, generator=generator) * 1.2 - 0.1
        levels = LIGHT * (HEAVY / LIGHT) ** exponents
        if i % 2:
            yield as_they_come(pictures, levels, generator, random)
        else:
            yield noised(kind, pictures, levels, generator, random)


def train_guess(
    net: DynamicNet, axis: AxisSpec, patches: Patches, kind: Kind, count: int, steps: int, seed: int
) -> float:
    """Train what guesses the strength; nothing else of the network changes.

    Args:
        net: with a guess for the axis.
        axis: the strength.
        patches: of photographs.
        kind: of noise that the axis was trained on.
        count: how many patches; each is rendered at nine strengths.
        steps: of training on them.
        seed: everything random follows from it.

    Returns:
        What a guess costs on the patches at the end, in dB.
    """
    device = next(net.parameters()).device
    curves, features = [], []
    for noisy, clean in _samples(patches, kind, count, seed, device):
        some, z = costs(net, axis, noisy, clean)
        curves.append(some)
        features.append(z.to("cpu", torch.bfloat16))
    known, seen = torch.cat(curves).clone(), torch.cat(features).clone()
    torch.manual_seed(seed)
    guess = net.guesses[axis.id].requires_grad_(True).train()
    optimiser = torch.optim.AdamW(guess.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    late = []
    for step in range(steps):
        drawn = torch.randint(len(known), (32,))
        cost = cost_at(known[drawn].to(device), guess(seen[drawn].to(device).float())).mean()
        optimiser.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step >= steps * 9 // 10:
            late.append(float(cost.detach()))
    guess.requires_grad_(False).eval()
    return sum(late) / max(1, len(late))
