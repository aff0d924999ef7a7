"""A run: the folder of one recipe's checkpoints and sample sheets."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dynamicnet.errors import DynamicNetError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RECIPE = "recipe.json"


def claim_run(folder: Path, recipe: "DataclassInstance") -> None:
    """Make a folder the run of a recipe; one that is that recipe's already is taken up where it was.

    Raises:
        DynamicNetError: ``run-taken``, it holds another recipe's run.
    """
    note = folder / RECIPE
    text = json.dumps(asdict(recipe), default=str, indent=2)
    if note.exists() and note.read_text() != text:
        raise DynamicNetError(
            "run-taken", f"'{folder}' holds the run of another recipe; remove it or choose another --run."
        )
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(text)
