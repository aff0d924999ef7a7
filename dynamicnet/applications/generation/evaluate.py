"""What ``dynamic-net evaluate`` measures of a generator: the attribute, the distance to real pictures, the variety."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.applications.generation.described import Described, PartsTable, known
from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.pictures import drawn
from dynamicnet.applications.generation.taught import was_taught
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation import report
from dynamicnet.evaluation.auto import distances, middle
from dynamicnet.evaluation.curve import grid
from dynamicnet.evaluation.decibels import decibels
from dynamicnet.evaluation.even import INPUTS, level
from dynamicnet.evaluation.task import Task
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast

SEEDS = 1000
LAYER = "conv41"
FEATURES = f"{LAYER} after ReLU, mean over positions"
CHUNK = 100


@dataclass(frozen=True)
class Subset:
    """Real pictures with one label: those trained on and those held out, (N, 3, H, W) in [0, 1]."""

    name: str
    trained: Tensor
    held_out: Tensor

    @property
    def pictures(self) -> Tensor:
        """Both parts."""
        return torch.cat([self.trained, self.held_out])


def evaluate(task: Task) -> dict[str, Any]:
    """Measure every axis of a generator, the other axes at 0, and print the tables.

    Returns:
        The figures, for the manifest.

    Raises:
        DynamicNetError: ``not-evaluable``, the package does not say what it was trained on.
    """
    task.only("against")
    loaded, console = package.load(task.folder), task.console
    encoder = Encoder(*task.encoder)
    ends = {axis.id: subset_of(loaded, axis.id) for axis in loaded.manifest.axes}
    count = task.limit or SEEDS
    latents = drawn(range(count), loaded.net.network)
    side = loaded.net.network.side
    low = _subset(task, subset_of(loaded, None), side, count)
    task.check(_enough(low, count))
    low_features = pooled(encoder, low.pictures)
    direct = {subset_of(other, None): other.net for other in map(package.load, map(Path, task.against))}
    measured: dict[str, Any] = {"seeds": count, "encoder": encoder.name, "features": FEATURES, "axes": {}}
    if was_taught(loaded):
        measured["decibels"] = as_drawn(loaded, task)
        said = ", ".join(f"{axes} {level:.1f} dB" for axes, level in measured["decibels"].items())
        console.print(f"PSNR to held-out pictures as described, by how many axes are at their high end: {said}")
    for axis in loaded.manifest.axes:
        high = _subset(task, ends[axis.id], side, count)
        task.check(_enough(high, count))
        high_features = pooled(encoder, high.pictures)
        classifier = train_classifier(encoder, low.trained, high.trained)
        accuracy = _accuracy(classifier, low.held_out, high.held_out)
        alphas = grid(axis)
        made: dict[float, Tensor] = {}
        shares, means = [], []
        for alpha in track(alphas, f"{task.folder.name} {axis.id}", console=console):
            pictures = generate(loaded.net, latents, axis.id, alpha)
            chances = classify(classifier, pictures)
            shares.append(float((chances > 0.5).float().mean()))
            means.append(float(chances.mean()))
            made[alpha] = pooled(encoder, pictures)
        both = torch.cat([low_features, high_features])
        figures: dict[str, Any] = {
            "from": low.name,
            "to": high.name,
            "classifier_accuracy": round(accuracy, 4),
            "alpha": alphas,
            "low": [round(frechet(features, low_features), 4) for features in made.values()],
            "high": [round(frechet(features, high_features), 4) for features in made.values()],
            "share": [round(share, 4) for share in shares],
            "probability": [round(mean, 4) for mean in means],
            "never_falls": _never_falls(shares) and _never_falls(means),
            "frechet": {
                "0 to from": frechet(made[0.0], low_features),
                "0 to both": frechet(made[0.0], both),
                "0.5 to both": frechet(made[0.5], both),
                "1 to both": frechet(made[1.0], both),
                "1 to to": frechet(made[1.0], high_features),
            },
            "variety": {
                "0": variety(made[0.0]) / variety(low_features),
                "0.5": variety(made[0.5]) / variety(both),
                "1": variety(made[1.0]) / variety(high_features),
            },
        }
        if high.name in direct:
            other = direct[high.name]
            pictures = generate(other, drawn(range(count), other.network), None, 0.0)
            figures["frechet"]["direct to to"] = frechet(pooled(encoder, pictures), high_features)
            figures["frechet"]["ratio"] = figures["frechet"]["1 to to"] / figures["frechet"]["direct to to"]
        for group in ("frechet", "variety"):
            figures[group] = {what: round(value, 4) for what, value in figures[group].items()}
        console.print(_table(task.folder.name, axis, figures))
        console.print(_summary(figures))
        even = level(loaded.net, axis, encoder, torch.split(latents, 1))
        console.print(str(even))
        figures["position"] = even.figures()
        some = torch.split(latents[:INPUTS], 1)
        travels = distances(loaded.net, axis.model_copy(update={"even": even.alphas}), some)
        figures["auto"] = {"middle": middle(travels)}
        report.write(task, axis, count, figures)
        measured["axes"][axis.id] = figures
    return measured


def as_drawn(loaded: package.Package, task: Task) -> dict[str, float]:
    """How near pictures come to held-out ones of the same parts, where a table describes those.

    Returns:
        Mean PSNR in dB, by how many axes are at their high end at once.
    """
    table, side = PartsTable(task.images), loaded.net.network.side
    axes = known(table, loaded.manifest.training)
    real = Described(table, subset_of(loaded, None), None, axes, side, held_out=True)
    latents, alphas, wanted = real.drawn(real.files)
    with torch.inference_mode():
        made = [
            loaded.net(latents[at], {axis: per_picture(values[at].tolist()) for axis, values in alphas.items()})
            for at in torch.split(torch.arange(len(latents)), CHUNK)
        ]
    errors = (torch.cat(made).clamp(0, 1) - wanted).square().mean((1, 2, 3))
    mixed = torch.stack(list(alphas.values())).sum(0)
    levels = decibels(errors)
    return {f"{int(some)}": round(float(levels[mixed == some].mean()), 2) for some in sorted(set(mixed.tolist()))}


def subset_of(loaded: package.Package, axis: str | None) -> str:
    """The subset that the main network (axis None) or an axis was trained to make.

    Raises:
        DynamicNetError: ``not-evaluable``.
    """
    for phase in loaded.manifest.training.phases:
        if phase.axis == axis and "subset" in phase.objective:
            return str(phase.objective["subset"])
    raise DynamicNetError("not-evaluable", f"'{loaded.id}' does not say what it was trained on.")


def _subset(task: Task, name: str, side: int, limit: int) -> Subset:
    trained, held_out = (
        Labelled(task.images, name, side, held_out=part, limit=2 * limit).centres() for part in (False, True)
    )
    return Subset(name, trained, held_out)


def _enough(subset: Subset, seeds: int) -> int:
    """On how many pictures, real and made, a subset is measured.

    Raises:
        DynamicNetError: ``too-few-pictures``, a single one has no spread.
    """
    count = min(len(subset.pictures), seeds)
    if count < 2:
        raise DynamicNetError(
            "too-few-pictures", f"A single picture of '{subset.name}', or a single seed, has no spread."
        )
    return count


@torch.inference_mode()
def generate(net: DynamicNet, latents: Tensor, axis: str | None, alpha: float) -> Tensor:
    """Pictures of latents (N, latent), the other axes at 0: (N, 3, H, W) in [0, 1]."""
    chosen = {} if axis is None else {axis: alpha}
    return torch.cat([net(some, chosen).clamp(0, 1) for some in torch.split(latents, CHUNK)])


class Classifier(nn.Module):
    """What tells real pictures of two subsets apart: a small head on a frozen encoder's features.

    A network of its own was right on 85 of 100 held-out painted faces, this one on 94.
    """

    def __init__(self, encoder: Encoder, channels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout2d(0.2),
            nn.Conv2d(channels, 64, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(64 * 4 * 4, 1),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) in [0, 1] to logits of being of the high subset, (N,)."""
        logits: Tensor = self.head(self.encoder(pictures, {LAYER})[LAYER])[:, 0]
        return logits


def train_classifier(encoder: Encoder, low: Tensor, high: Tensor, steps: int = 300, batch: int = 32) -> Classifier:
    """Train a classifier then and there.

    Half the pictures are mirrored and a little noise lies on all, lest it look at what only real pictures have.

    Args:
        encoder: frozen.
        low: pictures (N, 3, H, W) in [0, 1].
        high: likewise, of the subset whose probability it gives.
        steps: of Adam.
        batch: pictures of each subset a step.
    """
    random = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # for the dropout as well
        classifier = Classifier(encoder, encoder(low[:1], {LAYER})[LAYER].shape[1])
        optimiser = torch.optim.Adam(classifier.parameters(), 1e-3)
        target = torch.cat([torch.zeros(batch), torch.ones(batch)])
        for _ in range(steps):
            some = [part[torch.randint(len(part), (batch,), generator=random)] for part in (low, high)]
            pictures = torch.cat(some)
            mirrored = torch.rand(len(pictures), 1, 1, 1, generator=random) < 0.5
            pictures = torch.where(mirrored, pictures.flip(3), pictures)
            pictures = pictures + 0.05 * torch.randn(pictures.shape, generator=random)
            optimiser.zero_grad()
            with autocast(pictures.device):
                logits = classifier(pictures)
            F.binary_cross_entropy_with_logits(logits.float(), target).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return classifier.eval()


@torch.inference_mode()
def classify(classifier: Classifier, pictures: Tensor) -> Tensor:
    """The probability that each picture is of the high subset, (N,)."""
    return torch.cat([classifier(some).sigmoid() for some in torch.split(pictures, CHUNK)])


def _accuracy(classifier: Classifier, low: Tensor, high: Tensor) -> float:
    right = torch.cat([classify(classifier, low) <= 0.5, classify(classifier, high) > 0.5])
    return float(right.float().mean())


@torch.inference_mode()
def pooled(encoder: Encoder, pictures: Tensor) -> Tensor:
    """The encoder's features of pictures, mean over positions: (N, C), float64."""
    features = [encoder(some, {LAYER})[LAYER].mean((2, 3)) for some in torch.split(pictures, CHUNK)]
    return torch.cat(features).double()


def frechet(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of two sets of features (N, C), each taken as a normal distribution (Heusel et al. 2017)."""
    cov_a, cov_b = a.T.cov(), b.T.cov()
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    shared = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * shared)


def variety(features: Tensor) -> float:
    """Mean distance between two different ones of features (N, C)."""
    return float(F.pdist(features).mean())


def _never_falls(values: Sequence[float]) -> bool:
    return all(b >= a for a, b in pairwise(values))


def _table(name: str, axis: AxisSpec, figures: dict[str, Any]) -> Table:
    table = Table("α", f"share '{figures['to']}'", "mean probability", title=f"{name}: {axis.id}")
    for alpha, share, mean in zip(figures["alpha"], figures["share"], figures["probability"], strict=True):
        table.add_row(f"{alpha:.1f}", f"{share:.1%}", f"{mean:.4f}")
    return table


def _summary(figures: dict[str, Any]) -> str:
    return "\n".join(
        [
            f"classifier: right on {figures['classifier_accuracy']:.1%} of held-out real pictures",
            f"share and probability never fall: {'yes' if figures['never_falls'] else 'NO'}",
            f"Fréchet distance ({FEATURES}): " + ", ".join(f"{k} {v:.4f}" for k, v in figures["frechet"].items()),
            "variety relative to real pictures: " + ", ".join(f"α {k} {v:.2f}" for k, v in figures["variety"].items()),
        ]
    )
