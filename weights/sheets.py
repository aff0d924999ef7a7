"""The sheets of docs/models.md: ``python weights/sheets.py PHOTOS NAME …``.

PHOTOS are Kodak's 24, which no model was trained on. A sheet for each axis: a row for each photograph, a column for
each of five positions; squares of the pictures, pixel for pixel, as they come out with the longer side of the
photograph at 640 pixels.
"""

import sys
from pathlib import Path

from PIL import Image

from dynamicnet import AxisSpec, Inputs, Model

SHOWN = {4: (0.5, 0.3), 7: (0.4, 0.5), 13: (0.5, 0.5), 15: (0.55, 0.3), 19: (0.55, 0.6), 23: (0.6, 0.4)}
"""Numbers of photographs, and where in each the square lies: of its room, from the left and from the top."""

POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIDE, SQUARE, GAP = 640, 256, 4
SHEETS = Path("docs/images/sheets")


def square(picture: Image.Image, centre: tuple[float, float]) -> Image.Image:
    """A square of a picture, pixel for pixel."""
    left, top = (round(at * (length - SQUARE)) for at, length in zip(centre, picture.size, strict=True))
    return picture.crop((left, top, left + SQUARE, top + SQUARE))


def grid(rows: list[list[Image.Image]]) -> Image.Image:
    """Pictures of one size, side by side."""
    width, height = (side + GAP for side in rows[0][0].size)
    whole = Image.new("RGB", (len(rows[0]) * width - GAP, len(rows) * height - GAP), "white")
    for top, row in enumerate(rows):
        for left, each in enumerate(row):
            whole.paste(each, (left * width, top * height))
    return whole


def sheet(model: Model, axis: AxisSpec, photos: Path) -> Image.Image:
    """All rows of an axis."""
    rows = []
    for number, centre in SHOWN.items():
        inputs = Inputs(image=(photos / f"kodim{number:02}.png").read_bytes(), max_side=SIDE)
        prepared = model.prepare(model.encode(inputs))
        rows.append([square(model.render(prepared, {axis.id: axis.alpha_at(at)}), centre) for at in POSITIONS])
    return grid(rows)


def main() -> None:
    """Write them."""
    photos, *names = map(Path, sys.argv[1:])
    SHEETS.mkdir(parents=True, exist_ok=True)
    for name in names:
        model = Model.load(Path("weights") / name, "cpu")
        axes = model.manifest.axes
        for axis in axes:
            file = f"{name}-{axis.id}.webp" if len(axes) > 1 else f"{name}.webp"
            sheet(model, axis, photos).save(SHEETS / file, quality=82, method=6)


if __name__ == "__main__":
    main()
