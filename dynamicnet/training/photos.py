"""Training pictures: a folder, split once and for all into what is trained on and what is held out."""

import hashlib
import os
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from dynamicnet import decoders, pictures
from dynamicnet.decode import MIN_SIDE, MOST_DECODED
from dynamicnet.errors import DynamicNetError, printable

SUFFIXES = {
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif", ".jxl"),
}
HELD_OUT = "one picture in eight, by the SHA-256 of its file name"

CACHE = 2**29
"""Bytes of pictures that stay in memory, about."""

NAMED = 5
"""How many of the files that are left out for one reason are named."""

REASONS = {
    "picture-too-small": f"smaller than {MIN_SIDE} pixels",
    "picture-too-large": f"larger than {MOST_DECODED // 10**6} megapixels",
}
CUT_OFF = "cut off or damaged"
UNREADABLE = "not to be opened"
HIDDEN = "hidden"
LINKED = "links to folders"
LOCKED = "folders that may not be looked into"
NO_PICTURE = "without a picture's suffix"


def is_held_out(file: Path) -> bool:
    """Whether a picture is never trained on: decided by its name alone, so every run and every tool agrees."""
    return hashlib.sha256(os.fsencode(file.name)).digest()[0] % 8 == 0


def is_of(part: bool | None, file: Path) -> bool:
    """Whether a file is of what is held out (True), of what is trained on (False), or of both (None)."""
    return part is None or is_held_out(file) == part


def find(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """The pictures of a folder, subfolders included, by name; and why its other files are none."""
    found, skipped = [], {}
    for file in sorted((folder, *folder.rglob("*"))):
        is_folder = file.is_dir() and (file == folder or not file.is_symlink())
        if is_folder and os.access(file, os.R_OK | os.X_OK):
            continue
        if any(name.startswith(".") for name in file.relative_to(folder).parts):
            skipped[file] = HIDDEN  # ._name.jpg, which macOS leaves beside name.jpg, is no picture
        elif file.is_dir():
            skipped[file] = LOCKED if is_folder else LINKED
        elif file.suffix.lower() not in SUFFIXES:
            skipped[file] = NO_PICTURE
        elif not file.is_file():  # a link to what is no more
            skipped[file] = UNREADABLE
        else:
            found.append(file)
    return found, skipped


class Pictures:
    """Pictures on a person's own disk, scaled so that their shorter side is ``side`` pixels.

    All are read when it is made, so that what cannot be used is said before anything is done with the others.

    Attributes:
        side: see above; smaller pictures are enlarged.
        files: those that can be used.
        skipped: why each of the others cannot.
        reasons: what is said of errors, by their codes.
    """

    reasons: Mapping[str, str] = REASONS

    def __init__(
        self,
        what: str,
        files: Iterable[Path],
        side: int,
        skipped: Mapping[Path, str],
        limit: int | None = None,
        console: Console | None = None,
    ) -> None:
        """Read them.

        Args:
            what: they are, for people.
            files: theirs.
            side: see above.
            skipped: other files, which are left out, and why.
            limit: only the first so many that can be used.
            console: where to say what was left out.

        Raises:
            DynamicNetError: ``no-pictures``.
        """
        self.side = side
        self.files: list[Path] = []
        self.skipped = dict(skipped)
        self.read = lru_cache(maxsize=CACHE // (4 * side**2))(self._read)
        listed = list(files)
        quiet = console is None or not console.is_terminal
        left = iter(track(listed, "reading pictures", console=console, transient=True, disable=quiet))
        with ThreadPoolExecutor(decoders.COUNT) as threads:
            wanted = len(listed) if limit is None else limit
            while some := list(islice(left, min(64, wanted - len(self.files)))):
                for file, reason in zip(some, threads.map(self._fault, some), strict=True):
                    if reason is None:
                        self.files.append(file)
                    else:
                        self.skipped[file] = reason
        if not self.files:
            raise DynamicNetError("no-pictures", f"There are no {what}{self._left_out()}.")
        if console and self.skipped:
            console.print(f"{len(self.files)} {what}{self._left_out()}", soft_wrap=True)

    def _fault(self, file: Path) -> str | None:
        """Why a file cannot be used, or None."""
        try:
            self.read(file)
        except DynamicNetError as error:
            if error.status == 503:  # it is not the file's fault
                raise
            return self.reasons.get(error.code, CUT_OFF)
        except OSError:
            return UNREADABLE
        return None

    def _read(self, file: Path) -> Tensor:
        """A picture, (3, H, W), uint8."""
        picture = np.array(pictures.read_fitted(file.read_bytes(), self.side))
        return torch.from_numpy(picture).permute(2, 0, 1).contiguous()

    def _left_out(self) -> str:
        """What was, for people."""
        said = []
        for reason, count in Counter(self.skipped.values()).most_common():
            names = [printable(file.name) for file, why in self.skipped.items() if why == reason][:NAMED]
            more = f" and {count - NAMED} more" if count > NAMED else ""
            said.append(f"{count} {reason} ({', '.join(names)}{more})")
        return "; left out: " + "; ".join(said) if said else ""

    def centres(self, limit: int | None = None) -> Tensor:
        """The centre squares of the first ``limit`` pictures: (N, 3, side, side) in [0, 1]."""
        return torch.stack([centre(self.read(file), self.side) for file in self.files[:limit]]).float() / 255


class Photos(Pictures):
    """The pictures of one part of a folder.

    Attributes:
        found: how many there are of both parts, to be used or not.
    """

    def __init__(
        self,
        folder: Path,
        side: int,
        *,
        held_out: bool | None,
        exclude: Collection[str] = (),
        limit: int | None = None,
        console: Console | None = None,
    ) -> None:
        """List a folder, subfolders included, but for files whose names are in ``exclude``.

        Args:
            folder: which.
            side: their shorter side, in pixels.
            held_out: what is held out, or what is trained on; None for both.
            exclude: names of files.
            limit: only the first so many that can be used.
            console: where to say what was left out.

        Raises:
            DynamicNetError: ``no-pictures``.
        """
        found, skipped = find(folder)
        self.found = len(found)
        part = {None: "", True: " held out", False: " to train on"}[held_out]
        files = [file for file in found if is_of(held_out, file) and file.name not in exclude]
        if found and not files:
            raise DynamicNetError(
                "no-pictures",
                f"There are no pictures{part} in '{folder}' ({len(found)} in all; {HELD_OUT}, is held out).",
            )
        super().__init__(f"pictures{part} in '{folder}'", files, side, {} if held_out else skipped, limit, console)

    def batch(self, count: int, seed: str) -> Tensor:
        """Random squares, half of them mirrored: (count, 3, side, side) in [0, 1]; the same seed, the same squares."""
        draw = random.Random(seed)
        squares: list[Tensor] = []
        for _ in range(count):
            picture = self.read(draw.choice(self.files))
            top, left = (draw.randrange(side - self.side + 1) for side in picture.shape[1:])
            square = picture[:, top : top + self.side, left : left + self.side]
            squares.append(square.flip(2) if draw.random() < 0.5 else square)
        return torch.stack(squares).float() / 255


def centre(picture: Tensor, side: int) -> Tensor:
    """The square in the middle of a picture: (C, H, W) to (C, side, side)."""
    top, left = ((length - side) // 2 for length in picture.shape[1:])
    return picture[:, top : top + side, left : left + side]


def to_show(folder: Path, side: int, count: int, exclude: Collection[str] = ()) -> Tensor:
    """Centre squares of pictures that sample sheets show, (N, 3, side, side) in [0, 1]: held out, where some are."""
    try:
        return Photos(folder, side, held_out=True, exclude=exclude, limit=count).centres()
    except DynamicNetError:
        return Photos(folder, side, held_out=None, exclude=exclude, limit=count).centres()
