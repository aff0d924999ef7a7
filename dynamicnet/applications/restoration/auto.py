"""How strongly to restore a picture: what learns to guess it, and what a guess costs.

The guess is trained on its cost in dB, so that it errs to where erring is cheap: upwards. What a strength costs is
measured with the model itself, on its own kind of noise and on pictures as they come: with noise of cameras, enlarged,
compressed.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.applications.restoration.noise import EVEN, HEAVY, LIGHT, MARGIN, Kind, Levels, jpeg, noised
from dynamicnet.applications.restoration.objective import log_error
from dynamicnet.applications.restoration.patches import Patches, uncommon
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.method.guess import Guess, seen
from dynamicnet.precision import autocast
from dynamicnet.training.photos import centre

KNOTS = 9  # strengths that are rendered
FINE = 65  # strengths that a cubic through them is read at
SIDE = 224
MIDDLE = 112  # the side of what is rendered: a quarter of the work
BLOCKS = 64  # of a picture that a step looks at, others each time: small pictures have few
BATCH = 16
MEASURED = 256  # the side of what a guess is measured on, at most
MEASURED_LEVELS = (5.0, 10.0, 15.0, 25.0, 35.0, 50.0, 60.0)
DECIBELS = 20 / math.log(10)  # of a natural logarithm


def costs(net: DynamicNet, axis: AxisSpec, levels: Levels, noisy: Tensor, clean: Tensor) -> Tensor:
    """What strengths at equal shares of ``EVEN`` cost against the best, in dB, (N, FINE), on the CPU.

    Args:
        net: whose other axes are at 0.
        axis: the strength.
        levels: the noise that each α of it stands for.
        noisy: (N, 3, H, W).
        clean: what it should be, likewise.
    """
    with torch.inference_mode():
        prepared = net.prepare(noisy)
        knots = []
        for i in range(KNOTS):
            with autocast(noisy.device):
                out = net.render(prepared, {axis.id: levels.alpha(EVEN.at(i / (KNOTS - 1)))})
            knots.append(DECIBELS * log_error(out.float().clamp(0, 1), clean))
        curves = torch.stack(knots, 1)[:, None, None].cpu()
        fine = F.interpolate(curves, (1, FINE), mode="bicubic", align_corners=True)[:, 0, 0]
    return fine - fine.amin(1, keepdim=True)


def even(levels: Levels, shares: Tensor) -> Tensor:
    """How far along ``EVEN`` the level lies that a share of an axis stands for."""
    main, there = levels.share(levels.main), EVEN.share(levels.main)
    lighter, heavier = there * shares / max(main, 1e-6), 1 - (1 - there) * (1 - shares) / (1 - main)
    return torch.where(shares < main, lighter, heavier)


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
    patches: Patches, kind: Kind, seed: str, number: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy and clean, (BATCH, 3, SIDE, SIDE), and how far along ``EVEN`` their noise's level lies, (BATCH,).

    Of four batches in a row two are as they come, and two of pictures as photographs show few.
    """
    draw = f"{seed} {number}"
    random = Random(draw)
    generator.manual_seed(random.getrandbits(63))
    pictures = patches.batch(BATCH, SIDE + MARGIN, draw)
    if number & 2:
        pictures = uncommon(pictures, random)
    shares = torch.rand(BATCH, device=pictures.device, generator=generator) * 1.2 - 0.1
    levels = LIGHT * (HEAVY / LIGHT) ** shares
    if number & 1:
        noisy, clean = as_they_come(pictures, levels, generator, random)
    else:
        noisy, clean = noised(kind, pictures, levels, generator, random)
    return noisy, clean, shares.clamp(0, 1)


@torch.inference_mode()
def guess_costs(
    net: DynamicNet, axis: AxisSpec, levels: Levels, kind: Kind, pictures: Iterable[Tensor]
) -> dict[str, dict[str, float]]:
    """What a guess costs against the best strength for each picture, in dB: by how they come, and by level; means.

    Args:
        net: with a guess for the axis.
        axis: the strength.
        levels: the noise that each α of it stands for.
        kind: of noise that it was trained on.
        pictures: without noise, (1, 3, H, W) in [0, 1]; squares in their middle are measured on.
    """
    whole = [picture[0] for picture in pictures]
    side = min(MEASURED + MARGIN, *(min(picture.shape[1:]) // 16 * 16 for picture in whole))
    squares = torch.stack([centre(picture, side) for picture in whole])
    low, high = axis.range
    found: dict[str, dict[str, float]] = {}
    ways: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
        "as trained on": partial(noised, kind),
        "as they come": as_they_come,
    }
    for name, made in ways.items():
        found[name] = {}
        for level in MEASURED_LEVELS:
            each = []
            for i, some in enumerate(torch.split(squares, BATCH)):
                random = Random(f"{name} {level:g} {i}")
                generator = torch.Generator().manual_seed(random.getrandbits(63))
                noisy, clean = made(some, torch.full((len(some),), level), generator, random)
                shares = (net.guess(noisy, axis) - low) / (high - low)
                each.append(cost_at(costs(net, axis, levels, noisy, clean), even(levels, shares)))
            found[name][f"{level:g}"] = round(float(torch.cat(each).mean()), 3)
    return found


def train_guess(
    net: DynamicNet,
    axis: AxisSpec,
    levels: Levels,
    patches: Patches,
    kind: Kind,
    count: int,
    rendered: int,
    steps: int,
    seed: int,
) -> float:
    """Train what guesses the strength; nothing else of the network changes.

    It learns the level of the noise first, as that takes no render; then, on some patches that are rendered at every
    strength, what a guess costs.

    Args:
        net: with a guess for the axis.
        axis: the strength.
        levels: the noise that each α of it stands for.
        patches: of photographs.
        kind: of noise that the axis was trained on.
        count: how many patches it learns levels from.
        rendered: how many it learns costs from.
        steps: of each training.
        seed: everything random follows from it.

    Returns:
        What a guess costs at the end, in dB, mean over the patches that were rendered.
    """
    generator = torch.Generator(next(net.parameters()).device)
    guess = cast(Guess, net.guesses[axis.id]).cpu().requires_grad_(True)
    read, shares = [], []
    for i in range(count // BATCH):
        noisy, _, share = _sample(patches, kind, f"{seed} level", i, generator)
        read.append(seen(noisy).cpu())
        shares.append(share.cpu())
    told, given = torch.cat(shares), torch.cat(read)
    _descend(guess, given, told, lambda share, wanted: (even(levels, share) - wanted).abs(), steps, 2e-3)
    read, curves = [], []
    for i in range(rendered // BATCH):
        noisy, clean, _ = _sample(patches, kind, f"{seed} cost", i, generator)
        read.append(seen(noisy).cpu())
        middle = slice((SIDE - MIDDLE) // 2, (SIDE + MIDDLE) // 2)
        curves.append(costs(net, axis, levels, noisy[..., middle, middle], clean[..., middle, middle]))
    dear, given = torch.cat(curves), torch.cat(read)
    cost = _descend(guess, given, dear, lambda share, curve: cost_at(curve, even(levels, share)), steps, 5e-4)
    guess.to(next(net.network.parameters()).device).requires_grad_(False)
    return cost


def _descend(
    guess: Guess, read: Tensor, wanted: Tensor, loss: Callable[[Tensor, Tensor], Tensor], steps: int, rate: float
) -> float:
    """Minimise a loss of guesses and what is wanted, (N,); its mean at the end."""
    read, wanted = read.clone(), wanted.clone()  # no inference tensors
    optimiser = torch.optim.AdamW(guess.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    draws = torch.Generator().manual_seed(0)
    for _ in range(steps):
        drawn = torch.randint(len(read), (64, 1), generator=draws)
        blocks = torch.randint(read.shape[1], (64, BLOCKS), generator=draws)
        optimiser.zero_grad()
        loss(guess.of(read[drawn, blocks]), wanted[drawn[:, 0]]).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        some = zip(torch.split(read, 256), torch.split(wanted, 256), strict=True)
        return float(torch.cat([loss(guess.of(blocks), wants) for blocks, wants in some]).mean())
