"""What an evaluation is asked to do, whatever the application."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import Photos


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

    def only(self, *taken: str) -> None:
        """Refuse options that an application has no use for.

        Raises:
            DynamicNetError: ``option-not-taken``.
        """
        for name in ("test", "masks"):
            if name not in taken and getattr(self, name) is not None:
                raise DynamicNetError("option-not-taken", f"'{self.folder.name}' is measured without --{name}.")

    def photos(self, side: int) -> Photos:
        """What is measured on, scaled so that the shorter side is ``side`` pixels, at most :attr:`limit` of them.

        Raises:
            DynamicNetError: ``no-pictures``.
        """
        return Photos(
            self.test or self.images, side, held_out=None if self.test else True, limit=self.limit, console=self.console
        )
