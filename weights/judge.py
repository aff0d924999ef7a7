"""Tells good pictures from bad ones as somebody did by eye.

    python weights/judge.py TABLE JUDGED FROM TO

TABLE has what was said of pictures of JUDGED, a generator: the SHA-256 of its tensors, and rows of seed, α and 1 or 0.
TO gets links to the pictures of
the folders in FROM that are no worse than ENOUGH.
"""

import csv
import sys
from hashlib import sha256
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.progress import track
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.pictures import latent_of
from dynamicnet.commands import DEFAULT_ENCODER
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.precision import autocast

DECAY = 0.03  # of the best in ten parts, each judged by what the other nine teach
ENOUGH = -2.0  # a logit: what is doubtful stays


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
                self.features(net(latent_of(int(row["seed"]), net.network.drawn)[None], {axis: float(row["alpha"])}))
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


def main() -> None:
    """Sort them."""
    table, judged, given, out = map(Path, sys.argv[1:])
    loaded = package.load(judged)
    judge = Judge(table, loaded)
    for folder in sorted(path for path in given.iterdir() if path.is_dir()):
        kept = 0
        (out / folder.name).mkdir(parents=True, exist_ok=True)
        for held_out in (False, True):
            found = Labelled(given, folder.name, loaded.net.network.side, held_out=held_out)
            logits = torch.cat([judge(some) for some in found.centres().split(100)])
            for file, logit in zip(found.files, logits.tolist(), strict=True):
                if logit > ENOUGH:
                    (out / folder.name / file.name).unlink(missing_ok=True)
                    (out / folder.name / file.name).symlink_to(file.resolve())
                    kept += 1
        print(f"{out / folder.name}: {kept}")


if __name__ == "__main__":
    main()
