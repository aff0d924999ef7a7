"""What an axis of a style model is compared with: same network, start, photographs, steps and seed.

Trained for figures only, and never served. Each is trained for as many steps as one end of the Dynamic-Net: those of
phase one, and those of the axis after it.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.alpha import per_picture
from dynamicnet.blocks import AxisSpec
from dynamicnet.dynamic import DynamicNet
from dynamicnet.errors import DynamicNetError
from dynamicnet.networks.base import MainNetwork
from dynamicnet.objectives.perceptual import StyleObjective, both
from dynamicnet.training.phase import Losses, Plan, Progressed, run_phase
from dynamicnet.training.photos import Photos

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Mixtures that a fixed network is trained for: the share of O₁."""

NAMES = ("fixed", "dni", "blend", "film")

Render = Callable[[Tensor, list[float]], Tensor]
"""One picture (1, 3, H, W) in [0, 1] at several shares of O₁: (shares, 3, H, W), not clamped."""


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

    def forward(self, pictures: Tensor, shares: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) in [0, 1], sides multiples of the network's, and the share of O₁ of each, (N,)."""
        z = pictures
        for name in self.network.stages:
            z = self.network.run(name, z, self.network.look(name, pictures))
            if name in self.conditions:
                scale, shift = self.conditions[name](shares[:, None])[..., None, None].chunk(2, 1)
                z = z * (1 + scale) + shift
        return z


class Baselines:
    """The networks one axis is compared with, in a folder that is filled as they are trained."""

    def __init__(
        self,
        folder: Path,
        axis: AxisSpec,
        low: StyleObjective,
        high: StyleObjective,
        images: Path,
        runs: Path,
        console: Console,
    ) -> None:
        """Read the package that is compared, and with it steps, seed and how its objectives are mixed.

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
        self.main, *after = phases
        self.after = sum(phase.steps for phase in after)
        self.scale: float = after[-1].objective.get("mixed_with", {}).get("scale", 1.0)
        self.folder, self.axis, self.low, self.high, self.runs, self.console = folder, axis, low, high, runs, console
        self.photos = Photos(images, self.main.crop, held_out=False)

    def render(self, name: str) -> Render:
        """One of ``NAMES``, trained or read from where it was."""
        makers: dict[str, Callable[[], Render]] = {
            "fixed": self._fixed,
            "dni": self._dni,
            "blend": self._blend,
            "film": self._film,
        }
        return makers[name]()

    def _fixed(self) -> Render:
        """One network per mixture; of a share between two of ``SHARES`` the nearest one's."""
        nets = {share: self._trained(share) for share in SHARES}

        def render(picture: Tensor, shares: list[float]) -> Tensor:
            return torch.cat([nets[min(SHARES, key=lambda s: abs(s - share))](picture, {}) for share in shares])

        return render

    def _trained(self, share: float) -> DynamicNet:
        net = DynamicNet(self._network(self._start))
        self._train(f"fixed-{share:g}", net, lambda pictures, _: net(pictures, {}), self.main.steps + self.after, share)
        return net

    def _dni(self) -> Render:
        """Parameters between those of θ and of θ fine-tuned for O₁ (Deep Network Interpolation, CVPR 2019)."""
        first, second, between = (DynamicNet(self._network(self.folder)) for _ in range(3))
        self._train("dni", second, lambda pictures, _: second(pictures, {}), self.after, 1.0)
        ends = first.state_dict(), second.state_dict()

        def render(picture: Tensor, shares: list[float]) -> Tensor:
            outputs = []
            for share in shares:
                between.load_state_dict({name: torch.lerp(one, ends[1][name], share) for name, one in ends[0].items()})
                outputs.append(between(picture, {}))
            return torch.cat(outputs)

        return render

    def _film(self) -> Render:
        """One network that is told the mixture."""
        net = Film(self._network(self._start))
        self._train("film", net, net, self.main.steps + self.after, None)
        return lambda picture, shares: net(picture.expand(len(shares), -1, -1, -1), torch.tensor(shares))

    def _blend(self) -> Render:
        """The pictures of both ends, cross-faded."""
        ends = along(self.folder, self.axis)

        def render(picture: Tensor, shares: list[float]) -> Tensor:
            low, high = ends(picture, [0.0, 1.0]).clamp(0, 1)
            return torch.stack([torch.lerp(low, high, share) for share in shares])

        return render

    @property
    def _start(self) -> Path | None:
        return self.folder.parent / self.main.started_from if self.main.started_from else None

    def _network(self, start: Path | None) -> MainNetwork:
        torch.manual_seed(self.main.seed)
        network = package.build(package.read_manifest(self.folder)).network
        if start is not None:
            network.load_state_dict(package.load(start).net.network.state_dict())
        return network

    def _train(
        self, name: str, net: nn.Module, run: Callable[[Tensor, Tensor], Tensor], steps: int, share: float | None
    ) -> None:
        """Train a network for one share of O₁, or, for None, for shares that are drawn; or read it, if it was."""
        file = self.runs / f"{name}.safetensors"
        net.requires_grad_(True)
        if not file.exists():
            plan = Plan(steps, self.main.batch, self.main.crop, self.main.learning_rate, self.main.seed)

            def losses(step: int) -> Losses:
                draw = f"{plan.seed} {name} {step}"
                batch, random = self.photos.batch(plan.batch, draw), Random(draw)
                shares = torch.tensor([random.random() if share is None else share for _ in range(plan.batch)])
                outputs = run(batch, shares)
                low, high = both(self.low, self.high, outputs, batch)
                return {"total": torch.lerp(self.scale * low, high, shares).mean()}

            checkpoint = self.runs / f"{name}.checkpoint.safetensors"
            run_phase(name, net, losses, plan, Progressed(checkpoint, 200, lambda _: None), self.console)
            save_file(net.state_dict(), file)
            checkpoint.unlink()
        net.load_state_dict(load_file(file))
        net.eval().requires_grad_(False)


def along(folder: Path, axis: AxisSpec) -> Render:
    """A package's pictures along an axis, α being the share."""
    net = package.load(folder).net
    return lambda picture, shares: net.render(net.prepare(picture), {axis.id: per_picture(shares)})
