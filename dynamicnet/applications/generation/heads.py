"""Drawn heads, labelled by hair colour and beard: DiceBear's toon-head, so that every attribute is known."""

import io
import json
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageOps

from dynamicnet.errors import DynamicNetError

HAIR = {"dark": ["#2c1b18", "#3f2a22"], "blond": ["#e6c37a", "#d6b370"]}
BEARD = {"plain": 0, "beard": 100}
BACKGROUNDS = ["#b6d7e8", "#d9e8c6", "#f3dcc4", "#dcd3ea", "#e9e6df"]
CREDIT = (
    "CC BY 4.0: trained on heads drawn by DiceBear (dicebear.com), a remix of “ToonHead” by Johan Melin "
    "(figma.com/community/file/1589627891082866389), licensed under CC BY 4.0"
)
"""What the licence of the drawings asks of whatever is made from them."""


def draw_heads(out: Path, count: int, seed: int, side: int = 64) -> list[str]:
    """Draw heads into one folder for each pair of hair colour and beard, such as ``blond-plain``.

    Half of them look the other way, so that a mirrored head is as likely as the one it mirrors.

    Args:
        out: where the folders go.
        count: how many heads in all, a quarter in each folder.
        seed: every head follows from it, its folder and its number.
        side: of the pictures, in pixels.

    Returns:
        The folders' names.

    Raises:
        DynamicNetError: ``extra-missing``, what draws them is not installed.
    """
    try:
        import resvg_py
        from dicebear import Avatar, Style
    except ImportError:
        raise DynamicNetError(
            "extra-missing", "Drawing heads needs more packages: pip install 'dynamic-net[heads]'.", 500
        ) from None
    style = Style(json.loads(files("dicebear_styles").joinpath("toon-head.json").read_text("utf-8")))
    labels = []
    for hair, colours in HAIR.items():
        for beard, probability in BEARD.items():
            label = f"{hair}-{beard}"
            labels.append(label)
            (out / label).mkdir(parents=True, exist_ok=True)
            for i in range(count // 4):
                options = {
                    "seed": f"{seed} {label} {i}",
                    "size": 2 * side,
                    "hairColor": colours,
                    "beardProbability": probability,
                    "beardVariant": ["fullBeard", "longBeard", "chinMoustache"],
                    "backgroundColor": BACKGROUNDS,
                }
                drawn = resvg_py.svg_to_bytes(svg_string=Avatar(style, options).to_string())
                head = Image.open(io.BytesIO(bytes(drawn))).convert("RGB").resize((side, side), Image.Resampling.BOX)
                (ImageOps.mirror(head) if i % 2 else head).save(out / label / f"{label}-{i:05d}.png")
    return labels
