"""What is left of noise: PSNR and SSIM of whole photographs, at the levels of noise that published tables have.

Noise is drawn anew for each photograph and level, always the same. Outputs are rounded to 8 bits a channel, as they
would be written; what goes in is not, but for noise of cameras.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dynamicnet import package, pictures
from dynamicnet.applications.restoration.noise import EVEN, LIGHT, MARGIN, Kind, Levels, noised
from dynamicnet.applications.restoration.objective import RestorationSpec, log_error, psnr
from dynamicnet.errors import DynamicNetError
from dynamicnet.evaluation.baselines import Render
from dynamicnet.evaluation.curve import GRID
from dynamicnet.precision import autocast

LEVELS = (15.0, 25.0, 35.0, 50.0, 75.0)
"""Standard deviations, in levels of 255."""

SHARES = tuple(round(i / (GRID - 1), 6) for i in range(GRID))
"""Eleven positions along an axis, from light to heavy."""

SORTS = 8
"""How many sorts of noise cameras make: those of a batch of so many."""

LEAST = 64
"""Smaller photographs, in pixels of their shorter side, are left out."""

Scores = dict[float, dict[float, Tensor]]
"""By level, and by share: PSNR in dB, SSIM and log error of each photograph, (photographs, 3)."""


def everywhere(levels: Levels) -> dict[float, list[float]]:
    """Every level, and that of the light end, at every share and at its own."""
    return {level: sorted({*SHARES, levels.share(level)}) for level in (LIGHT, *LEVELS)}


def alone(shares: Sequence[float]) -> dict[float, list[float]]:
    """Every level at its own share, and the ends at all of some: for what there is a network of its own for each of."""
    return {
        level: sorted({*(shares if level in (LIGHT, LEVELS[-1]) else ()), EVEN.share(level)})
        for level in (LIGHT, *LEVELS)
    }


def spec_of(training: package.Training, axis: str | None) -> RestorationSpec:
    """What an axis, or θ, was trained on at last.

    Raises:
        DynamicNetError: ``not-evaluable``.
    """
    phases = [phase for phase in training.phases if phase.axis == axis]
    if not phases:
        raise DynamicNetError("not-evaluable", f"The package does not say what {axis or 'θ'} was trained on.")
    known = {name: value for name, value in phases[-1].objective.items() if name in RestorationSpec.model_fields}
    return RestorationSpec.model_validate(known)


def levels_of(manifest: package.Manifest) -> Levels:
    """The noise that each α of a package's strength stands for.

    Raises:
        DynamicNetError: as :func:`spec_of`.
    """
    return Levels(manifest.axes[0].range, spec_of(manifest.training, None).levels[0])


def whole(files: Sequence[Path], limit: int | None) -> Iterator[tuple[str, Tensor]]:
    """Names and photographs, (1, 3, H, W) in [0, 1], as large as they are; what cannot be read is left out."""
    count = 0
    for file in files:
        if count == limit:
            return
        try:
            picture = pictures.read(file.read_bytes())
        except (DynamicNetError, OSError):
            continue
        if min(picture.size) >= LEAST:
            count += 1
            yield file.name, pictures.to_tensor(picture)


def pair(kind: Kind, clean: Tensor, level: float, draw: str, sort: int) -> tuple[Tensor, Tensor]:
    """A photograph with noise, and without: (1, 3, H, W), cut by up to 31 pixels for noise of cameras.

    Args:
        kind: of the noise.
        clean: (1, 3, H, W) in [0, 1].
        level: its standard deviation, in levels of 255.
        draw: it follows from this.
        sort: which of the ``SORTS`` that cameras make.
    """
    random = Random(draw)
    generator = torch.Generator().manual_seed(random.getrandbits(63))
    if kind == "gaussian":
        padded = F.pad(clean, (0, MARGIN, 0, MARGIN))  # which is cut off again
        return noised(kind, padded, torch.tensor([level]), generator, random)
    height, width = (side // 16 * 16 for side in clean.shape[2:])
    several = clean[:, :, :height, :width].expand(SORTS, -1, -1, -1)
    one = slice(sort % SORTS, sort % SORTS + 1)
    noisy, same = noised(kind, several, torch.full((SORTS,), level), generator, random)
    return noisy[one], same[one]


@torch.inference_mode()
def measure(
    render: Render,
    kind: Kind,
    photographs: Iterable[tuple[str, Tensor]],
    wanted: Mapping[float, Sequence[float]],
) -> Scores:
    """What a way of restoring makes of noise.

    Args:
        render: that way.
        kind: of the noise.
        photographs: from :func:`whole`.
        wanted: by level, the shares at which it is to be measured.

    Raises:
        DynamicNetError: ``no-pictures``; ``torchmetrics-missing``.
    """
    ssim = structural_similarity()
    found: dict[float, dict[float, list[Tensor]]] = {
        level: {share: [] for share in shares} for level, shares in wanted.items()
    }
    for i, (name, picture) in enumerate(photographs):
        for level, shares in wanted.items():
            noisy, clean = pair(kind, picture, level, f"{name} {level:g}", i)
            for share in shares:  # one by one, so that large photographs fit
                with autocast(noisy.device):
                    output = render(noisy, [share]).float().clamp(0, 1)
                written = output.mul(255).round() / 255
                scores = psnr(output, clean), ssim(written, clean), log_error(output, clean)
                found[level][share].append(torch.cat([score.view(1) for score in scores]))
    if not all(rows for at in found.values() for rows in at.values()):
        raise DynamicNetError("no-pictures", f"There is no photograph of {LEAST} pixels a side or more to measure on.")
    return {level: {share: torch.stack(rows) for share, rows in at.items()} for level, at in found.items()}


def structural_similarity() -> Callable[[Tensor, Tensor], Tensor]:
    """SSIM of Wang et al. 2004: a Gaussian window of σ 1.5 (11×11), mean over red, green and blue.

    Raises:
        DynamicNetError: ``torchmetrics-missing``.
    """
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError:
        raise DynamicNetError(
            "torchmetrics-missing", "SSIM is measured by torchmetrics: pip install --editable '.[compare]'."
        ) from None

    def ssim(output: Tensor, clean: Tensor) -> Tensor:
        value = structural_similarity_index_measure(output, clean, data_range=1.0)
        assert isinstance(value, Tensor)
        return value

    return ssim


def figures(scores: Scores, levels: Levels) -> dict[str, Any]:
    """By level: what is reached at the level's own α, where it is best, and all along; means over photographs.

    Args:
        scores: from :func:`measure`.
        levels: the noise that each α stands for.
    """
    low, high = levels.span
    found = {}
    for level in (level for level in LEVELS if level in scores):
        means = {
            round(low + share * (high - low), 4): values.mean(0).tolist() for share, values in scores[level].items()
        }
        alpha = round(levels.alpha(level), 4)
        best = max(means, key=lambda at: means[at][0])
        found[f"{level:g}"] = {
            "alpha": alpha,
            "psnr": round(means[alpha][0], 3),
            "ssim": round(means[alpha][1], 4),
            "best_alpha": best,
            "best_psnr": round(means[best][0], 3),
            "along": {
                "alpha": list(means),
                "psnr": [round(values[0], 3) for values in means.values()],
                "ssim": [round(values[1], 4) for values in means.values()],
            },
        }
    return found


def ends(scores: Scores) -> tuple[list[float], Tensor, Tensor]:
    """Shares, and log errors on the lightest and on the heaviest noise at each of them, (shares, photographs) each."""
    light, heavy = scores[LIGHT], scores[LEVELS[-1]]
    shares = [share for share in light if share in heavy]
    low, high = (torch.stack([at[share][:, 2] for share in shares]) for at in (light, heavy))
    return shares, low, high
