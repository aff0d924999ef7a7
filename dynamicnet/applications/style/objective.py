"""Content + style on an encoder's features and colours + total variation + patches (Gatys et al., Johnson et al. 2016).

Gram matrices are taken of features minus the painting's mean feature (Novak and Nikulin 2016, "activation shift").
After a ReLU, plain Gram matrices are mostly the mean: a waffle with the right mean passes for brush strokes.
Shifted, they match the mean and the covariance, and only strokes will do.

Where a layer of a distilled encoder has a lift, Gram matrices are those of the lifted features: what distillation made
equal to its teacher's, in which distances between paintings mean what they do there.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.applications.style.palette import apart, palette_of
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.objectives.gram import CONTENT_LAYERS, STYLE_LAYERS, gram, moments_of, shifted

CELL = 16
"""Side of the squares whose mean colours say where there is a patch, in pixels."""

PATCH = 0.1
"""How far colours of squares may be, root mean square, from a function of the photograph's where patches count 1."""


class StyleSpec(BaseModel):
    """One style objective: everything but the encoder, and the painting's Gram matrices and palette.

    Attributes:
        painting: name of the painting's file.
        size: its shorter side in pixels when its Gram matrices were taken; larger gives coarser strokes.
        style_weight: weight of the style term against a content term of weight 1.
        variation_weight: weight of total variation.
        patches_weight: weight of patches; 0 of packages that do not say.
        palette_weight: weight of the palette against the style term; 0 of packages that do not say.
        lifted: whether Gram matrices are compared as those of lifted features, where the encoder has a lift.
        regularity: of the painting at that size (:mod:`dynamicnet.applications.style.regularity`); None of
            packages that do not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["style"] = "style"
    painting: str
    size: int
    style_weight: float
    variation_weight: float
    patches_weight: float = 0.0
    palette_weight: float = 0.0
    lifted: bool = False  # of packages that do not say
    regularity: float | None = None


class Terms(NamedTuple):
    """The unweighted terms of a style objective, each (N,); see :class:`StyleObjective`."""

    content: Tensor
    style: Tensor
    variation: Tensor
    patches: Tensor
    palette: Tensor


class Look(NamedTuple):
    """What an encoder sees of outputs, and of the pictures they were made from.

    Attributes:
        content: features of the outputs. wanted: of the pictures; both (N, C, H, W).
        moments: mean features (N, C) and Gram matrices (N, C, C) of the outputs, by layer.
        patches: see :func:`patches`, (N,).
        palette: of the outputs, see :func:`dynamicnet.applications.style.palette.palette_of`.
    """

    content: Tensor
    wanted: Tensor
    moments: Mapping[str, tuple[Tensor, Tensor]]
    patches: Tensor
    palette: Tensor


class StyleObjective(nn.Module):
    """O(y; x) = content(y, x) + w₁ · (style(y) + w₄ · palette(y)) + w₂ · variation(y) + w₃ · patches(y, x).

    *content*: squared distance between the features of y and x, relative to the features of x, at the deepest of
    ``CONTENT_LAYERS`` the encoder has. *style*: squared distance between the shifted Gram matrices of y and of the
    painting, relative to the painting's, mean over ``STYLE_LAYERS``. *palette*: see
    :mod:`dynamicnet.applications.style.palette`. Being relative, weights mean the same for any encoder and painting.
    *patches*: see :func:`patches`.
    """

    def __init__(self, spec: StyleSpec, encoder: Encoder, targets: Mapping[str, Tensor]) -> None:
        """Set up the objective.

        Args:
            spec: weights and provenance.
            encoder: the frozen encoder, shared between objectives.
            targets: the painting's, from :func:`style_targets`.
        """
        super().__init__()
        self.spec = spec
        self.encoder = encoder
        self.content_layer = max(layer for layer in CONTENT_LAYERS if layer in encoder.layers)
        self.lifts = encoder.lifts if spec.lifted else {}
        self.targets = {
            key.removesuffix(".mean"): (mean, targets[key.removesuffix("mean") + "gram"])
            for key, mean in targets.items()
            if key.endswith(".mean")
        }
        self.palette = targets["palette"] if spec.palette_weight else None

    def terms(self, outputs: Tensor, pictures: Tensor) -> Terms:
        """The terms, for outputs and the pictures they were made from: both (N, 3, H, W) in [0, 1]."""
        return self.compare(outputs, self.look(outputs, pictures))

    def look(self, outputs: Tensor, pictures: Tensor) -> Look:
        """What the terms compare.

        The same for all objectives of one encoder, so that several need only one look. One picture may stand for
        several outputs: (1, 3, H, W).
        """
        with torch.no_grad():
            content = self.encoder(pictures, {self.content_layer})[self.content_layer]
        features = self.encoder(outputs, {*self.targets, self.content_layer})
        moments = {layer: moments_of(features[layer]) for layer in self.targets}
        return Look(features[self.content_layer], content, moments, patches(outputs, pictures), palette_of(outputs))

    def compare(self, outputs: Tensor, look: Look) -> Terms:
        """The terms, from :meth:`look`."""
        wanted = look.wanted.float()
        content = (look.content.float() - wanted).square().flatten(1).mean(1)
        content = content / wanted.square().flatten(1).mean(1)
        style = [
            self._size(layer, shifted(*look.moments[layer], mean.flatten()) - target) / self._size(layer, target)
            for layer, (mean, target) in self.targets.items()
        ]
        rows = (outputs[..., 1:, :] - outputs[..., :-1, :]).square().flatten(1).mean(1)
        columns = (outputs[..., 1:] - outputs[..., :-1]).square().flatten(1).mean(1)
        palette = torch.zeros_like(content) if self.palette is None else apart(look.palette, self.palette)
        return Terms(content, sum(style[1:], style[0]) / len(style), rows + columns, look.patches, palette)

    def _size(self, layer: str, difference: Tensor) -> Tensor:
        """‖QDQᵀ‖² of matrices D (…, C, C), Q being the layer's lift, without making the large matrices: (…)."""
        if layer in self.lifts:
            with torch.autocast(difference.device.type, enabled=False):
                difference = self.lifts[layer] @ difference
            return (difference * difference.mT).flatten(-2).sum(-1)
        return difference.square().flatten(-2).sum(-1)

    def total(self, terms: Terms) -> Tensor:
        """The weighted sum, (N,)."""
        spec = self.spec
        style = spec.style_weight * (terms.style + spec.palette_weight * terms.palette)
        return terms.content + style + spec.variation_weight * terms.variation + spec.patches_weight * terms.patches

    def forward(self, outputs: Tensor, pictures: Tensor) -> Tensor:
        """The objective of each picture, (N,)."""
        return self.total(self.terms(outputs, pictures))


def both(low: StyleObjective, high: StyleObjective, outputs: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Two objectives of one encoder with one look at the outputs: each (N,)."""
    look = high.look(outputs, pictures)
    return low.total(low.compare(outputs, look)), high.total(high.compare(outputs, look))


def patches(outputs: Tensor, pictures: Tensor) -> Tensor:
    """How far an output's colours are from a function of the photograph's, where details are left aside.

    A style may give a photograph any palette, and what was bright or red is to have one colour of it everywhere. A
    network that is asked for a painting's few suns, or for its sky and sea, lays them on as patches of its own: on
    faces, or as fog. Mean colours of squares of :data:`CELL` pixels are fitted, for each picture, by a polynomial of
    second degree in the photograph's; what is left is a patch.

    Args:
        outputs: (N, 3, H, W) in [0, 1].
        pictures: what they were made from, (N or 1, 3, H, W) in [0, 1].

    Returns:
        Mean square of what is left, relative to that of :data:`PATCH`: (N,).
    """
    with torch.autocast(outputs.device.type, enabled=False):
        made, seen = (F.avg_pool2d(some.float(), CELL).flatten(2) for some in (outputs, pictures))
        with torch.no_grad():
            first, second = torch.triu_indices(4, 4)
            colours = F.pad(seen, (0, 0, 0, 1), value=1.0)
            basis = torch.linalg.qr((colours[:, first] * colours[:, second]).mT).Q.mT
        left: Tensor = made - made @ basis.mT @ basis
        return left.square().mean((1, 2)) / PATCH**2


def style_targets(encoder: Encoder, painting: Tensor) -> dict[str, Tensor]:
    """What a style term aims at.

    Args:
        encoder: the frozen encoder.
        painting: RGB (1, 3, H, W) in [0, 1].

    Returns:
        For each of ``STYLE_LAYERS`` the encoder has, ``LAYER.mean`` (C, 1, 1) and ``LAYER.gram`` (C, C); and its
        ``palette``.
    """
    targets = {"palette": palette_of(painting)[0]}
    for layer, z in encoder(painting, [layer for layer in STYLE_LAYERS if layer in encoder.layers]).items():
        mean = z.mean((0, 2, 3))[:, None, None]
        targets.update({f"{layer}.mean": mean.detach(), f"{layer}.gram": gram(z - mean)[0].detach()})
    return targets


def targets_of(tensors: Mapping[str, Tensor], title: str) -> dict[str, Tensor]:
    """What one phase's style term aims at, of a package's objectives, by the names of :func:`style_targets`.

    A phase without any of its own aims at what phase one does: at the same painting in the same size.
    """
    own: dict[str, Tensor] = {}
    for phase in (title, package.phase_name(None, None)):
        told = (f"{phase}.conv", f"{phase}.palette")
        own = own or {key.removeprefix(f"{phase}."): t for key, t in tensors.items() if key.startswith(told)}
    return own
