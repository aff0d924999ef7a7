"""Teaches a generator which latents make good pictures: ``python weights/chosen.py TABLE PACKAGE OUT``.

TABLE has what was said by eye of pictures that PACKAGE makes: the SHA-256 of its tensors, and rows of seed, α and 1 or
0. What tells those apart judges pictures of LATENTS latents, each at its worst α, and a chooser learns from that. OUT
is PACKAGE with it, which chooses among CANDIDATES for a seed.
"""

import csv
import shlex
import sys
from hashlib import sha256
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.progress import track
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.applications.generation.pictures import drawn
from dynamicnet.commands import DEFAULT_ENCODER
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.networks.chooser import Chooser, chosen
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast

CANDIDATES = 8
ALPHAS = (0.0, 0.5, 1.0)
LATENTS = 24000
STEPS = 6000
LARGEST = 6.0  # of a logit: how sure one is beyond that does not matter
DECAY = 0.03  # of the best in ten parts, each judged by what the other nine teach


class Judge:
    """How good a picture is, by a logistic regression on features."""

    def __init__(self, table: Path, judged: package.Package) -> None:
        """Learn it."""
        self.encoder = Encoder(DEFAULT_ENCODER)
        with table.open() as file:
            wanted = next(file).split()[-1]
            rows = list(csv.DictReader(file))
        if sha256((judged.folder / package.TENSORS).read_bytes()).hexdigest() != wanted:
            raise SystemExit(f"{table} is of other pictures than {judged.folder} makes: look at those.")
        net = judged.net
        axis = net.specs[0].id
        features = torch.cat(
            [
                self.features(net(drawn([int(row["seed"])], net.network), {axis: float(row["alpha"])}))
                for row in track(rows, "judged by eye")
            ]
        )
        good = torch.tensor([float(row["good"]) for row in rows])
        parts = torch.arange(len(good)) % 10
        right = 0
        for part in range(10):
            self._fit(features[parts != part], good[parts != part])
            right += int(((self._logits(features[parts == part]) > 0) == (good[parts == part] > 0)).sum())
        print(
            f"{table}: {len(good)} pictures, {good.mean():.0%} good; right on {right / len(good):.1%} it has not seen"
        )
        self._fit(features, good)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) to logits of being good, (N,)."""
        return self._logits(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """What it is told of pictures, (N, …): means, peaks and quarters of the encoder's deepest layers."""
        with torch.inference_mode(), autocast(pictures.device):
            pictures = F.interpolate(pictures.clamp(0, 1), scale_factor=2, mode="bilinear")
            conv44, conv51 = self.encoder(pictures, {"conv44", "conv51"}).values()
        quarters = F.adaptive_avg_pool2d(conv44, 2).flatten(1)
        pooled = [z.mean((2, 3)) for z in (conv44, conv51)] + [z.amax((2, 3)) for z in (conv44, conv51)]
        return torch.cat([*pooled, quarters], 1).float().clone()

    def _fit(self, features: Tensor, good: Tensor) -> None:
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-6
        self.weight = torch.zeros(features.shape[1], requires_grad=True)
        self.bias = torch.zeros((), requires_grad=True)
        optimiser = torch.optim.LBFGS([self.weight, self.bias], max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(self._logits(features), good) + DECAY * self.weight.square().sum()
            loss.backward()
            return loss

        optimiser.step(closure)

    def _logits(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.spread @ self.weight + self.bias


def scores(net: DynamicNet, judge: Judge, latents: Tensor) -> Tensor:
    """Of each latent the logit of its worst picture, (N,)."""
    axis, made = net.specs[0].id, []
    with torch.inference_mode():
        for some in track(latents.split(100), "judged"):
            with autocast(latents.device):
                pictures = [net(some, {axis: alpha}).float() for alpha in ALPHAS]
            made.append(torch.stack([judge(batch) for batch in pictures]).amin(0))
    return torch.cat(made).clone().clamp(-LARGEST, LARGEST)


def teach(chooser: Chooser, latents: Tensor, wanted: Tensor) -> None:
    """Have it give latents their scores; an eighth is held out, to say how well."""
    held = len(latents) // 8 // CANDIDATES * CANDIDATES
    weights = list(chooser.buffers())
    for weight in weights:
        if weight.dim() > 1:
            nn.init.kaiming_uniform_(weight, 0.2)
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights, 1e-3, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        some = torch.randint(held, len(latents), (128,))
        loss = (chooser.score(latents[some]) - wanted[some]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    for weight in weights:
        weight.requires_grad_(False)
    given, known = chooser.score(latents[:held]), wanted[:held]
    taken = known.view(-1, CANDIDATES).gather(1, chosen(given.view(-1, CANDIDATES))[:, None])
    correlation = torch.corrcoef(torch.stack([given, known]))[0, 1]
    shares = [f"{(logits > 0).float().mean():.1%}" for logits in (known, taken)]
    print(f"held out: correlation {correlation:.2f}; good {shares[0]}, chosen {shares[1]}")


def main() -> None:
    """Judge, teach and write."""
    table, given, out = map(Path, sys.argv[1:])
    torch.manual_seed(0)
    loaded = package.load(given)
    judge = Judge(table, loaded)
    latents = torch.randn(LATENTS, loaded.net.network.latent)
    wanted = scores(loaded.net, judge, latents)
    before = loaded.manifest
    network = before.network.model_copy(update={"params": before.network.params | {"candidates": CANDIDATES}})
    commands = [*before.training.commands, shlex.join(["python", *sys.argv])]
    training = before.training.model_copy(update={"commands": commands})
    manifest = before.model_copy(update={"network": network, "training": training, "measured": {}})
    net = package.build(manifest)
    net.load_state_dict(loaded.net.state_dict(), strict=False)
    teach(net.network.chooser, latents, wanted)
    package.write(out, manifest, net)


if __name__ == "__main__":
    main()
