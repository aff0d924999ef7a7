"""How strongly to restore a picture: what learns to guess it, and what a guess costs.

The guess is trained on its cost in dB, so that it errs to where erring is cheap: upwards. What a strength costs is
measured with the model itself, on its own kind of noise and on pictures as they come: with noise of cameras, enlarged,
compressed.
"""

import math
from collections.abc import Callable
from random import Random
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynamicnet.applications.restoration.noise import HEAVY, LIGHT, MARGIN, Kind, jpeg, noised
from dynamicnet.applications.restoration.objective import log_error
from dynamicnet.applications.restoration.patches import Patches
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.method.guess import Guess
from dynamicnet.precision import autocast

KNOTS = 9  # strengths that are rendered
FINE = 65  # strengths that a cubic through them is read at
SIDE = 128
BATCH = 16
DECIBELS = 20 / math.log(10)  # of a natural logarithm


def costs(net: DynamicNet, axis: AxisSpec, noisy: Tensor, clean: Tensor) -> Tensor:
    """What each strength costs against the best one, in dB, (N, FINE), on the CPU.

    Args:
        net: whose other axes are at 0.
        axis: the strength.
        noisy: (N, 3, H, W).
        clean: what it should be, likewise.
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
    return fine - fine.amin(1, keepdim=True)


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


def _sample(
    patches: Patches, kind: Kind, draw: str, odd: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy and clean, (BATCH, 3, SIDE, SIDE), and what share of the way their noise's level lies, (BATCH,)."""
    random = Random(draw)
    generator.manual_seed(random.getrandbits(63))
    pictures = patches.batch(BATCH, SIDE + MARGIN, draw)
    shares = torch.rand(BATCH, device=pictures.device, generator=generator) * 1.2 - 0.1
    levels = LIGHT * (HEAVY / LIGHT) ** shares
    if odd:
        noisy, clean = as_they_come(pictures, levels, generator, random)
    else:
        noisy, clean = noised(kind, pictures, levels, generator, random)
    return noisy, clean, shares.clamp(0, 1)


def train_guess(
    net: DynamicNet, axis: AxisSpec, patches: Patches, kind: Kind, count: int, steps: int, seed: int
) -> float:
    """Train what guesses the strength; nothing else of the network changes.

    It learns the level of the noise first, on other patches at every step, as that takes no render; then, on some
    that are rendered at every strength, what a guess costs.

    Args:
        net: with a guess for the axis.
        axis: the strength.
        patches: of photographs.
        kind: of noise that the axis was trained on.
        count: how many patches are rendered.
        steps: of the first training; the second has a quarter as many.
        seed: everything random follows from it.

    Returns:
        What a guess costs on those patches at the end, in dB.
    """
    device = next(net.parameters()).device
    generator = torch.Generator(device)
    guess = cast(Guess, net.guesses[axis.id]).requires_grad_(True)

    def on_levels(step: int) -> Tensor:
        noisy, _, shares = _sample(patches, kind, f"{seed} level {step}", bool(step % 2), generator)
        guessed: Tensor = guess(noisy)
        return (guessed - shares).abs().mean()

    _descend(guess, on_levels, steps, 3e-3)
    curves, pictures = [], []
    for i in range(count // BATCH):
        noisy, clean, _ = _sample(patches, kind, f"{seed} cost {i}", bool(i % 2), generator)
        curves.append(costs(net, axis, noisy, clean))
        pictures.append(noisy.cpu())
    known, seen = torch.cat(curves).clone(), torch.cat(pictures)

    def on_costs(step: int) -> Tensor:
        drawn = torch.randperm(len(known), generator=torch.Generator().manual_seed(step))[:32]
        return cost_at(known[drawn].to(device), guess(seen[drawn].to(device))).mean()

    cost = _descend(guess, on_costs, max(2, steps // 4), 5e-4)
    guess.requires_grad_(False)
    return cost


def _descend(guess: nn.Module, loss: Callable[[int], Tensor], steps: int, rate: float) -> float:
    """Minimise a loss of the step's number; its mean over the last tenth."""
    optimiser = torch.optim.AdamW(guess.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    late = []
    for step in range(steps):
        value = loss(step)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step >= steps * 9 // 10:
            late.append(float(value.detach()))
    return sum(late) / max(1, len(late))
