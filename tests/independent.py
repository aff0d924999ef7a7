"""Decoders that are not ours to compare with: a browser, and libvips. And spaces to compare them in."""

import base64
import io
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyvips
from PIL import Image, PngImagePlugin
from playwright.sync_api import sync_playwright

from dynamicnet.files import cicp, icc
from dynamicnet.files.icc import BT709, Primaries
from server.settings import STATIC

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

READ = """
async (data) => {
  const response = await fetch(`data:application/octet-stream;base64,${data}`);
  const bitmap = await createImageBitmap(await response.blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data: pixels } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let text = "";
  for (const value of pixels) text += String.fromCharCode(value);
  return [bitmap.width, bitmap.height, btoa(text)];
}
"""

Curve = Callable[[np.ndarray], np.ndarray]

ADOBE = Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = Primaries((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585))
SWAPPED = Primaries((0.30, 0.60), (0.15, 0.06), (0.64, 0.33))
DISPLAY_P3, REC2020 = cicp.PRIMARIES[12], cicp.PRIMARIES[9]

PROFILES = {
    "Display P3": icc.profile(DISPLAY_P3, icc.srgb_curve(), "Display P3"),
    "Adobe RGB": icc.profile(ADOBE, 563 / 256, "Adobe RGB"),
    "ProPhoto": icc.profile(PROPHOTO, 1.8, "ProPhoto"),
    "Rec. 2020": icc.profile(REC2020, icc.bt709_curve(), "Rec. 2020"),
    "linear": icc.profile(BT709, 1.0, "linear"),
    "swapped primaries": icc.profile(SWAPPED, icc.srgb_curve(), "swapped"),
}
GREY = icc.grey_profile(2.2, "grey 2.2")
P3_CHUNK = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


SRGB_CURVE: Curve = lambda v: np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)  # noqa: E731
SPACES: dict[str, tuple[Primaries, Curve]] = {
    "Display P3": (DISPLAY_P3, SRGB_CURVE),
    "Adobe RGB": (ADOBE, lambda v: v ** (563 / 256)),
    "ProPhoto": (PROPHOTO, lambda v: v**1.8),
    "Rec. 2020": (REC2020, lambda v: np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))),
    "linear": (BT709, lambda v: v),
    "swapped primaries": (SWAPPED, SRGB_CURVE),
    "grey 2.2": (BT709, lambda v: v**2.2),
    "gamma 1.6": (BT709, lambda v: v**1.6),
    "P3 1.6": (DISPLAY_P3, lambda v: v**1.6),
}
"""The published numbers: primaries, and from numbers to light."""


CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = (0.3457, 0.3585)


def to_xyz(space: Primaries, white: tuple[float, float] = BT709.white) -> np.ndarray:
    """From the light of a space to XYZ of another white: scaled in the cones, as Bradford does."""
    corners = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*space, white)]).T
    scaled = corners[:, :3] * np.linalg.solve(corners[:, :3], corners[:, 3])
    ours, wanted = (CONES @ corners[:, 3:]).T
    return np.linalg.solve(CONES, np.diag(wanted / ours) @ CONES @ scaled)


def to_srgb(numbers: np.ndarray, space: Primaries, curve: Curve) -> np.ndarray:
    """Numbers (..., 3) of a space in sRGB, both in [0, 1], by the published formulas alone."""
    light = np.clip(curve(numbers) @ np.linalg.solve(to_xyz(BT709), to_xyz(space)).T, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def to_lab(numbers: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) in [0, 1] as CIE L*a*b* of D50."""
    matrix = to_xyz(BT709, D50)
    x, y, z = np.moveaxis(SRGB_CURVE(numbers) @ (matrix / matrix.sum(1, keepdims=True)).T, -1, 0)
    x, y, z = (np.where(v > 216 / 24389, np.cbrt(v), (24389 / 27 * v + 16) / 116) for v in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def cmyk_profile() -> bytes:
    """A print profile, which libvips has."""
    return bytes(pyvips.Image.profile_load("cmyk"))


def colours() -> Image.Image:
    """A photograph above all hues from pale to full: 150×200."""
    photo = Image.open(STATIC / "samples" / "coffee.jpg").resize((150, 100))
    hue, full = np.meshgrid(np.linspace(0, 255, 150), np.linspace(80, 255, 100))
    hues = np.stack([hue, full, np.full_like(hue, 230)], -1).astype(np.uint8)
    both = Image.new("RGB", (150, 200))
    both.paste(photo, (0, 0))
    both.paste(Image.fromarray(hues, "HSV").convert("RGB"), (0, 100))
    return both


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png(picture: Image.Image, **chunks: bytes) -> bytes:
    """A PNG with chunks of its own."""
    info = PngImagePlugin.PngInfo()
    for name, content in chunks.items():
        info.add(name.encode(), content)
    return encoded(picture, "PNG", pnginfo=info)


@contextmanager
def browser() -> Iterator[Callable[[bytes], np.ndarray]]:
    """What a browser makes of picture files on a screen that is sRGB: (H, W, 4), 8 bits."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        )
        page = chromium.new_page()

        def read(data: bytes) -> np.ndarray:
            width, height, text = page.evaluate(READ, base64.b64encode(data).decode())
            return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)

        yield read
        chromium.close()


def vips(data: bytes) -> np.ndarray:
    """What libvips makes of a picture file: (H, W, bands), 8 bits of sRGB, upright."""
    picture = pyvips.Image.new_from_buffer(data, "").autorot()
    if picture.get_typeof("icc-profile-data"):
        picture = picture.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
    return picture.colourspace("srgb").cast("uchar").numpy()


def off(ours: Image.Image, theirs: np.ndarray) -> float:
    """The mean difference of the colours, in levels of 255."""
    ours_rgb, theirs_rgb = np.asarray(ours.convert("RGB"), np.int16), theirs[..., :3].astype(np.int16)
    assert ours_rgb.shape[:2] == theirs_rgb.shape[:2]
    return float(np.abs(ours_rgb - theirs_rgb).mean())
