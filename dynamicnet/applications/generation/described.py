"""Pictures that a table describes in full: every part of each is known, so that a network can be told what to draw."""

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from dynamicnet import package
from dynamicnet.applications.generation.labelled import named
from dynamicnet.errors import DynamicNetError
from dynamicnet.training.photos import Pictures, centre, is_of

TABLE = "parts.csv"
"""The table, in the folder of the pictures: a column ``file``, and one for each part."""

Parts = Mapping[str, str]
"""What a picture shows, by the names of the parts."""

Choices = Mapping[str, Sequence[str]]
"""The options of each part that is left to chance."""


class Drawn(NamedTuple):
    """A batch.

    Attributes:
        latents: (N, options of all choices).
        alphas: of each axis that the pictures differ in, by its id, (N,): 0 or 1.
        pictures: (N, 3, side, side) in [0, 1].
    """

    latents: Tensor
    alphas: dict[str, Tensor]
    pictures: Tensor


class PartsTable:
    """What a folder's pictures show.

    Attributes:
        rows: by the pictures' paths.
    """

    def __init__(self, folder: Path) -> None:
        """Read it.

        Raises:
            DynamicNetError: ``labels-invalid``.
        """
        self.folder = folder
        self.rows: dict[Path, Parts] = {}
        try:
            with (folder / TABLE).open(encoding="utf-8-sig", newline="") as file:
                self._read(csv.DictReader(file, skipinitialspace=True))
        except (OSError, UnicodeError, csv.Error) as error:
            raise self._invalid(f"cannot be read: {error}") from None

    def _read(self, reader: "csv.DictReader[str]") -> None:
        for row in reader:
            if None in row or None in row.values() or "file" not in row:
                raise self._invalid(
                    f"has a column 'file' and one for each part, in UTF-8 with commas; line {reader.line_num} is not so"
                )
            name = row.pop("file")
            if "\0" in name or not name or Path(name).is_absolute() or self.folder / name in self.rows:
                raise self._invalid(f"names each picture once, within the folder; line {reader.line_num} does not")
            self.rows[self.folder / name] = row

    def _invalid(self, what: str) -> DynamicNetError:
        return DynamicNetError("labels-invalid", f"'{self.folder / TABLE}' {what}.")

    def options(self, subset: str) -> Choices:
        """What each part may be within a subset, see :func:`dynamicnet.applications.generation.labelled.named`.

        Raises:
            DynamicNetError: ``no-pictures``.
        """
        found = [row for file, row in self.rows.items() if named(file, self.folder, subset)]
        if not found:
            raise DynamicNetError("no-pictures", f"'{self.folder / TABLE}' names no picture of '{subset}'.")
        return {part: sorted({row[part] for row in found}) for part in found[0]}

    def choices(self, subset: str) -> Choices:
        """Those of the parts that differ within a subset, which are left to chance."""
        return {part: some for part, some in self.options(subset).items() if len(some) > 1}


class Described(Pictures):
    """The pictures that θ or an axis is taught with."""

    def __init__(
        self,
        table: PartsTable,
        low: str,
        high: str | None,
        base: Parts,
        side: int,
        *,
        held_out: bool | None,
        console: Console | None = None,
    ) -> None:
        """List them.

        Args:
            table: what they show. Parts that differ within ``low`` are left to chance: the choices.
            low: the subset that θ is taught.
            high: the subset that the axis leads to, which differs from ``low`` in one part, the axis's; None for θ.
            base: parts that have axes already, and what they are at α = 1: the pictures may be at either end.
            side: of the squares, in pixels.
            held_out: the part that is never trained on, or the other; None for both.
            console: where to say what was left out.

        Raises:
            DynamicNetError: ``no-pictures``, or ``labels-invalid`` where the subsets differ in other ways.
        """
        self.choices = table.choices(low)
        self.low = {part: some[0] for part, some in table.options(low).items() if part not in self.choices}
        if not self.choices:
            raise DynamicNetError("labels-invalid", f"In '{low}' nothing differs: leave one part to chance at least.")
        wanted, self.axis = dict(self.low), ""
        if high is not None:
            there = table.options(high)
            apart = {part: some for part, some in there.items() if part in self.low and some != [self.low[part]]}
            if len(apart) != 1 or any(len(some) != 1 for some in apart.values()):
                raise DynamicNetError(
                    "labels-invalid",
                    f"'{high}' is to differ from '{low}' in one part, always the same way; it differs in "
                    f"{', '.join(apart) or 'none'}. What differs within '{low}' is left to chance: "
                    f"{', '.join(self.choices)}.",
                )
            ((self.axis, (wanted[self.axis],)),) = apart.items()
        self.free = tuple(part for part in base if part != self.axis)
        if missing := [part for part in self.free if part not in self.low]:
            raise DynamicNetError("labels-invalid", f"In '{low}' there is no one '{missing[0]}', which has an axis.")
        allowed = {part: [value] for part, value in wanted.items()} | dict(self.choices)
        allowed |= {part: [self.low[part], base[part]] for part in self.free}
        self.rows = {
            file: row
            for file, row in table.rows.items()
            if all(row[part] in values for part, values in allowed.items())
        }
        files = sorted(file for file in self.rows if is_of(held_out, file))
        super().__init__(f"pictures to teach '{high or low}' with", files, side, {}, None, console)

    def batch(self, count: int, seed: str) -> Drawn:
        """Random ones; the same seed, the same."""
        return self.drawn(random.Random(seed).choices(self.files, k=count))

    def drawn(self, files: Sequence[Path]) -> Drawn:
        """Some of them."""
        rows = [self.rows[file] for file in files]
        latents = [
            [float(row[part] == option) for part, some in self.choices.items() for option in some] for row in rows
        ]
        alphas = {part: torch.tensor([float(row[part] != self.low[part]) for row in rows]) for part in self.free}
        pictures = torch.stack([centre(self.read(file), self.side) for file in files]).float() / 255
        return Drawn(torch.tensor(latents), alphas, pictures)


def is_described(folder: Path) -> bool:
    """Whether a folder has a table of what its pictures show."""
    return (folder / TABLE).exists()


def known(table: PartsTable, training: package.Training) -> Parts:
    """The parts that a package has axes for, and what they are at α = 1.

    Raises:
        DynamicNetError: ``labels-invalid``, the table has other parts than what the package was trained on.
    """
    first, *others = training.phases
    if table.choices(first.objective["subset"]) != first.objective["choices"]:
        raise DynamicNetError(
            "labels-invalid", f"'{table.folder / TABLE}' has other parts than the model was trained on."
        )
    high = {one.axis: table.options(one.objective["subset"]) for one in others if one.axis is not None}
    if missing := [axis for axis, options in high.items() if axis not in options]:
        raise DynamicNetError("labels-invalid", f"'{table.folder / TABLE}' has no column '{missing[0]}'.")
    return {axis: options[axis][0] for axis, options in high.items()}
