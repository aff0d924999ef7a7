"""The sheet of drawn heads in docs/models.md: ``python weights/heads.py HEADS``.

HEADS is what ``dynamic-net draw-heads`` wrote. Above, seeds 1 to 32 at α = 0, and 32 drawn heads that were held out,
without any choosing. Below, of seeds 1 to 8: α = 0; each axis at its middle and at its end; all of them at their ends.
"""

import sys
from pathlib import Path

from PIL import Image
from sheets import SHEETS, grid

from dynamicnet import Inputs, Model, pictures
from dynamicnet.applications.generation.labelled import Labelled

NAME, ACROSS, DOWN = "drawn-heads", 4, 8


def made(model: Model, seed: int, alpha: dict[str, float]) -> Image.Image:
    """The picture of a seed."""
    return model.render(model.prepare(model.encode(Inputs(seed=str(seed)))), alpha)


def main() -> None:
    """Write it."""
    model = Model.load(Path("weights") / NAME, "cpu")
    subset = model.manifest.training.phases[0].objective["subset"]
    real = Labelled(Path(sys.argv[1]), subset, model.net.network.side, held_out=True, limit=ACROSS * DOWN).centres()
    drawn = [pictures.to_picture(one) for one in real.split(1)]
    ours = [made(model, seed, {}) for seed in range(1, ACROSS * DOWN + 1)]
    axes = [axis.id for axis in model.manifest.axes]
    alphas = [{}, *({axis: alpha} for axis in axes for alpha in (0.5, 1.0)), dict.fromkeys(axes, 1.0)]
    both = [ours[i : i + ACROSS] + drawn[i : i + ACROSS] for i in range(0, ACROSS * DOWN, ACROSS)]
    SHEETS.mkdir(parents=True, exist_ok=True)
    grid(both).save(SHEETS / f"{NAME}.webp", quality=85, method=6)
    along = [[made(model, seed, alpha) for alpha in alphas] for seed in range(1, DOWN + 1)]
    grid(along).save(SHEETS / f"{NAME}-axes.webp", quality=85, method=6)


if __name__ == "__main__":
    main()
