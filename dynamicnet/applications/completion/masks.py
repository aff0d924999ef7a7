"""Holes to train on, to measure on and to show: white where the picture is missing."""

import math
import random

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

SHARE = (0.1, 0.3)


def free_form(width: int, height: int, draw: random.Random) -> Image.Image:
    """Strokes of a round brush that take a tenth to three tenths of the picture (after Yu et al. 2019).

    Args:
        width: in pixels.
        height: likewise.
        draw: where the strokes follow from.

    Returns:
        Mode L, 0 and 255.
    """
    side = min(width, height)
    while True:
        mask = Image.new("L", (width, height))
        pen = ImageDraw.Draw(mask)
        wanted = draw.uniform(*SHARE)
        while (share := _share(mask)) < wanted:
            brush = draw.uniform(0.05, 0.16) * side
            x, y = draw.uniform(0, width), draw.uniform(0, height)
            angle = draw.uniform(0, 2 * math.pi)
            for _ in range(draw.randint(1, 6)):
                angle += draw.uniform(-1.2, 1.2)
                length = draw.uniform(0.1, 0.3) * side
                end = (x + length * math.cos(angle), y + length * math.sin(angle))
                pen.line([(x, y), end], 255, round(brush))
                for centre in ((x, y), end):
                    pen.ellipse([c + sign * brush / 2 for sign in (-1, 1) for c in centre], 255)
                x, y = end
        if share <= SHARE[1]:
            return mask


def rectangle(width: int, height: int, draw: random.Random) -> Image.Image:
    """A rectangle anywhere, of a quarter to a half of either side. Mode L, 0 and 255."""
    w, h = (round(draw.uniform(0.25, 0.5) * side) for side in (width, height))
    left, top = draw.randint(0, width - w), draw.randint(0, height - h)
    mask = Image.new("L", (width, height))
    mask.paste(255, (left, top, left + w, top + h))
    return mask


def thing(width: int, height: int, draw: random.Random) -> Image.Image:
    """Something to be removed, anywhere: three to five ellipses that overlap, in all a quarter to a half of the side.

    Mode L, 0 and 255.
    """
    side = min(width, height)
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    radius = draw.uniform(0.125, 0.25) * side
    middle = [draw.uniform(radius, length - radius) for length in (width, height)]
    for _ in range(draw.randint(3, 5)):
        axes = [draw.uniform(0.4, 0.75) * radius for _ in middle]
        at = [c + draw.uniform(-1, 1) * (radius - a) for c, a in zip(middle, axes, strict=True)]
        pen.ellipse([c + sign * a for sign in (-1, 1) for c, a in zip(at, axes, strict=True)], 255)
    return mask


def centre(width: int, height: int) -> Image.Image:
    """The middle quarter of the picture. Mode L, 0 and 255."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 4, height // 4, width // 4 + width // 2, height // 4 + height // 2))
    return mask


def batch(count: int, side: int, seed: str) -> Tensor:
    """Holes to train on, two in each picture, half of them free-form; the same seed, the same holes.

    Returns:
        (count, 1, side, side), 0 and 1.
    """
    draw = random.Random(seed)
    kinds = (free_form, free_form, rectangle, thing)
    pairs = [[to_tensor(draw.choice(kinds)(side, side, draw)) for _ in range(2)] for _ in range(count)]
    return torch.cat([torch.maximum(*pair) for pair in pairs])


def to_tensor(mask: Image.Image) -> Tensor:
    """Mode L to (1, 1, H, W), 1 from 128 up and 0 below."""
    return torch.from_numpy((np.asarray(mask) >= 128).astype(np.float32))[None, None]


def _share(mask: Image.Image) -> float:
    return mask.histogram()[255] / (mask.width * mask.height)
