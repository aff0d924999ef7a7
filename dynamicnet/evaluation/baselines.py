"""What an axis is compared with: same network, start, training data and seed.

Trained for figures only, and never served. A network for a single mixture is trained as θ was, for as many steps (paper
section 4), or, as ``long``, for as many as the whole axis took: those of phase one, and those after it. So is what
covers all mixtures.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation.pair import Pair
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.networks.base import MainNetwork
from dynamicnet.precision import autocast
from dynamicnet.training.path import balance, mixed
from dynamicnet.training.phase import Losses, Progressed, run_phase

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Mixtures that a fixed network is trained for: the share of O₁."""

GAIN_STEPS, GAIN_RATE = 200, 0.02  # a few numbers, far from where they start

NAMES = ("fixed", "long", "dni", "blend", "film", "gains")
SINGLE = ("fixed", "long")
"""Of those, a network for each of ``SHARES`` and nothing between."""

Render = Callable[[Tensor, list[float]], Tensor]
"""One input (1, C, H, W) at several shares of O₁: (shares, 3, H, W), not clamped."""


class Film(nn.Module):
    """A network conditioned on its objective: z · γ(λ) + β(λ) after every stage that may be tuned.

    "You Only Train Once" (Dosovitskiy and Djolonga, ICLR 2020), with FiLM from one small perceptron per stage. It
    starts as the network it is given.
    """

    def __init__(self, network: MainNetwork) -> None:
        """Take over a network; its parameters are trained as well."""
        super().__init__()
        self.network = network
        self.conditions = nn.ModuleDict()
        for name, channels in network.points.items():
            last = nn.Linear(64, 2 * channels)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.conditions[name] = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), last)

    def forward(self, inputs: Tensor, shares: Tensor) -> Tensor:
        """Inputs (N, C, H, W), sides multiples of the network's, and the share of O₁ of each, (N,)."""
        seen = self.network.look(inputs)
        z = inputs
        for name in self.network.stages:
            z = self.network.run(name, z, seen.get(name))
            if name in self.conditions:
                scale, shift = self.conditions[name](shares[:, None])[..., None, None].chunk(2, 1)
                z = z * (1 + scale) + shift
        return z


class Gains(nn.Module):
    """A package's axis with a learned gain per insertion point: ẑ = z + gᵢ(t)·ψ(z) in place of z + t·ψ(z).

    Each gᵢ is piecewise linear with knots at ``SHARES``, 0 at the first of them, and starts as gᵢ(t) = t; nothing else
    is trained.
    """

    def __init__(self, net: DynamicNet, axis: AxisSpec) -> None:
        """Take a Dynamic-Net, which stays as it is, and one of its axes."""
        super().__init__()
        self._frozen = (net, axis)  # in a tuple, so that its parameters are not this module's
        self.knots = nn.Parameter(torch.tensor(SHARES[1:])[:, None].repeat(1, len(axis.blocks)))

    def forward(self, inputs: Tensor, shares: Tensor) -> Tensor:
        """Inputs (N, C, H, W), sides multiples of the network's, and the share of O₁ of each, (N,)."""
        net, axis = self._frozen
        near = 1 - (shares[:, None] - torch.tensor(SHARES[1:])).abs() * len(self.knots)
        gains = dict(zip(axis.blocks, (near.clamp_min(0) @ self.knots).unbind(1), strict=True))
        seen = net.network.look(inputs)
        z = inputs
        for name in net.network.stages:
            z = net.network.run(name, z, seen.get(name))
            if name in gains:
                z = z + gains[name][:, None, None, None] * net.axes[axis.id].block("high", name)(z)  # type: ignore[operator]
        return z


class Baselines:
    """The networks one axis is compared with, in a folder that is filled as they are trained."""

    def __init__(self, folder: Path, axis: AxisSpec, pair: Pair, runs: Path, console: Console) -> None:
        """Read the package that is compared, and with it how many steps it took and how its objectives are mixed.

        Raises:
            DynamicNetError: ``not-comparable``, the axis is dual or its package says too little.
        """
        training = package.read_manifest(folder).training
        phases = [p for p in training.phases if p.axis in (None, axis.id)]
        if "low" in axis.signs or len(phases) < 2 or phases[0].axis is not None:
            raise DynamicNetError(
                "not-comparable",
                f"Baselines are for axes from 0 to 1 that a package was trained with: not '{axis.id}'.",
            )
        main, *after = phases
        self.start = folder.parent / main.started_from if main.started_from else None
        self.after = sum(phase.steps for phase in after)
        self.folder, self.axis, self.pair, self.runs, self.console = folder, axis, pair, runs, console
        self.scale: float = after[-1].objective.get("mixed_with", {}).get("scale") or self._balance()

    def _balance(self) -> float:
        """How phase three would mix both objectives, for a package without one."""
        render = along(self.folder, self.axis)

        def at(number: int, share: float) -> tuple[Tensor, Tensor]:
            plan = self.pair.plan
            sample = self.pair.batch(plan.batch, f"{plan.seed} scale {number}")
            return self.pair.both(render(sample[0], [share] * plan.batch), sample)

        return balance(at)

    def render(self, name: str) -> Render:
        """One of ``NAMES``, trained or read from where it was."""
        makers: dict[str, Callable[[], Render]] = {
            "fixed": self._fixed,
            "long": self._long,
            "dni": self._dni,
            "blend": self._blend,
            "film": self._film,
            "gains": self._gains,
        }
        return makers[name]()

    def _fixed(self) -> Render:
        """One network per mixture, the first of them θ."""
        return self._single("fixed", self.pair.plan.steps, {SHARES[0]: DynamicNet(self._network(self.folder))})

    def _long(self) -> Render:
        """One network per mixture, trained for longer."""
        return self._single("long", self.pair.plan.steps + self.after, {})

    def _single(self, name: str, steps: int, nets: dict[float, DynamicNet]) -> Render:
        """One network per mixture, some of which there are; of a share between two of ``SHARES`` the nearest one's."""
        nets |= {share: self._trained(name, share, steps) for share in SHARES if share not in nets}

        def render(one: Tensor, shares: list[float]) -> Tensor:
            return torch.cat([nets[min(SHARES, key=lambda s: abs(s - share))](one, {}) for share in shares])

        return render

    def _trained(self, name: str, share: float, steps: int) -> DynamicNet:
        net = DynamicNet(self._network(self.start))
        self._train(f"{name}-{share:g}", net, lambda inputs, _: net(inputs, {}), steps, share)
        return net

    def _dni(self) -> Render:
        """Parameters between those of θ and of θ fine-tuned for O₁ (Deep Network Interpolation, CVPR 2019)."""
        first, second, between = (DynamicNet(self._network(self.folder)) for _ in range(3))
        self._train("dni", second, lambda inputs, _: second(inputs, {}), self.after, 1.0)
        ends = first.state_dict(), second.state_dict()

        def render(one: Tensor, shares: list[float]) -> Tensor:
            outputs = []
            for share in shares:
                between.load_state_dict(
                    {name: torch.lerp(value, ends[1][name], share) for name, value in ends[0].items()}
                )
                outputs.append(between(one, {}))
            return torch.cat(outputs)

        return render

    def _film(self) -> Render:
        """One network that is told the mixture."""
        net = Film(self._network(self.start))
        self._train("film", net, net, self.pair.plan.steps + self.after, None)
        return lambda one, shares: net(one.expand(len(shares), -1, -1, -1), torch.tensor(shares))

    def _gains(self) -> Render:
        """This package, with gains in place of α."""
        net = Gains(package.load(self.folder).net, self.axis)
        self._train(f"gains-{self.folder.name}", net, net, GAIN_STEPS, None, GAIN_RATE)
        return lambda one, shares: net(one.expand(len(shares), -1, -1, -1), torch.tensor(shares))

    def _blend(self) -> Render:
        """The pictures of both ends, cross-faded."""
        ends = along(self.folder, self.axis)

        def render(one: Tensor, shares: list[float]) -> Tensor:
            low, high = ends(one, [0.0, 1.0]).clamp(0, 1)
            return torch.stack([torch.lerp(low, high, share) for share in shares])

        return render

    def _network(self, start: Path | None) -> MainNetwork:
        torch.manual_seed(self.pair.plan.seed)
        network = package.build(package.read_manifest(self.folder)).network
        if start is not None:
            network.load_state_dict(package.load(start).net.network.state_dict())
        return network

    def _train(
        self,
        name: str,
        net: nn.Module,
        run: Callable[[Tensor, Tensor], Tensor],
        steps: int,
        share: float | None,
        rate: float | None = None,
    ) -> None:
        """Train a network for one share of O₁, or, for None, for shares that are drawn; or read it, if it was."""
        file = self.runs / f"{name}.safetensors"
        net.requires_grad_(True)
        if not file.exists():
            plan = replace(self.pair.plan, steps=steps, learning_rate=rate or self.pair.plan.learning_rate)

            def losses(step: int) -> Losses:
                draw = f"{plan.seed} {name} {step}"
                sample, random = self.pair.batch(plan.batch, draw), Random(draw)
                shares = torch.tensor([random.random() if share is None else share for _ in range(plan.batch)])
                with autocast(shares.device):
                    outputs = run(sample[0], shares).float()
                return {"total": mixed(*self.pair.both(outputs, sample), self.scale, shares).mean()}

            checkpoint = self.runs / f"{name}.checkpoint.safetensors"
            run_phase(name, net, losses, plan, Progressed(checkpoint, lambda _: None), self.console)
            save_file(net.state_dict(), file)
            checkpoint.unlink()
        net.load_state_dict(load_file(file))
        net.eval().requires_grad_(False)


def along(folder: Path, axis: AxisSpec) -> Render:
    """A package's pictures along an axis, α being the share."""
    net = package.load(folder).net
    return lambda one, shares: net.render(net.prepare(one), {axis.id: per_picture(shares)})
