"""A picture at several α: an animation that goes there and back, or a contact sheet."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from dynamicnet import pictures
from dynamicnet.errors import DynamicNetError, quoted
from dynamicnet.method.alpha import AlphaLike, AxisAlpha, axis_named
from dynamicnet.method.blocks import AxisSpec

FORMATS = {"webp": "image/webp", "gif": "image/gif", "png": "image/png", "jpeg": "image/jpeg"}
"""Of animations, then of contact sheets."""

ANIMATIONS = ("webp", "gif")

FEWEST, MOST = 2, 60
"""How many frames a sweep may have."""

MAX_PIXELS = 64_000_000
"""Of all frames together, which are held until the last is there: 60 of 1024×1024."""

ONE_WAY = 2000
"""Milliseconds from one end to the other."""

TICK = 10
"""Milliseconds: what GIF counts in."""

COUNTED = 2**20
"""Pixels, of all frames together, by which colours are chosen."""

SHAPE = 1.5
"""About how wide a contact sheet is for its height."""


@dataclass(frozen=True)
class Sweep:
    """What to render, and what to make of it.

    Attributes:
        alphas: α of every frame, by axis id. labels: what a contact sheet says under each.
        format: of :data:`FORMATS`. quality: of WebP and JPEG, 1 to 100.
    """

    alphas: list[dict[str, AxisAlpha]]
    labels: list[str]
    format: str
    quality: int

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse more pixels than are held at once, or sides that the format has no room for, of a (width, height).

        Raises:
            DynamicNetError: ``sweep-too-large`` or ``picture-too-large``; the sentence says what would do.
        """
        if self.format in ANIMATIONS:
            pictures.check_longest(size, self.format)
        frames = len(self.alphas)
        if math.prod(size) * frames > MAX_PIXELS:
            side = math.floor(max(size) * math.sqrt(MAX_PIXELS / frames / math.prod(size)))
            raise DynamicNetError(
                "sweep-too-large",
                f"{frames} frames of {size[0]}×{size[1]} are too much; give max_side {side}, or ask for fewer frames.",
                413,
            )

    def batches(self, size: int) -> Iterator[list[dict[str, AxisAlpha]]]:
        """Its α in order, at most ``size`` at a time."""
        for start in range(0, len(self.alphas), size):
            yield self.alphas[start : start + size]

    def write(self, frames: Sequence[Image.Image]) -> bytes:
        """The file, from a picture for each α: RGB or RGBA, of one size, in sRGB. Transparency is put on white.

        Raises:
            DynamicNetError: ``picture-too-large``, a contact sheet for the format.
        """
        frames = [pictures.flatten(frame, "white") for frame in frames]
        if self.format not in ANIMATIONS:
            return pictures.write(_sheet(frames, self.labels), self.format, self.quality)
        how = pictures.tag(frames[0], self.format)
        if self.format == "gif":
            frames = _in_few_colours(frames)
        else:  # every frame whole: libwebp leaves small changes out until the next that is, where they come at once
            how |= {"quality": self.quality, "method": 2, "kmin": 0, "kmax": 1}
        times = [round(i * ONE_WAY / (len(frames) - 1) / TICK) * TICK for i in range(len(frames))]
        there = [after - before for before, after in pairwise(times)]
        out = io.BytesIO()
        frames[0].save(
            out,
            self.format.upper(),
            save_all=True,
            append_images=[*frames[1:], *frames[-2:0:-1]],
            duration=[*there, *reversed(there)],
            loop=0,
            **how,
        )
        return out.getvalue()


def plan(
    axes: Sequence[AxisSpec],
    alpha: AlphaLike,
    axis: str | None,
    frames: int,
    format: str,  # noqa: A002
    quality: int,
) -> Sweep:
    """One axis from its low end to its high end in steps that look even, the others where they are.

    Args:
        axes: those of the model, in order.
        alpha: where the others are.
        axis: the one to move; the first for None.
        frames: how many, 2 to 60.
        format: of :data:`FORMATS`.
        quality: of WebP and JPEG, 1 to 100.

    Raises:
        DynamicNetError: ``format-unknown``, ``quality-invalid``, ``frames-invalid`` or ``alpha-unknown-axis``.
    """
    if format not in FORMATS:
        raise DynamicNetError(
            "format-unknown", f"There is no format {quoted(format, 20)} for a sweep; choose {', '.join(FORMATS)}.", 406
        )
    pictures.check_quality(quality)
    if not FEWEST <= frames <= MOST:
        raise DynamicNetError("frames-invalid", f"frames goes from {FEWEST} to {MOST}; got {frames}.")
    moved = axes[0] if axis is None else axis_named(axis, axes)
    values = [moved.alpha_at(i / (frames - 1)) for i in range(frames)]
    others = dict(alpha) if isinstance(alpha, Mapping) else {axes[0].id: alpha}
    return Sweep(
        [others | {moved.id: value} for value in values], [f"{value:z.2f}" for value in values], format, quality
    )


def _in_few_colours(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The same 256 for all: with colours of its own for each, what stands still would flicker."""
    width, height = frames[0].size
    shrink = min(1.0, math.sqrt(COUNTED / (width * height * len(frames))))
    small = max(1, int(width * shrink)), max(1, int(height * shrink))
    strip = Image.new("RGB", (small[0], small[1] * len(frames)))
    for i, frame in enumerate(frames):
        strip.paste(frame.resize(small, Image.Resampling.NEAREST), (0, i * small[1]))
    colours = strip.quantize(256)
    return [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]


def _sheet(frames: Sequence[Image.Image], labels: Sequence[str]) -> Image.Image:
    width, height = frames[0].size
    columns = min(len(frames), max(1, round(math.sqrt(len(frames) * SHAPE * height / width))))
    rows = math.ceil(len(frames) / columns)
    letter = min(36, max(12, width // 16))
    gap, under = letter, 2 * letter
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + under) + gap), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(letter)
    for i, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        left, top = gap + i % columns * (width + gap), gap + i // columns * (height + under)
        sheet.paste(frame, (left, top))
        draw.text((left + width / 2, top + height + under / 2), label, "black", font, anchor="mm")
    return sheet
