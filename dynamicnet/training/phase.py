"""One phase of training: some parameters, one objective, so many steps; every phase of every recipe runs here."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

Losses = Mapping[str, Tensor]
"""Scalars by name; ``total`` is what is minimised."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast a phase trains.

    Attributes:
        crop: side of the pictures trained on, in pixels.
        learning_rate: the highest, of both sides where there is an opponent.
        betas: Adam's.
        average: decay of the moving average of the parameters that is kept in the end; 0 keeps the last ones.
    """

    steps: int
    batch: int
    crop: int
    learning_rate: float
    seed: int
    betas: tuple[float, float] = (0.9, 0.999)
    average: float = 0.0


@dataclass(frozen=True)
class Opponent:
    """A discriminator, trained in turn with what it judges: each step it goes first.

    Attributes:
        module: the discriminator; all its parameters are trained.
        losses: computes its losses of one step.
    """

    module: nn.Module
    losses: Callable[[int], Losses]


@dataclass(frozen=True)
class Progressed:
    """Where a phase's files go and how often: checkpoint, and a callback for sample sheets."""

    checkpoint: Path
    every: int
    sample: Callable[[int], None]


def learning_rate(plan: Plan, step: int) -> float:
    """Linear warm-up over the first twentieth, then half a cosine down to nothing."""
    warm = max(1, plan.steps // 20)
    if step < warm:
        return plan.learning_rate * (step + 1) / warm
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, plan.steps - warm)))


class _Side:
    """One module that is trained: its parameters, its buffers, its optimiser and its average."""

    def __init__(self, module: nn.Module, plan: Plan, average: float) -> None:
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        kept = module.state_dict().keys()
        self.buffers = {name: b for name, b in module.named_buffers() if name in kept}
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=plan.learning_rate, betas=plan.betas)
        self.decay = average
        self.averages = {name: p.detach().clone() for name, p in self.parameters.items()} if average else {}

    def step(self, losses: Losses, rate: float, step: int) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), 5.0)
        self.optimiser.step()
        decay = min(self.decay, (step + 1) / (step + 10))  # early on, the start must not weigh
        for name, average in self.averages.items():
            average.lerp_(self.parameters[name].detach(), 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The module with the average of its parameters, for as long as the context lasts."""
        last = {name: self.parameters[name].detach().clone() for name in self.averages}
        self._put(self.averages)
        try:
            yield
        finally:
            self._put(last)

    def keep_average(self) -> None:
        self._put(self.averages)

    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self.parameters[name].data.copy_(value)

    def tensors(self) -> dict[str, Tensor]:
        tensors = {f"value.{name}": p.detach() for name, p in self.parameters.items()}
        tensors |= {f"buffer.{name}": b for name, b in self.buffers.items()}
        tensors |= {f"average.{name}": a for name, a in self.averages.items()}
        for name, parameter in self.parameters.items():
            tensors |= {f"{part}.{name}": tensor for part, tensor in self.optimiser.state[parameter].items()}
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        for name, buffer in self.buffers.items():
            buffer.copy_(tensors[f"buffer.{name}"])
        for name, average in self.averages.items():
            average.copy_(tensors[f"average.{name}"])
        for name, parameter in self.parameters.items():
            parameter.data.copy_(tensors[f"value.{name}"])
            self.optimiser.state[parameter] = {
                part: tensors[f"{part}.{name}"].to(parameter.device if part != "step" else "cpu")
                for part in ("step", "exp_avg", "exp_avg_sq")
            }


def run_phase(
    title: str,
    trained: nn.Module,
    losses: Callable[[int], Losses],
    plan: Plan,
    files: Progressed,
    console: Console,
    opponent: Opponent | None = None,
) -> float:
    """Train one module, going on from its checkpoint where there is one.

    Everything random in a step must follow from ``plan.seed`` and the step's number, so that a run that was
    killed and taken up again ends with the same bits as one that was not.

    Args:
        title: for the progress bar.
        trained: the module whose parameters that require a gradient are trained.
        losses: computes the losses of one step.
        plan: how long and how fast.
        files: checkpoint and samples.
        console: where to report.
        opponent: what it is trained against, for adversarial objectives.

    Returns:
        Seconds spent, the interrupted runs' included.
    """
    sides = {"trained": _Side(trained, plan, plan.average)}
    if opponent is not None:
        sides["opponent"] = _Side(opponent.module, plan, 0.0)
    start, spent = _restore(files.checkpoint, sides)
    begun = time.monotonic() - spent
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.2f} steps/s  {task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=plan.steps, completed=start, speed=0.0, losses="")
        since = time.monotonic()
        for step in range(start, plan.steps):
            rate = learning_rate(plan, step)
            now: dict[str, Tensor] = {}
            if opponent is not None:
                theirs = opponent.losses(step)
                sides["opponent"].step(theirs, rate, step)
                now = {f"opponent {name}": value for name, value in theirs.items()}
            ours = losses(step)
            sides["trained"].step(ours, rate, step)
            now |= ours
            done = step + 1
            pauses = done % files.every == 0 or done == plan.steps
            if done % 10 == 0 or pauses:
                speed = (done - start) / (time.monotonic() - since)
                text = "  ".join(f"{name} {value.item():.4f}" for name, value in now.items())
                progress.update(task, completed=done, speed=speed, losses=text)
            if pauses:
                if not console.is_terminal:
                    console.print(f"{title} {done}/{plan.steps}  {speed:.2f} steps/s  {text}", soft_wrap=True)
                _save(files.checkpoint, sides, done, time.monotonic() - begun)
                with sides["trained"].averaged():
                    files.sample(done)
    sides["trained"].keep_average()
    return time.monotonic() - begun


def _save(file: Path, sides: Mapping[str, _Side], step: int, spent: float) -> None:
    tensors = {f"{which}.{name}": t for which, side in sides.items() for name, t in side.tensors().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    save_file(tensors, partial, metadata={"step": str(step), "spent": str(spent)})
    partial.replace(file)


def _restore(file: Path, sides: Mapping[str, _Side]) -> tuple[int, float]:
    if not file.exists():
        return 0, 0.0
    with safe_open(file, "pt") as saved:
        metadata = saved.metadata()
        tensors = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118
    for which, side in sides.items():
        prefix = f"{which}."
        side.restore({name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)})
    return int(metadata["step"]), float(metadata["spent"])
