"""One phase of training: some parameters, one objective, so many steps; every phase of every recipe runs here."""

import math
import time
from collections.abc import Callable, Mapping
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
    """How long and how fast a phase trains."""

    steps: int
    batch: int
    crop: int
    learning_rate: float
    seed: int


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


def run_phase(
    title: str,
    trained: nn.Module,
    losses: Callable[[int], Losses],
    plan: Plan,
    files: Progressed,
    console: Console,
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

    Returns:
        Seconds spent, the interrupted runs' included.
    """
    parameters = {name: p for name, p in trained.named_parameters() if p.requires_grad}
    optimiser = torch.optim.Adam(parameters.values(), lr=plan.learning_rate)
    start, spent = _restore(files.checkpoint, parameters, optimiser)
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
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(plan, step)
            now = losses(step)
            optimiser.zero_grad(set_to_none=True)
            now["total"].backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters.values(), 5.0)
            optimiser.step()
            done = step + 1
            pauses = done % files.every == 0 or done == plan.steps
            if done % 10 == 0 or pauses:
                speed = (done - start) / (time.monotonic() - since)
                text = "  ".join(f"{name} {value.item():.4f}" for name, value in now.items())
                progress.update(task, completed=done, speed=speed, losses=text)
            if pauses:
                if not console.is_terminal:
                    console.print(f"{title} {done}/{plan.steps}  {speed:.2f} steps/s  {text}", soft_wrap=True)
                _save(files.checkpoint, parameters, optimiser, done, time.monotonic() - begun)
                files.sample(done)
    return time.monotonic() - begun


def _save(
    file: Path, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Adam, step: int, spent: float
) -> None:
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"value.{name}"] = parameter.detach().contiguous()
        for part, tensor in optimiser.state[parameter].items():
            tensors[f"{part}.{name}"] = tensor.contiguous()
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    save_file(tensors, partial, metadata={"step": str(step), "spent": str(spent)})
    partial.replace(file)


def _restore(file: Path, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Adam) -> tuple[int, float]:
    if not file.exists():
        return 0, 0.0
    with safe_open(file, "pt") as saved:
        metadata = saved.metadata()
        for name, parameter in parameters.items():
            parameter.data.copy_(saved.get_tensor(f"value.{name}"))
            optimiser.state[parameter] = {
                part: saved.get_tensor(f"{part}.{name}").to(parameter.device if part != "step" else "cpu")
                for part in ("step", "exp_avg", "exp_avg_sq")
            }
    return int(metadata["step"]), float(metadata["spent"])
