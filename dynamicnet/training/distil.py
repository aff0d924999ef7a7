"""The recipe for an encoder: a narrow one that sees what wider ones see, distilled from them.

As in "Collaborative Distillation" (Wang et al., CVPR 2020), each layer that objectives compare has a lift, a 1×1
convolution to the width of the teacher's layer, and the lifted features are brought near to the teacher's. The student
starts as one of its teachers, and learns from the others what that one does not see well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from safetensors.torch import load_file, save
from torch import Tensor, nn

from dynamicnet.files.replaced import replaced
from dynamicnet.model import LAYOUT, pick_device, placed
from dynamicnet.objectives.encoder import Encoder, Stack
from dynamicnet.objectives.gram import STYLE_LAYERS, gram
from dynamicnet.precision import autocast
from dynamicnet.training.phase import Budget, Losses, Plan, Progressed, run_phase
from dynamicnet.training.photos import Photos
from dynamicnet.training.runs import claim_run


@dataclass(frozen=True)
class DistilRecipe:
    """Everything that decides what a training run produces.

    Attributes:
        teachers: encoders' files; each layer is learned from the first that has it. The student starts as the last.
        content: folders of pictures; of each as many are in a batch.
        source, licence: of what is written, for people.
        hours: see :class:`dynamicnet.training.phase.Budget`.
    """

    teachers: tuple[Path, ...]
    content: tuple[Path, ...]
    steps: int
    batch: int
    crop: int
    rate: float
    seed: int
    source: str
    licence: str
    hours: float | None


class Teacher(nn.Module):
    """What the student is to see: features by layer, lifted where the teacher has a lift itself."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Load the frozen encoders."""
        super().__init__()
        self.encoder = Encoder(*files)
        self.lifts = nn.ParameterDict()
        for file in reversed(files):
            tensors = load_file(file)
            for layer in STYLE_LAYERS:
                if f"{layer}.weight" in tensors:
                    lift = [tensors[key] for end in ("weight", "bias") if (key := f"{layer}_aux.{end}") in tensors]
                    self.lifts[layer] = nn.ParameterList(lift)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Features by layer of RGB (N, 3, H, W) in [0, 1]."""
        seen = self.encoder(pictures, [layer for layer in STYLE_LAYERS if layer in self.encoder.layers])
        return {layer: F.conv2d(z, *self.lifts[layer]) if len(self.lifts[layer]) else z for layer, z in seen.items()}


class Student(nn.Module):
    """An encoder whose parameters learn, with its lifts."""

    def __init__(self, start: Path, pictures: Tensor, wanted: Mapping[str, Tensor]) -> None:
        """Take over an encoder.

        Args:
            start: its file.
            pictures: RGB (N, 3, H, W) in [0, 1], from which lifts are found by least squares.
            wanted: what the teacher sees of them, by layer.
        """
        super().__init__()
        self.stack, tensors = Stack(start), load_file(start)
        self.fixed = {name: tensors[name] for name in ("conv0.weight", "conv0.bias")}
        seen = self.stack(pictures, list(wanted))
        for layer in self.stack.layers:
            for part in ("weight", "bias"):
                value = self.stack._buffers.pop(f"{layer}_{part}")
                assert value is not None
                self.stack.register_parameter(f"{layer}_{part}", nn.Parameter(value))
        self.lifts = nn.ModuleDict({layer: _lift(seen[layer], z) for layer, z in wanted.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Lifted features by layer of RGB (N, 3, H, W) in [0, 1]."""
        features = self.stack(pictures, list(self.lifts))
        return {layer: lift(features[layer]) for layer, lift in self.lifts.items()}

    def tensors(self) -> dict[str, Tensor]:
        """As an encoder's file names them, float16."""
        tensors = dict(self.fixed)
        for layer in self.stack.layers:
            tensors |= {f"{layer}.{part}": getattr(self.stack, f"{layer}_{part}") for part in ("weight", "bias")}
        for layer, lift in self.lifts.items():
            tensors |= {f"{layer}_aux.{part}": value for part, value in lift.named_parameters()}
        return {name: t.detach().half().cpu().contiguous() for name, t in tensors.items()}


def distil(recipe: DistilRecipe, out: Path, run: Path, device: str, command: str, console: Console) -> None:
    """Train a student and write its file.

    Args:
        recipe: what to train.
        out: the encoder to write, .safetensors.
        run: folder for checkpoints and the curve; an unfinished run in it is taken up.
        device: see :func:`dynamicnet.model.pick_device`.
        command: the command line, for the file's metadata.
        console: where to report.

    Raises:
        DynamicNetError: something named cannot be used, or ``run`` holds another recipe's run.
    """
    place = pick_device(device)
    torch.manual_seed(recipe.seed)
    teacher = placed(Teacher(recipe.teachers), place)
    folders = [Photos(folder, recipe.crop, held_out=False, console=console) for folder in recipe.content]

    def batch(count: int, draw: str) -> Tensor:
        pictures = torch.cat([photos.batch(count // len(folders), draw) for photos in folders])
        return varied(pictures).to(place, memory_format=LAYOUT)

    first = batch(32, f"{recipe.seed} encoder")
    student = placed(Student(recipe.teachers[-1], first.cpu(), {k: z.cpu() for k, z in teacher(first).items()}), place)
    claim_run(run, recipe)

    def losses(step: int) -> Losses:
        torch.manual_seed(recipe.seed + step)
        pictures = batch(recipe.batch, f"{recipe.seed} encoder {step}")
        with autocast(place):
            wanted, seen = teacher(pictures), student(pictures)
        each = {layer: _apart(seen[layer].float(), z.float()) for layer, z in wanted.items()}
        return {"total": torch.stack(list(each.values())).sum(), **{layer: v.detach() for layer, v in each.items()}}

    plan = Plan(recipe.steps, recipe.batch, recipe.crop, recipe.rate, recipe.seed)
    files = Progressed(run / "encoder.safetensors", lambda _: None)
    run_phase("encoder", student, losses, plan, files, console, budget=Budget(recipe.hours, recipe.steps))
    metadata = {"command": command, "source": recipe.source, "licence": recipe.licence}
    with replaced(out) as partial:  # save_file's are for their owner alone
        partial.write_bytes(save(student.tensors(), metadata | {"distilled_from": teacher.encoder.sha256}))


def _apart(seen: Tensor, wanted: Tensor) -> Tensor:
    """How far features (N, C, H, W) are from others, and their Gram matrices, relative to those."""
    mean = wanted.mean((2, 3), keepdim=True)
    apart = (seen - wanted).square().mean() / (wanted - mean).square().mean()
    target = gram(wanted - mean)
    grams = (gram(seen - mean) - target).square().sum((1, 2)) / target.square().sum((1, 2))
    return apart + 0.3 * grams.clamp_max(10).mean()


def _lift(seen: Tensor, wanted: Tensor) -> nn.Conv2d:
    """The 1×1 convolution from features (N, C, H, W) to others (N, D, H, W) with the least squares."""
    rows, aims = (z.permute(0, 2, 3, 1).flatten(0, 2).double() for z in (seen, wanted))
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    products = rows.T @ rows
    damping = 1e-6 * products.diagonal().mean() * torch.eye(len(products))
    weights = torch.linalg.solve(products + damping, rows.T @ aims).T.float()
    lift = nn.Conv2d(seen.shape[1], wanted.shape[1], 1)
    lift.weight.data.copy_(weights[:, :-1, None, None])
    lift.bias.data.copy_(weights[:, -1])  # type: ignore[union-attr]  # it has one
    return lift


def varied(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) as an optimiser of an objective comes by, too: blended, tinted, noisy, coarse."""
    count = len(pictures)

    def some(share: float, low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape) * (high - low) + low) * (torch.rand(count, 1, 1, 1) < share)

    pictures = torch.lerp(pictures, pictures.roll(1, 0), some(0.3, 0.0, 0.5, 1, 1, 1))
    pictures = pictures * (1 + some(0.3, -0.5, 0.5, 3, 1, 1)) + some(0.3, -0.3, 0.3, 3, 1, 1)
    coarse = F.interpolate(F.avg_pool2d(pictures, 4), pictures.shape[2:], mode="bilinear")
    pictures = torch.lerp(pictures, coarse, some(0.2, 0.5, 1.0, 1, 1, 1))
    return (pictures + some(0.3, 0.02, 0.2, 1, 1, 1) * torch.randn(pictures.shape)).clamp(-0.1, 1.1)
