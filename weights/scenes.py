"""A sheet of docs/models.md: ``python weights/scenes.py PHOTOS NAME ALPHA``.

PHOTOS are Kodak's 24, which no model was trained on: the first ten of them, in order of name. An object-shaped hole in
each, drawn by a seeded rule, and what fills it at an α; squares of the pictures around the hole, pixel for pixel.
"""

import random
import sys
from pathlib import Path

from PIL import Image
from sheets import SHEETS, grid

from dynamicnet import Inputs, Model, pictures
from dynamicnet.applications.completion import masks

COUNT, ACROSS, SQUARE = 10, 2, 320


def scene(model: Model, file: Path, alpha: float) -> list[Image.Image]:
    """A photograph with its hole, in white, and the same filled."""
    photo = pictures.read(file.read_bytes())
    mask = masks.thing(*photo.size, random.Random(f"scene {file.stem}"))
    inputs = Inputs(image=file.read_bytes(), mask=pictures.write(mask))
    filled = model.render(model.prepare(model.encode(inputs)), alpha)
    photo.paste("white", mask=mask)
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    middle = (left + right) // 2, (top + bottom) // 2
    start = [min(max(0, c - SQUARE // 2), length - SQUARE) for c, length in zip(middle, photo.size, strict=True)]
    return [one.crop((*start, *(s + SQUARE for s in start))) for one in (photo, filled)]


def main() -> None:
    """Write it."""
    photos, name, alpha = sys.argv[1:]
    model = Model.load(Path("weights") / name, "cpu")
    cells = [scene(model, file, float(alpha)) for file in sorted(Path(photos).glob("*.png"))[:COUNT]]
    whole = grid([[one for pair in cells[i : i + ACROSS] for one in pair] for i in range(0, COUNT, ACROSS)])
    SHEETS.mkdir(parents=True, exist_ok=True)
    whole.save(SHEETS / f"{name}.webp", quality=75, method=6)


if __name__ == "__main__":
    main()
