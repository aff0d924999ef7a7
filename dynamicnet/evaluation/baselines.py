"""What an axis is compared with: same network, start, training data and seed.

Trained for figures only, and never served. A network for a single mixture is trained as θ was, for as many steps (paper
section 4), or, as ``long``, for as many as the whole axis took: those of phase one, and those after it. So is what
covers all mixtures.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation.pair import Cut, Sample, whole
from dynamicnet.files.replaced import replaced
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.method.pieces import finish
from dynamicnet.model import placed
from dynamicnet.networks.base import MainNetwork
from dynamicnet.precision import autocast
from dynamicnet.training.phase import Losses, Plan, Progressed, run_phase

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Mixtures that a fixed network is trained for: the share of O₁."""

GAIN_STEPS, GAIN_RATE = 200, 0.02  # a few numbers, far from where they start

CPU = torch.device("cpu")

NAMES = ("fixed", "long", "dni", "blend", "film", "gains")
SINGLE = ("fixed", "long")
"""Of those, a network for each of some shares and nothing between."""

Render = Callable[[Tensor, list[float]], Tensor]
"""One input (1, C, H, W) at several shares of O₁: (shares, 3, H, W), not clamped."""


@dataclass(frozen=True)
class Mixtures:
    """What is learnt for a share of the way from the low end of an axis to the high end.

    Attributes:
        plan: how phase one was trained; others are trained likewise, for another number of steps.
        batch: a sample to train on, for the share of each, (N,), that follows from a draw.
        loss: what is minimised, (N,), of outputs (N, 3, H, W), the sample they were made of, and shares.
        shares: those that there is to be a network of its own for.
        cut: what is compared of the outputs.
    """

    plan: Plan
    batch: Callable[[Tensor, str], Sample]
    loss: Callable[[Tensor, Sample, Tensor], Tensor]
    shares: tuple[float, ...] = SHARES
    cut: Cut = whole


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
        seen = finish(self.network.look(inputs))
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

    def train(self, mode: bool = True) -> "Gains":
        """Likewise the Dynamic-Net, whose noise then lies anywhere."""
        self._frozen[0].train(mode)
        return super().train(mode)

    def forward(self, inputs: Tensor, shares: Tensor) -> Tensor:
        """Inputs (N, C, H, W), sides multiples of the network's, and the share of O₁ of each, (N,)."""
        net, axis = self._frozen
        near = 1 - (shares[:, None] - torch.tensor(SHARES[1:])).abs() * len(self.knots)
        gains = dict(zip(axis.blocks, (near.clamp_min(0) @ self.knots).unbind(1), strict=True))
        seen = finish(net.network.look(inputs))
        z = inputs
        for name in net.network.stages:
            z = net.network.run(name, z, seen.get(name))
            if name in gains:
                z = z + gains[name][:, None, None, None] * net.axes[axis.id].block("high", name)(z)  # type: ignore[operator]
        return z


def beginning(folder: Path, axis: AxisSpec) -> Path | None:
    """The package that θ of a package started from, and that what is trained as θ was starts from as well; or none.

    Raises:
        DynamicNetError: ``not-comparable``: nothing can be trained as θ was.
    """
    main = _phases(folder, axis)[0]
    if not main.steps:
        raise DynamicNetError(
            "not-comparable", f"Others are trained as θ was, and that of '{folder.name}' was taken as it stood."
        )
    if main.started_from is None:
        return None
    if main.started_from == folder.name:
        raise DynamicNetError(
            "not-comparable", f"'{folder.name}' went on from itself, and what it was before is not there."
        )
    start = folder.parent / main.started_from
    if not start.is_dir():
        raise DynamicNetError(
            "not-comparable", f"θ of '{folder.name}' started from '{main.started_from}': copy that to '{start}'."
        )
    return start


def _phases(folder: Path, axis: AxisSpec) -> list[package.Phase]:
    """Phase one of a package, and those of an axis.

    Raises:
        DynamicNetError: ``not-comparable``: it does not say.
    """
    phases = [phase for phase in package.read_manifest(folder).training.phases if phase.axis in (None, axis.id)]
    if len(phases) < 2 or phases[0].axis is not None:
        raise DynamicNetError(
            "not-comparable", f"Baselines are for axes that a package was trained with: not '{axis.id}'."
        )
    return phases


class Baselines:
    """The networks one axis is compared with, in a folder that is filled as they are trained."""

    def __init__(self, folder: Path, axis: AxisSpec, mixtures: Mixtures, runs: Path, console: Console) -> None:
        """Read the package that is compared, and with it how many steps it took.

        Raises:
            DynamicNetError: ``not-comparable``, its package says too little.
        """
        phases = _phases(folder, axis)
        said = axis.model_dump_json(include={"id", "range", "blocks", "norm"})
        said += "".join(phase.model_dump_json() for phase in phases)
        self.word = blake2b(said.encode(), digest_size=8).hexdigest()  # of another training nothing is read again
        self.after = sum(phase.steps for phase in phases[1:])
        self.folder, self.axis, self.mixtures, self.runs, self.console = folder, axis, mixtures, runs, console

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
        """One network per mixture, θ being one of them."""
        return _nearest({share: self._alone(share) for share in self.mixtures.shares})

    def _long(self) -> Render:
        """One network per mixture, trained for longer."""
        steps = self.mixtures.plan.steps + self.after
        return _nearest({share: self._trained("long", share, steps) for share in self.mixtures.shares})

    def _alone(self, share: float) -> DynamicNet:
        """The fixed network of a share: θ, if that is what α = 0 stands for."""
        low, high = self.axis.range
        if share == -low / (high - low):
            return DynamicNet(self._network(self.folder))
        return self._trained("fixed", share, self.mixtures.plan.steps)

    def _trained(self, name: str, share: float, steps: int) -> DynamicNet:
        net = DynamicNet(self._network(beginning(self.folder, self.axis)))
        self._train(f"{name}-{share:g}", net, lambda inputs, _: net(inputs, {}), steps, share)
        return net

    def _dni(self) -> Render:
        """Parameters between a network for O₀ and it fine-tuned for O₁ (Deep Network Interpolation, CVPR 2019)."""
        first = self._alone(SHARES[0])
        second, between = deepcopy(first), deepcopy(first)
        self._train("dni", second, lambda inputs, _: second(inputs, {}), self.after, 1.0)
        ends = first.state_dict(), second.state_dict()

        def render(one: Tensor, shares: list[float]) -> Tensor:
            outputs = []
            for share in shares:
                between.load_state_dict(
                    {
                        name: torch.lerp(value, ends[1][name], share) if value.is_floating_point() else value
                        for name, value in ends[0].items()
                    }
                )
                outputs.append(between(one, {}))
            return torch.cat(outputs)

        return render

    def _film(self) -> Render:
        """One network that is told the mixture."""
        net = Film(self._network(beginning(self.folder, self.axis)))
        self._train("film", net, net, self.mixtures.plan.steps + self.after, None)
        return _told(net, net.network.multiple)

    def _gains(self) -> Render:
        """This package, with gains in place of α."""
        if "low" in self.axis.signs:
            raise DynamicNetError("not-comparable", f"Gains are for axes from 0 to 1: not '{self.axis.id}'.")
        net = Gains(package.load(self.folder).net, self.axis)
        self._train(f"gains-{self.folder.name}", net, net, GAIN_STEPS, None, GAIN_RATE)
        return _told(net, self._network(None).multiple)

    def _blend(self) -> Render:
        """The pictures of both ends, cross-faded."""
        ends = along(self.folder, self.axis)

        def render(one: Tensor, shares: list[float]) -> Tensor:
            low, high = ends(one, [0.0, 1.0]).clamp(0, 1)
            return torch.stack([torch.lerp(low, high, share) for share in shares])

        return render

    def _network(self, start: Path | None) -> MainNetwork:
        torch.manual_seed(self.mixtures.plan.seed)
        network = placed(package.build(package.read_manifest(self.folder)).network, CPU)
        if start is not None:
            network.load_state_dict(package.load(start).net.network.state_dict())
        return network.eval()

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
        file = self.runs / f"{name}-{self.word}.safetensors"
        net.train().requires_grad_(True)  # noise lies anywhere
        if not file.exists():
            plan = replace(self.mixtures.plan, steps=steps, learning_rate=rate or self.mixtures.plan.learning_rate)

            def losses(step: int) -> Losses:
                draw = f"{plan.seed} {name} {step}"
                torch.manual_seed(plan.seed + step)  # where it lies
                random = Random(draw)
                shares = torch.tensor([random.random() if share is None else share for _ in range(plan.batch)])
                sample = self.mixtures.batch(shares, draw)
                with autocast(shares.device):
                    outputs, sample = self.mixtures.cut(run(sample[0], shares).float(), sample, draw)
                    return {"total": self.mixtures.loss(outputs, sample, shares).mean()}

            checkpoint = self.runs / f"{name}-{self.word}.checkpoint.safetensors"
            run_phase(name, net, losses, plan, Progressed(checkpoint, lambda _: None), self.console)
            with replaced(file) as partial:
                save_file(package.stored(net), partial)
            checkpoint.unlink()
        net.load_state_dict(load_file(file))
        net.eval().requires_grad_(False)


def along(folder: Path, axis: AxisSpec) -> Render:
    """A package's pictures along an axis."""
    net = placed(package.load(folder).net, CPU)
    low, high = axis.range

    def render(one: Tensor, shares: list[float]) -> Tensor:
        return net.render(net.prepare(one), {axis.id: per_picture([low + share * (high - low) for share in shares])})

    return render


def _told(net: Film | Gains, multiple: int) -> Render:
    """Pictures of one network that is told the shares, padded by reflection to a multiple."""

    def render(one: Tensor, shares: list[float]) -> Tensor:
        height, width = one.shape[2:]
        padded = F.pad(one, (0, -width % multiple, 0, -height % multiple), mode="reflect")
        outputs: Tensor = net(padded.expand(len(shares), -1, -1, -1), torch.tensor(shares))
        return outputs[..., :height, :width]

    return render


def _nearest(nets: Mapping[float, DynamicNet]) -> Render:
    """Pictures of networks by share; of a share between two of them, the nearer one's."""
    return lambda one, shares: torch.cat(
        [nets[min(nets, key=lambda known: abs(known - share))](one, {}) for share in shares]
    )
