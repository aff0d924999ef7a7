"""Drawn heads whose every part is known: Micah Lanier's avatars, drawn by DiceBear."""

import csv
import io
import json
import random
import shutil
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from dynamicnet.applications.generation.described import TABLE
from dynamicnet.errors import DynamicNetError

AXES: dict[str, dict[str, dict[str, Any]]] = {
    "hair": {"dark": {"hairColor": ["#2c1b18"]}, "blond": {"hairColor": ["#f4d150"]}},
    "skin": {"light": {"baseColor": ["#f9c9b6"]}, "deep": {"baseColor": ["#77311d"]}},
    "beard": {"shaven": {"facialHairProbability": 0}, "bearded": {"facialHairProbability": 100}},
    "glasses": {"bare": {"glassesProbability": 0}, "glasses": {"glassesProbability": 100}},
}
"""What an axis is to change: its two ends, and what DiceBear is told for each."""

PARTS: dict[str, list[Any]] = {
    "hairVariant": ["dannyPhantom", "fonze", "full", "mrT", "pixie"],
    "eyesVariant": ["eyes", "round", "smiling"],
    "eyebrowsVariant": ["down", "eyelashesDown", "eyelashesUp", "up"],
    "mouthVariant": ["frown", "laughing", "pucker", "smile", "smirk", "surprised"],
    "noseVariant": ["curve", "pointed", "tound"],
    "earsVariant": ["attached", "detached"],
    "earringsProbability": [0, 100],
    "clothesVariant": ["collared", "crew", "open"],
    "shirtColor": ["#9287ff", "#6bd9e9", "#fc909f", "#f4d150", "#e0ddff", "#545f66"],
    "backgroundColor": ["#b6d7e8", "#d9e8c6", "#f3dcc4", "#dcd3ea", "#e9e6df"],
}
"""What else makes a head, as DiceBear calls it, and what each may be; all are as likely."""

FIXED = {
    "facialHairVariant": ["beard"],
    "facialHairColor": ["#b5651d"],
    "glassesVariant": ["round"],
    "glassesColor": ["#9287ff"],
    "earringsVariant": ["hoop"],
    "earringColor": ["#f4d150"],
}

CREDIT = (
    "CC BY 4.0: trained on heads drawn by DiceBear (dicebear.com), a remix of “Avatar Illustration System” by Micah "
    "Lanier (figma.com/community/file/829741575478342595), licensed under CC BY 4.0"
)
"""What the licence of the drawings asks of whatever is made from them."""


def draw_heads(out: Path, count: int, seed: int, side: int = 128) -> list[str]:
    """Draw heads into folders named by the ends of all axes, ``dark-light-shaven-bare``, and a table of their parts.

    Three in eight are at the low end of every axis. Of the others each axis has a share: at its high end, with the axes
    before it at either, so that it can be learned on top of them. All are there in the end, or none.

    Args:
        out: where the folders and the table go.
        count: how many heads in all.
        seed: every head follows from it and its number.
        side: of the pictures, in pixels.

    Returns:
        The folders' names.

    Raises:
        DynamicNetError: ``extra-missing``, what draws them is not installed; ``folder-taken``, there is something in
            ``out`` already.
    """
    try:
        import resvg_py
        from dicebear import Avatar, Style
    except ImportError:
        raise DynamicNetError(
            "extra-missing", "Drawing heads needs more packages: pip install --editable '.[heads]'.", 500
        ) from None
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DynamicNetError(
            "folder-taken", f"There is something in '{out}' already; remove it or choose another folder."
        )
    style = Style(json.loads(files("dicebear_styles").joinpath("micah.json").read_text("utf-8")))
    labels: dict[str, None] = {}
    with TemporaryDirectory() as partial:
        heads = Path(partial)
        with (heads / TABLE).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file", *AXES, *PARTS])
            for i in range(count):
                draw = random.Random(f"{seed} {i}")
                ends = _ends(i, draw)
                parts = {name: draw.choice(options) for name, options in PARTS.items()}
                label = "-".join(ends.values())
                name = f"{label}/{i:05d}.png"
                (heads / label).mkdir(exist_ok=True)
                labels[label] = None
                told = {name: [part] if isinstance(part, str) else part for name, part in parts.items()}
                for axis, end in ends.items():
                    told |= AXES[axis][end]
                drawn = Avatar(style, {"seed": "", "size": 2 * side, "idRandomization": False, **FIXED, **told})
                head = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=drawn.to_string())))).convert("RGB")
                head.resize((side, side), Image.Resampling.BOX).save(heads / name)
                table.writerow([name, *ends.values(), *parts.values()])
        out.mkdir(parents=True, exist_ok=True)
        for name in (*labels, TABLE):
            shutil.move(heads / name, out / name)
    return list(labels)


def _ends(number: int, draw: random.Random) -> dict[str, str]:
    """The ends of all axes of one head."""
    turn = number % 8 - 3  # below 0, all low
    highest = turn % len(AXES) if turn >= 0 else -1
    chosen = {}
    for i, (axis, ends) in enumerate(AXES.items()):
        high = i == highest or (i < highest and draw.random() < 0.5)
        chosen[axis] = list(ends)[high]
    return chosen
