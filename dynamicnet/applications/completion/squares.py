"""What a completion model is trained on: squares cut from photographs, each with a hole and copies in it."""

import random
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

from dynamicnet.applications.completion import masks
from dynamicnet.applications.completion.pictures import given
from dynamicnet.files.replaced import replaced
from dynamicnet.networks.membrane import fill
from dynamicnet.training.photos import Photos

Holes = Callable[[int, int, str], Tensor]
"""So many holes, of a side, of a seed: as :func:`dynamicnet.applications.completion.masks.batch`."""

NAMES = ("real", "hole", "copied")


class Squares:
    """So many squares, all cut before training begins: copying into a hole takes longer than a step.

    Attributes:
        tensors: by ``NAMES``: (squares, 3, side, side), or 1 channel of ``hole``; uint8.
    """

    def __init__(
        self,
        photos: Photos,
        side: int,
        count: int,
        batch: int,
        seed: int,
        file: Path,
        console: Console,
        holes: Holes = masks.batch,
    ) -> None:
        """Cut them, or read them from a file where they have been.

        Args:
            photos: what they are cut from.
            side: of a square, in pixels.
            count: how many.
            batch: how many are cut at once, of one draw.
            seed: which ones follows from it.
            file: where they are kept.
            console: where to report.
            holes: where holes are from.
        """
        if not file.exists():
            parts = [
                _cut(photos, side, batch, f"{seed} squares {i}", holes)
                for i in track(range(0, count, batch), "squares", console=console)
            ]
            with replaced(file) as partial:
                save_file({name: torch.cat([part[name] for part in parts])[:count] for name in NAMES}, partial)
        self.tensors = load_file(file)

    def batch(self, count: int, draw: str) -> tuple[Tensor, Tensor]:
        """What the network is given of some of them, (count, 7, side, side), and how they really are, (count, 3, …)."""
        random_ = random.Random(draw)
        chosen = torch.tensor([random_.randrange(len(self.tensors["real"])) for _ in range(count)])
        drawn = [self.tensors[name][chosen].float() / 255 for name in NAMES]
        if random_.random() < 0.5:
            drawn = [part.flip(-1) for part in drawn]
        real, holes, copied = drawn
        return torch.cat([fill(real, holes), holes, copied], 1), real


@torch.inference_mode()
def _cut(photos: Photos, side: int, count: int, seed: str, holes_of: Holes) -> dict[str, Tensor]:
    """Squares cut anywhere, half of them mirrored, and a hole in each."""
    draw = random.Random(seed)
    cut = []
    for picture in photos.batch(count, seed):
        top, left = (draw.randint(0, photos.side - side) for _ in range(2))
        square = picture[:, top : top + side, left : left + side]
        cut.append(square.flip(-1) if draw.random() < 0.5 else square)
    real, holes = torch.stack(cut), holes_of(count, side, seed)
    parts = {"real": real, "hole": holes, "copied": given(fill(real, holes), holes)[:, 4:]}
    return {name: (values * 255).round().to(torch.uint8) for name, values in parts.items()}
