"""Image generation: seeds in, a grid of pictures out (paper section 4.3, "controlled DC-GAN")."""

import json
import math
from collections.abc import Iterable

import torch
from PIL import Image
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.applications.base import Encoded, Inputs
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.pieces import Pieces
from dynamicnet.networks.base import MainNetwork

MOST = 64
LARGEST_SEED = 2**32 - 1


class Generation:
    """How much of an attribute the faces have that follow from some seeds."""

    name = "generation"
    takes = ("seed", "latent")
    inputs = "numbers of a normal distribution, of mean 0 and variance 1"

    def encode(self, inputs: Inputs, network: MainNetwork) -> Pieces[Encoded]:
        """Seeds to (N, network.drawn), or latents to (N, network.latent).

        Raises:
            DynamicNetError: ``seed-missing``, ``seed-invalid`` or ``latent-invalid``.
        """
        inputs.only(*self.takes)
        if inputs.latent is not None:
            if inputs.seed is not None:
                raise DynamicNetError("seed-invalid", "Send seeds or a latent, not both.")
            batch = _read_latents(inputs.latent, network.latent)
        elif inputs.seed is not None:
            batch = drawn(_read_seeds(inputs.seed), network)
        else:
            raise DynamicNetError(
                "seed-missing", "This model makes pictures from seeds; send one or more: seed=7, or seed=1,2,3."
            )
        columns = math.ceil(math.sqrt(len(batch)))
        rows = math.ceil(len(batch) / columns)
        return Encoded(batch, (columns * network.side, rows * network.side), columns=columns)
        yield  # a generator

    def decode(self, output: Tensor, encoded: Encoded) -> Pieces[Image.Image]:
        """(N, 3, H, W) to one picture of them all, row by row."""
        return pictures.becoming(mosaic(output, encoded.columns))

    def example(self, photo: bytes) -> Inputs:
        """Four faces."""
        return Inputs(seed="1,2,3,4")


def latent_of(seed: int, length: int) -> Tensor:
    """The latent of a seed, (length,), normally distributed.

    Made of uniform numbers in float64, whose bits do not depend on the processor, as torch's own normal ones do.
    """
    uniform = torch.rand(length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    normal: Tensor = torch.special.ndtri(uniform.clamp(min=1e-12))
    return normal.float()


def drawn(seeds: Iterable[int], network: MainNetwork) -> Tensor:
    """What a generator is given for seeds: (seeds, network.drawn)."""
    return torch.stack([latent_of(seed, network.drawn) for seed in seeds])


def mosaic(pictures: Tensor, columns: int) -> Tensor:
    """Pictures (N, 3, H, W) side by side, row by row, (1, 3, rows·H, columns·W); what is left over is white."""
    rows = math.ceil(len(pictures) / columns)
    count, channels, height, width = pictures.shape
    white = pictures.new_ones(rows * columns - count, channels, height, width)
    cells = torch.cat([pictures, white]).view(rows, columns, channels, height, width)
    return cells.permute(2, 0, 3, 1, 4).reshape(1, channels, rows * height, columns * width)


def _read_seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MOST:
        raise DynamicNetError("seed-invalid", f"At most {MOST} seeds; got {len(parts)}.")
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) <= 10 and int(part) <= LARGEST_SEED):
            raise DynamicNetError(
                "seed-invalid", f"A seed is a whole number from 0 to {LARGEST_SEED}; got '{part[:20]}'."
            )
    return [int(part) for part in parts]


def _read_latents(text: str, length: int) -> Tensor:
    what = f"A latent is a JSON list of {length} finite numbers, or a list of 1 to {MOST} such lists"
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise DynamicNetError("latent-invalid", f"{what}; this is not JSON.") from None
    many = given if isinstance(given, list) and given and isinstance(given[0], list) else [given]
    if len(many) > MOST:
        raise DynamicNetError("latent-invalid", f"{what}; got {len(many)}.")
    for latent in many:
        if not isinstance(latent, list) or len(latent) != length:
            got = f"{len(latent)} of them" if isinstance(latent, list) else "something else"
            raise DynamicNetError("latent-invalid", f"{what}; got {got}.")
        if not all(type(number) in (int, float) and abs(number) < 1e6 for number in latent):
            raise DynamicNetError("latent-invalid", f"{what}, each between −1,000,000 and 1,000,000.")
    return torch.tensor(many, dtype=torch.float32)
