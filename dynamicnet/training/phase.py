"""One phase of training: some parameters, one objective, so many steps; every phase of every recipe runs here."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from dynamicnet.errors import DynamicNetError, reason
from dynamicnet.files.replaced import replaced
from dynamicnet.training.curve import Curve

SAVE_SECONDS = 120.0
"""How much of a run may be lost, whatever ends it."""

SAY_SECONDS = 30.0
"""How often a log that is no terminal is told."""

ROW_STEPS = 10
"""How many steps are one row of a curve."""

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


class Budget:
    """The hours that a run may take, shared over its phases in proportion to their steps.

    Whatever else takes time, between phases or before the first, is taken from the phases still to come.
    """

    def __init__(self, hours: float | None, steps: int) -> None:
        """Begin to count.

        Args:
            hours: of the whole run, those of earlier processes included; None gives every phase its steps.
            steps: of all phases together.
        """
        self._left = math.inf if hours is None else 3600 * hours
        self._steps = steps
        self._since = time.monotonic()

    def seconds(self, steps: int) -> float:
        """What the next phase, of so many steps, may take; infinite without hours."""
        self._left -= time.monotonic() - self._since
        share = steps / self._steps if self._steps else 1.0
        self._steps -= steps
        return max(1.0, self._left * share) if share else math.inf

    def spend(self, seconds: float) -> None:
        """Tell what the phase took, in this process and in earlier ones."""
        self._left -= seconds
        self._since = time.monotonic()


@dataclass(frozen=True)
class Opponent:
    """A discriminator, trained in turn with what it judges: each step it goes first.

    Attributes:
        module: the discriminator; all its parameters are trained.
        losses: computes its losses of one step.
    """

    module: nn.Module
    losses: Callable[[int], Losses]


class Done(NamedTuple):
    """How far a phase has come, earlier processes included."""

    steps: int
    seconds: float


@dataclass(frozen=True)
class Progressed:
    """Where a phase's files go, and what else is done at every checkpoint, with the average of the parameters.

    Attributes:
        checkpoint: its file; the curve is beside it.
        pause: writes sample sheets, and the package as it stands.
    """

    checkpoint: Path
    pause: Callable[[Done], None]


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """SIGINT or SIGTERM came, and all is saved.

    Attributes:
        status: what shells expect the process to exit with.
    """

    def __init__(self, title: str, steps: int, number: int) -> None:
        super().__init__(f"{title}: stopped after step {steps}, which is saved; the same command goes on from there.")
        self.status = 128 + number


def learning_rate(plan: Plan, step: float) -> float:
    """Linear warm-up over the first twentieth, then half a cosine down to nothing.

    Args:
        plan: the phase.
        step: how many of its steps are done; where time is what counts, as many as that share of it stands for.
    """
    warm = max(1, plan.steps // 20)
    if step < warm:
        return plan.learning_rate * min(1.0, (step + 1) / warm)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, plan.steps - warm)))


class _Side:
    """One module that is trained: its parameters, its buffers, its optimiser and its average."""

    def __init__(self, module: nn.Module, plan: Plan, average: float) -> None:
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        kept = module.state_dict().keys()
        self.buffers = {name: b for name, b in module.named_buffers() if name in kept}
        self.optimiser = torch.optim.Adam(self.parameters.values(), plan.learning_rate, plan.betas, fused=True)
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
    def fixed(self) -> Iterator[None]:
        """No gradients of its parameters are computed, for as long as the context lasts."""
        for parameter in self.parameters.values():
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in self.parameters.values():
                parameter.requires_grad_(True)

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

    def now(self) -> dict[str, Tensor]:
        """Its parameters and its buffers."""
        return {f"value.{name}": p.detach() for name, p in self.parameters.items()} | {
            f"buffer.{name}": b for name, b in self.buffers.items()
        }

    def tensors(self) -> dict[str, Tensor]:
        tensors = self.now()
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
            moments = {part: tensors[f"{part}.{name}"] for part in ("exp_avg", "exp_avg_sq")}
            self.optimiser.state[parameter] = {
                "step": tensors[f"step.{name}"].to(parameter.device),
                # As the parameter lies in memory: a fused step goes through all of them in one order.
                **{part: torch.empty_like(parameter.detach()).copy_(moment) for part, moment in moments.items()},
            }


def run_phase(
    title: str,
    trained: nn.Module,
    losses: Callable[[int], Losses],
    plan: Plan,
    files: Progressed,
    console: Console,
    opponent: Opponent | None = None,
    budget: Budget | None = None,
) -> Done:
    """Train one module, going on from its checkpoint where there is one.

    Everything random in a step must follow from ``plan.seed`` and the step's number, so that a run that was
    killed and taken up again ends with the same bits as one that was not. Where a budget gives hours, how many
    steps there are, and the learning rate of each, follow from the time that has passed instead.

    SIGINT and SIGTERM are waited for until the step is done and saved; a second one is not.

    Args:
        title: for the progress bar.
        trained: the module whose parameters that require a gradient are trained.
        losses: computes the losses of one step.
        plan: how long and how fast.
        files: checkpoint and samples.
        console: where to report.
        opponent: what it is trained against, for adversarial objectives.
        budget: of the run that it is a phase of; without one, or without hours, it takes the plan's steps.

    Raises:
        Stopped: by a signal.
        DynamicNetError: ``training-diverged``; ``run-taken``, the checkpoint is another network's, or damaged.
    """
    trained.train(trained.training)  # as a Dynamic-Net minds which of its parameters are trained by now
    budget = budget or Budget(None, plan.steps)
    sides = {"trained": _Side(trained, plan, plan.average)}
    if opponent is not None:
        sides["opponent"] = _Side(opponent.module, plan, 0.0)
    begun = time.monotonic()
    allowed = budget.seconds(plan.steps) if plan.steps else math.inf
    start = _restore(files.checkpoint, sides)
    begun -= start.seconds
    curve = Curve(files.checkpoint.with_suffix(".csv"), start.steps)

    def reached(step: int) -> float:
        """In steps of the plan."""
        return step if math.isinf(allowed) else plan.steps * (time.monotonic() - begun) / allowed

    columns = (
        TextColumn("{task.description}"),
        BarColumn(10),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    at = float(plan.steps) if start.finished else reached(start.steps)
    if start.steps:
        console.print(f"{title}: going on after step {start.steps}", soft_wrap=True)
    step, said, saved, since = start.steps, -math.inf, time.monotonic(), time.monotonic()
    with _signals() as signals, Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=plan.steps, text="")
        while at < plan.steps:
            rate = learning_rate(plan, at)
            now: dict[str, Tensor] = {}
            if opponent is not None:
                theirs = opponent.losses(step)
                sides["opponent"].step(theirs, rate, step)
                now = {f"opponent {name}": value for name, value in theirs.items()}
            with sides["opponent"].fixed() if opponent else nullcontext():
                ours = losses(step)
                sides["trained"].step(ours, rate, step)
            curve.add(now | dict(ours))
            step += 1
            at = reached(step)
            clock = time.monotonic()
            pauses = at >= plan.steps or clock - saved >= SAVE_SECONDS or bool(signals)
            if step % ROW_STEPS == 0 or pauses or math.isinf(said):
                means = curve.row(step, clock - begun, rate)
                if not all(map(math.isfinite, means.values())):
                    raise _diverged(title, step)
                speed = (step - start.steps) / (clock - since)
                text = f"step {step}  {speed:.2f} steps/s  "
                progress.update(task, completed=at, text=f"{text}total {means['total']:.4f}")
                text += "  ".join(f"{k} {v:.4f}" for k, v in means.items())
                if pauses or clock - said >= SAY_SECONDS:
                    said = clock
                    if not console.is_terminal:
                        console.print(f"{title} {min(1.0, at / plan.steps):.0%}  {text}", soft_wrap=True)
            if pauses:
                done = Done(step, clock - begun)
                _save(files.checkpoint, sides, done, finished=at >= plan.steps)
                with sides["trained"].averaged():
                    files.pause(done)
                if signals:
                    raise Stopped(title, step, signals[0])
                saved = time.monotonic()
    sides["trained"].keep_average()
    done = Done(step, start.seconds if start.finished else time.monotonic() - begun)
    budget.spend(done.seconds)
    return done


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that asked to stop, as they come; the second of a kind does what it would have done."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # which alone can be told
        yield seen
        return

    def note(number: int, _: object) -> None:
        seen.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _diverged(title: str, step: int) -> DynamicNetError:
    return DynamicNetError(
        "training-diverged",
        f"{title}: the losses are no longer finite at step {step}; train at a lower rate. The last checkpoint is kept.",
    )


def _not_its_own(file: Path, why: str) -> DynamicNetError:
    sentence = f"The checkpoint '{file}' {why}; remove it, or choose another --run."
    return DynamicNetError("run-taken", sentence)


class _Start(NamedTuple):
    """Where a checkpoint stands."""

    steps: int
    seconds: float
    finished: bool


def _save(file: Path, sides: Mapping[str, _Side], done: Done, *, finished: bool) -> None:
    tensors = {f"{which}.{name}": t for which, side in sides.items() for name, t in side.tensors().items()}
    with replaced(file) as partial:
        save_file(tensors, partial, {"step": str(done.steps), "spent": str(done.seconds), "finished": str(finished)})


def _restore(file: Path, sides: Mapping[str, _Side]) -> _Start:
    if not file.exists():
        return _Start(0, 0.0, finished=False)
    try:
        with safe_open(file, "pt") as saved:
            metadata = saved.metadata()
            tensors = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise _not_its_own(file, f"cannot be read ({reason(error)})") from None
    now = {f"{which}.{name}": tensor for which, side in sides.items() for name, tensor in side.now().items()}
    saved_too = {name: tensor for name, tensor in tensors.items() if name.split(".")[1] in ("value", "buffer")}
    if {name: t.shape for name, t in now.items()} != {name: t.shape for name, t in saved_too.items()}:
        raise _not_its_own(file, "is of another network")
    for which, side in sides.items():
        prefix = f"{which}."
        side.restore({name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)})
    return _Start(int(metadata["step"]), float(metadata["spent"]), metadata["finished"] == "True")
