"""Objectives of image completion: reconstruction in the hole, and what makes it look real (Iizuka et al. 2017)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from dynamicnet.objectives.encoder import Encoder
from dynamicnet.objectives.gram import CONTENT_LAYERS, STYLE_LAYERS, gram

WINDOW = 16  # pixels

Features = Mapping[str, Tensor]


class CompletionSpec(BaseModel):
    """One objective of completion: weights against a reconstruction term of weight 1.

    Attributes:
        perceptual: of the distance between deep features.
        texture: of the distance between Gram matrices.
        adversarial: of what a discriminator makes of the result.
        energy: of how far local gradient energies are from the real ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["completion"] = "completion"
    perceptual: float = 0.0
    texture: float = 0.0
    adversarial: float = 0.0
    energy: float = 0.0


def compared(
    spec: CompletionSpec, outputs: Tensor, pictures: Tensor, holes: Tensor, ours: Features, wanted: Features
) -> dict[str, Tensor]:
    """What a real picture can judge: every term but the adversarial one, and their weighted sum, ``total``.

    ``reconstruction`` alone is the objective of phase one. Each (N,); shapes as in :func:`squared_error`. What an
    encoder makes of the outputs and of the pictures at :func:`layers_of` is ``ours`` and ``wanted``.
    """
    terms = {"reconstruction": log_error(outputs, pictures, holes)}
    total = terms["reconstruction"]
    if spec.perceptual or spec.texture:
        apart = likeness(ours, wanted, holes)
        terms |= {"perceptual": apart.perceptual, "texture": apart.texture}
        total = total + spec.perceptual * apart.perceptual + spec.texture * apart.texture
    if spec.energy:
        terms["energy"] = energy_gap(outputs, pictures, holes)
        total = total + spec.energy * terms["energy"]
    return {"total": total, **terms}


def both(
    spec: CompletionSpec, encoder: Encoder, outputs: Tensor, inputs: Tensor, pictures: Tensor
) -> tuple[Tensor, Tensor]:
    """Reconstruction alone, and what a real picture can judge of ``spec``, each (N,); ``inputs`` hold the hole."""
    layers = layers_of(encoder) if spec.perceptual or spec.texture else ()
    looks = encoder(outputs, layers), encoder(pictures, layers)
    terms = compared(spec, outputs, pictures, inputs[:, 3:4], *looks)
    return terms["reconstruction"], terms["total"]


def squared_error(outputs: Tensor, pictures: Tensor, holes: Tensor) -> Tensor:
    """Mean squared error in the hole, (N,).

    Args:
        outputs: (N, 3, H, W) in [0, 1].
        pictures: what they should be, likewise.
        holes: (N, 1, H, W), 1 in the hole.
    """
    return _inside((outputs - pictures).square(), holes)


def log_error(outputs: Tensor, pictures: Tensor, holes: Tensor) -> Tensor:
    """Natural logarithm of the root mean square error in the hole, (N,): PSNR in other units, and minimised."""
    return (squared_error(outputs, pictures, holes) + 1e-5).log() / 2


def energy_gap(outputs: Tensor, pictures: Tensor, holes: Tensor) -> Tensor:
    """How far local gradient energies are from the real ones, (N,): mean squared difference of their logarithms.

    Energies are means over windows of 16 pixels that overlap by half, at full, half and a quarter of the resolution.
    They say how sharp a place should be and not what should be there. Shapes as in :func:`squared_error`.
    """
    gaps = []
    for _ in range(3):
        ours, wanted = (_energies(x, holes) for x in (outputs, pictures))
        weight = F.avg_pool2d(holes, WINDOW, WINDOW // 2)
        apart = (ours / weight.clamp_min(1e-3) + 1e-4).log() - (wanted / weight.clamp_min(1e-3) + 1e-4).log()
        gaps.append(_inside(apart.square(), weight * (weight > 0.1)))
        outputs, pictures, holes = (F.avg_pool2d(x, 2) for x in (outputs, pictures, holes))
    return torch.stack(gaps).mean(0)


class Likeness(NamedTuple):
    """How far two pictures look apart in a hole, as an encoder sees it, each (N,)."""

    perceptual: Tensor
    texture: Tensor


def layers_of(encoder: Encoder) -> set[str]:
    """The layers of an encoder that :func:`likeness` compares."""
    deepest = max(layer for layer in CONTENT_LAYERS if layer in encoder.layers)
    return {deepest, *(layer for layer in STYLE_LAYERS if layer in encoder.layers)}


def likeness(ours: Features, wanted: Features, holes: Tensor) -> Likeness:
    """Distances between features, and between their Gram matrices, in the hole; both relative to the real picture's.

    Gram matrices are taken of features minus the real mean (Novak and Nikulin 2016, "activation shift"): they say
    what the texture is and not where, so that a sharp guess costs less than a safe blur.
    """
    layers = [layer for layer in STYLE_LAYERS if layer in wanted]
    deepest = max(layer for layer in CONTENT_LAYERS if layer in wanted)
    textures = []
    for layer in layers:
        inside = F.interpolate(holes, ours[layer].shape[2:], mode="area")
        weight = inside.sum((2, 3), keepdim=True).clamp_min(1)
        mean = (wanted[layer] * inside).sum((2, 3), keepdim=True) / weight
        root = (inside / weight * inside[0, 0].numel()).sqrt()  # a Gram matrix is a mean over positions
        real = gram((wanted[layer] - mean) * root)
        made = gram((ours[layer] - mean) * root)
        # Relative to both: where the real picture is flat, relative to it alone has no bound.
        size = (real.square() + made.detach().square()).flatten(1).sum(1)
        textures.append((made - real).square().flatten(1).sum(1) / size.clamp_min(1e-6))
    inside = F.interpolate(holes, ours[deepest].shape[2:], mode="area")
    perceptual = _inside((ours[deepest] - wanted[deepest]).square(), inside)
    perceptual = perceptual / wanted[deepest].square().flatten(1).mean(1)
    return Likeness(perceptual, sum(textures[1:], textures[0]) / len(textures))


def _energies(pictures: Tensor, holes: Tensor) -> Tensor:
    """Sums of squared differences of neighbours in the hole, over windows, per pixel of a window: (N, 1, H', W')."""
    across = F.pad(pictures.diff(dim=3).square().mean(1, keepdim=True), (0, 1, 0, 0))
    down = F.pad(pictures.diff(dim=2).square().mean(1, keepdim=True), (0, 0, 0, 1))
    return F.avg_pool2d((across + down) * holes, WINDOW, WINDOW // 2)


def _inside(values: Tensor, holes: Tensor) -> Tensor:
    return (values * holes).flatten(1).sum(1) / (holes.flatten(1).sum(1).clamp_min(1) * values.shape[1])
