"""Objectives of restoration: the least error, and what keeps a picture crisp as well."""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from dynamicnet.applications.restoration.noise import Kind
from dynamicnet.evaluation.decibels import decibels
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.objectives.gram import gram
from dynamicnet.precision import autocast

LAYERS = ("conv12", "conv22", "conv34")
SQUARE, STRIDE = 12, 5  # pixels
FLOOR = 1e-5  # of the mean squared error: half a level, below which 8 bits hold nothing


class RestorationSpec(BaseModel):
    """One objective of restoration: the weights of what is added to the error.

    Attributes:
        noise: of which kind. levels: its standard deviations, from and to, in levels of 255.
        perceptual: weight of the distance between features.
        texture: weight of the distance between their Gram matrices.
        clean: share of the pictures that have no noise, and are to keep their colours and no more.
        lighter: share of the pictures that have less noise than α stands for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["restoration"] = "restoration"
    noise: Kind
    levels: tuple[float, float]
    perceptual: float = 0.0
    texture: float = 0.0
    clean: float = 0.0
    lighter: float = 0.0


def log_error(outputs: Tensor, clean: Tensor) -> Tensor:
    """Natural logarithm of each picture's root mean square error, (N,): PSNR in other units, and minimised.

    A step then counts for as many decibels at every level of noise.

    Args:
        outputs: (N, 3, H, W) in [0, 1].
        clean: what they should be, likewise.
    """
    return _log_root((outputs - clean).square().mean((1, 2, 3)))


def smoothing_error(outputs: Tensor, clean: Tensor) -> Tensor:
    """The same of pictures that may be smoothed: the error of mean colours, and of what is steeper than it was.

    Means are of squares that overlap, as what repeats from one to the next would have none; nothing else is to keep a
    lattice out.
    """
    off = F.avg_pool2d(outputs - clean, SQUARE, STRIDE).square().mean((1, 2, 3))
    for axis in (2, 3):
        steeper = (outputs.diff(dim=axis).abs() - clean.diff(dim=axis).abs()).relu()
        off = off + steeper.square().mean((1, 2, 3))
    return _log_root(off)


def _log_root(squared: Tensor) -> Tensor:
    return (squared + FLOOR).log() / 2


def psnr(outputs: Tensor, clean: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture as it is written, with 8 bits a channel, in dB, (N,)."""
    written = outputs.clamp(0, 1).mul(255).round() / 255
    return decibels((written - clean).square().mean((1, 2, 3)))


def likeness(encoder: Encoder, outputs: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Distances between features, and between their Gram matrices, each relative to the clean picture's, each (N,).

    Gram matrices are of features without their mean: they say what the texture is and not where.
    """
    with autocast(outputs.device):
        ours, wanted = encoder(outputs, LAYERS), encoder(clean, LAYERS)
    features, textures = [], []
    for layer in LAYERS:
        made, real = ours[layer].float(), wanted[layer].float()
        features.append((made - real).abs().mean((1, 2, 3)) / real.abs().mean((1, 2, 3)).clamp_min(1e-3))
        mean = real.mean((2, 3), keepdim=True)
        grams = gram(made - mean), gram(real - mean)
        size = (grams[0].detach().square() + grams[1].square()).flatten(1).sum(1).clamp_min(1e-6)
        textures.append((grams[0] - grams[1]).square().flatten(1).sum(1) / size)
    return torch.stack(features).mean(0), torch.stack(textures).mean(0)
