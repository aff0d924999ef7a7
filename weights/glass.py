"""A painting to learn from that nobody has rights in: ``python weights/glass.py FILE``.

A window of stained glass, drawn: a sun over hills and water, in pieces of glass that follow its rays and waves, with
lead between them.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, TWICE = 768, 512, 2
PIECES = 620
SUN = (0.66, 0.34)  # of its centre, in heights
LEAD = 3.2  # its width, in pixels of what is drawn, at twice the size

Floats = NDArray[np.float64]
"""One number for each pixel or piece; places are in heights."""

GLASS = {  # sRGB, of the pieces of each region
    "sun": [(255, 226, 120), (255, 196, 48), (255, 240, 190)],
    "rays": [(250, 170, 30), (236, 92, 28), (255, 205, 70), (205, 40, 36)],
    "glow": [(226, 92, 110), (250, 190, 120), (178, 70, 140), (252, 220, 170), (120, 84, 176), (236, 130, 60)],
    "sky": [(28, 74, 170), (46, 120, 205), (104, 176, 224), (20, 44, 120), (120, 84, 176), (214, 232, 240)],
    "hills": [(20, 110, 76), (74, 160, 62), (150, 190, 60), (12, 76, 84), (176, 44, 60)],
    "water": [(14, 60, 130), (20, 130, 150), (90, 190, 190), (220, 236, 226), (40, 40, 110)],
}


def waves(x: Floats, y: Floats, random: np.random.Generator, lowest: float) -> Floats:
    """Smooth noise, of some slanted waves from a frequency on, about 1 in size."""
    total = np.zeros_like(x)
    for k in range(6):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        frequency = lowest * 1.5**k
        total += np.sin(frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase) / 1.4**k
    return total / 2


def regions(x: Floats, y: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Of each place: its region, as GLASS has them, and where it lies along and across the pieces there."""
    dx, dy = x - SUN[0], y - SUN[1]
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    ridge = 0.60 + 0.07 * np.sin(5.0 * x + 0.6) + 0.03 * np.sin(11 * x)
    shore = 0.76 + 0.03 * np.sin(4 * x + 2.0)
    petals = 0.25 + 0.025 * np.sin(9 * angle), 0.44 + 0.03 * np.sin(7 * angle + 1)
    places = [y > shore, y > ridge, radius < 0.11, radius < petals[0], radius < petals[1]]
    region = np.select(places, [5, 4, 0, 1, 2], 3)
    swell = y + 0.035 * np.sin(9 * x + 14 * y)
    turned = 1.5 * np.exp(-radius)  # the sky goes around the sun
    sky = dx * np.cos(turned) + dy * np.sin(turned), dy * np.cos(turned) - dx * np.sin(turned)
    along = np.select(places, [x, x, 0.09 * angle, (0.10 + 0.45 * radius) * angle, sky[0]], sky[0])
    hills = 1.7 * (y - 0.5 * ridge)
    across = np.select(places, [2.6 * swell, hills, 1.2 * radius, 0.85 * radius, 1.5 * sky[1]], 1.7 * sky[1])
    return region, along, across


def main() -> None:
    """Draw it."""
    random = np.random.default_rng(7)
    high, wide = HEIGHT * TWICE, WIDTH * TWICE
    y, x = (axis / high for axis in np.mgrid[:high, :wide].astype(float))
    bx, by = x + 0.012 * waves(x, y, random, 9), y + 0.012 * waves(x, y, random, 9)
    region, along, across = regions(bx, by)
    centres = random.uniform(0, 1, (PIECES, 2)) * (wide / high, 1)
    own, its_along, its_across = regions(*centres.T)
    first, piece = np.full(x.shape, np.inf), np.zeros(x.shape, int)
    for i in range(PIECES):
        apart = np.hypot(along - its_along[i], across - its_across[i]) + 9.0 * (region != own[i])
        nearer = apart < first
        first, piece = np.where(nearer, apart, first), np.where(nearer, i, piece)
    glass = [list(GLASS.values())[r] for r in own]
    colours = np.array([some[random.integers(len(some))] for some in glass], float)
    light = random.uniform(0.82, 1.12, PIECES)[piece] + 0.05 * waves(3 * x, 9 * y, random, 12)
    picture = colours[piece] * light[..., None]
    lead = np.zeros(x.shape, bool)  # where another piece is as near as that
    reach = int(LEAD)
    for dy, dx in np.ndindex(reach + 1, 2 * reach + 1):
        if np.hypot(dy, dx - reach) <= LEAD:
            lead |= piece != np.roll(piece, (dy, dx - reach), (0, 1))
    picture[lead] = (18, 16, 22)
    image = Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))
    image.resize((WIDTH, HEIGHT), Image.Resampling.BOX).save(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
