"""The curve of a phase: its losses in a CSV file that a plot can be made of."""

import csv
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from dynamicnet.files.replaced import replaced


class Curve:
    """A row for every few steps: the last step, seconds spent, the learning rate, and the mean of each loss."""

    def __init__(self, file: Path, start: int) -> None:
        """Go on with a file.

        Args:
            file: where to; its folder is made.
            start: the step that training goes on from; rows beyond it are dropped.
        """
        header, *rows = file.read_text().splitlines(keepends=True) if start and file.exists() else [""]
        with replaced(file) as partial:
            partial.write_text(header + "".join(row for row in rows if int(row.split(",")[0]) <= start))
        self._file, self._sums, self._count = file, dict[str, Tensor](), 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add one step's; nothing waits for the device."""
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value.detach() if self._count else value.detach()
        self._count += 1

    def row(self, step: int, seconds: float, rate: float) -> dict[str, float]:
        """Write a row of the steps since the last one, and return the means."""
        means = {name: value.item() / self._count for name, value in self._sums.items()}
        self._count = 0
        with self._file.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not file.tell():
                writer.writerow(["step", "seconds", "rate", *means])
            writer.writerow([step, round(seconds, 2), f"{rate:.6g}", *(f"{mean:.6g}" for mean in means.values())])
        return means
