"""What an evaluation is asked to do, whatever the application."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import HELD_OUT, Photos

FEWEST = 8
"""Of how many pictures figures mean something: the mean of so many is known to about two thirds of their spread."""

MORE = "--all measures on all pictures, those trained on as well; --test DIR on others."


@dataclass(frozen=True)
class Task:
    """One model to be measured.

    Attributes:
        folder: its package.
        images: folder of pictures, of which a part was held out of training.
        encoder: the frozen encoder's files.
        side: side of the squares measured on, in pixels.
        limit: at most so many pictures; None for all.
        yardstick: on how many pictures the objective is optimised directly, where that is measured.
        iterations: for how many iterations.
        console: where the tables go.
        out: folder for what is trained to compare with, and for tables and plots of that.
        against: what to compare with: baselines by name, or packages by path.
        test: folder of pictures none of which was trained on, to be measured on in place of the held-out ones.
        masks: folder of masks, for what fills holes. holes: their colour where the hole is.
        all: whether all of ``images`` are measured on, trained on or not.
        write: whether figures are for the manifest, and must mean something.
    """

    folder: Path
    images: Path
    encoder: tuple[Path, ...]
    side: int
    limit: int | None
    yardstick: int
    iterations: int
    console: Console
    out: Path
    against: tuple[str, ...] = ()
    test: Path | None = None
    masks: Path | None = None
    holes: Literal["white", "black"] = "white"
    all: bool = False
    write: bool = False

    def only(self, *taken: str) -> None:
        """Refuse options that an application has no use for.

        Raises:
            DynamicNetError: ``option-not-taken``.
        """
        for name in ("test", "masks", "all", "against"):
            if name not in taken and getattr(self, name):
                raise DynamicNetError("option-not-taken", f"'{self.folder.name}' is measured without --{name}.")

    @property
    def part(self) -> str:
        """What is measured on, for people."""
        if self.test:
            return "none trained on"
        return "all, those trained on as well" if self.all else f"held out of training: {HELD_OUT}"

    def photos(self, side: int) -> Photos:
        """What is measured on, scaled so that the shorter side is ``side`` pixels, at most :attr:`limit` of them.

        Raises:
            DynamicNetError: ``no-pictures`` or ``too-few-pictures``.
        """
        folder, part = self.test or self.images, None if self.test or self.all else True
        try:
            photos = Photos(folder, side, held_out=part, limit=self.limit, console=self.console)
        except DynamicNetError as error:
            raise DynamicNetError(error.code, f"{error.message} {MORE}" if part else error.message) from None
        count = len(photos.files)
        self.console.print(f"measured on {count} of the {photos.found} pictures in '{folder}' ({self.part})")
        self.check(count)
        return photos

    def check(self, count: int) -> None:
        """Say that so many pictures are few, where they are.

        Raises:
            DynamicNetError: ``too-few-pictures``, for figures that are written.
        """
        if count >= FEWEST:
            return
        few = f"{count} pictures say little of others, and figures are written of {FEWEST} or more"
        if self.write:
            raise DynamicNetError("too-few-pictures", f"{few}: leave out --write, or give more pictures. {MORE}")
        self.console.print(f"{few}. {MORE}")
