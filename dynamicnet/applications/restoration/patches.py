"""What a restoration model is trained on: patches of photographs, cut and scaled on the device, and noise on them."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet.applications.restoration.noise import MARGIN, Kind, noised
from dynamicnet.errors import DynamicNetError, reason
from dynamicnet.model import LAYOUT
from dynamicnet.training.photos import Photos

SCALES = (0.5, 1.0)
"""How far photographs are scaled down, most of them: what JPEG did to them must not be taken for what is clean."""


class Patches:
    """All pixels of the photographs lie on the device as uint8; a step waits for no copy and no file.

    Attributes:
        count: how many photographs there are.
    """

    def __init__(self, photos: Photos, device: torch.device) -> None:
        """Bring every photograph there."""
        read = [photos.read(file) for file in photos.files]
        self.count = len(read)
        self.sizes = [(picture.shape[1], picture.shape[2]) for picture in read]
        areas = torch.tensor([0, *(height * width for height, width in self.sizes)])
        self.starts: list[int] = areas.cumsum(0).tolist()
        self.pixels = torch.cat([picture.flatten(1).T for picture in read]).to(device)

    def batch(self, count: int, side: int, draw: str) -> Tensor:
        """Random patches, turned and mirrored at random: (count, 3, side, side) in [0, 1] on the device.

        All of a batch are scaled by as much; the same draw, the same patches.
        """
        random = Random(draw)
        window = min(math.ceil(side / random.uniform(*SCALES)), min(map(min, self.sizes)))
        places = []
        for _ in range(count):
            i = random.randrange(self.count)
            height, width = self.sizes[i]
            corner = (
                self.starts[i] + random.randrange(height - window + 1) * width + random.randrange(width - window + 1)
            )
            # Steps in the photograph for a step down and a step right in the patch: one of the eight ways to turn it.
            down, right = (width, 1) if random.random() < 0.5 else (1, width)
            for step in (0, 1):
                if random.random() < 0.5:
                    corner += (window - 1) * (right if step else down)
                    down, right = (down, -right) if step else (-down, right)
            places.append((corner, down, right))
        corner, down, right = torch.tensor(places).to(self.pixels.device, non_blocking=True).T[:, :, None, None]
        along = torch.arange(window, device=self.pixels.device)
        squares = self.pixels[corner + down * along[:, None] + right * along].permute(0, 3, 1, 2).float() / 255
        if window == side:
            return squares
        return F.interpolate(squares, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


class Pairs:
    """Patches with noise on them and without: all that a step is given."""

    def __init__(self, patches: Patches, kind: Kind, side: int) -> None:
        """Add noise to patches.

        Args:
            patches: what they are cut from.
            kind: of the noise.
            side: of them, in pixels.
        """
        self.patches, self.kind, self.side = patches, kind, side
        self.generator = torch.Generator(patches.pixels.device)

    def batch(self, levels: Sequence[float], draw: str) -> tuple[Tensor, Tensor]:
        """With noise of a level each, in levels of 255, and without: (levels, 3, side, side) on the device."""
        random = Random(f"{draw} noise")
        self.generator.manual_seed(random.getrandbits(63))
        pictures = self.patches.batch(len(levels), self.side + MARGIN, draw)
        if self.kind == "camera":
            pictures = uncommon(pictures, random)
        strong = torch.tensor(levels).to(pictures.device, non_blocking=True)
        noisy, clean = noised(self.kind, pictures, strong, self.generator, random)
        return noisy.contiguous(memory_format=LAYOUT), clean


def uncommon(pictures: Tensor, random: Random) -> Tensor:
    """Pictures (N, 3, H, W) in [0, 1] as photographs by day show too little of.

    A third are as dark as at night, a third as light as a sky, down to a tenth: noise is clipped there, and its mean is
    no longer the picture's. Of any eight, one is nearly flat, of any colour, one in coloured light, and one in the
    colours of signs: a network that never saw them makes others of them.
    """
    pictures = pictures.clone()
    for i in range(len(pictures)):
        share = 0.1 ** random.random()
        if i % 3 == 1:
            pictures[i] *= share
        elif i % 3 == 2:
            pictures[i] = 1 - share * (1 - pictures[i])
        sort, strength = random.randrange(8), random.random()
        channels = [random.choice((0.0, 1.0, random.random())) for _ in range(3)]
        colour = torch.tensor(channels).to(pictures.device, non_blocking=True)[:, None, None]
        if sort == 0:
            pictures[i] = colour + 0.3 * strength * (pictures[i] - pictures[i].mean((1, 2), keepdim=True))
        elif sort == 1:
            pictures[i] *= colour
        elif sort == 2:
            grey = pictures[i].mean(0)
            pictures[i] = grey + (1 + 4 * strength) * (pictures[i] - grey)
    return pictures.clamp(0, 1)


def read_names(file: Path | None) -> frozenset[str]:
    """Names of pictures, one a line.

    Raises:
        DynamicNetError: ``recipe-invalid``, the file cannot be read.
    """
    if file is None:
        return frozenset()
    try:
        return frozenset(filter(None, map(str.strip, file.read_text("utf-8").splitlines())))
    except (OSError, UnicodeDecodeError) as error:
        raise DynamicNetError("recipe-invalid", f"Cannot read the names in '{file}': {reason(error)}.") from None
