"""Teaches a generator which latents make good pictures.

    python weights/chosen.py TABLE JUDGED PACKAGE OUT [ALPHA …]

What tells pictures of JUDGED apart as TABLE says (judge.py) judges those that PACKAGE makes of LATENTS latents, each at
the worst of the α, and its chooser learns from that. OUT is PACKAGE with it: a seed's picture is the best of
CANDIDATES.
"""

import shlex
import sys
from pathlib import Path

import torch
from judge import Judge
from rich.progress import track
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.networks.chooser import Chooser
from dynamicnet.precision import autocast

CANDIDATES = 8
LATENTS = 24000
STEPS = 6000
LARGEST = 6.0  # of a logit: how sure one is beyond that does not matter


def scores(net: DynamicNet, judge: Judge, latents: Tensor, alphas: list[float]) -> Tensor:
    """Of each latent the logit of its worst picture, (N,)."""
    axis, made = net.specs[0].id, []
    with torch.inference_mode():
        for some in track(latents.split(100), "judged"):
            with autocast(latents.device):
                pictures = [net(some, {axis: alpha}).float() for alpha in alphas]
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
    best = known.view(-1, CANDIDATES).gather(1, given.view(-1, CANDIDATES).argmax(1, keepdim=True))
    correlation = torch.corrcoef(torch.stack([given, known]))[0, 1]
    good, chosen = ((logits > 0).float().mean() for logits in (known, best))
    print(f"held out: correlation {correlation:.2f}; good {good:.1%}, chosen {chosen:.1%}")


def main() -> None:
    """Judge, teach and write."""
    table, judged, given, out = map(Path, sys.argv[1:5])
    alphas = [float(alpha) for alpha in sys.argv[5:]] or [0.0, 0.5, 1.0]
    torch.manual_seed(0)
    judge = Judge(table, package.load(judged))
    loaded = package.load(given)
    latents = torch.randn(LATENTS, loaded.net.network.latent)
    wanted = scores(loaded.net, judge, latents, alphas)
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
