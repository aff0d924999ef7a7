"""A run: the folder of one recipe's checkpoints and sample sheets, and what its phases leave in the manifest."""

import json
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynamicnet import package
from dynamicnet.errors import DynamicNetError
from dynamicnet.files.replaced import replaced
from dynamicnet.method.blocks import Sign
from dynamicnet.training.phase import Done, Plan

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RECIPE = "recipe.json"


def claim_run(folder: Path, recipe: "DataclassInstance") -> None:
    """Make a folder the run of a recipe; one that is that recipe's already is taken up where it was.

    Raises:
        DynamicNetError: ``run-taken``, it holds another recipe's run.
    """
    note = folder / RECIPE
    text = json.dumps(asdict(recipe), default=_named, indent=2)
    known = note.read_text() if note.exists() else text
    if known not in (text, json.dumps(asdict(recipe), default=str, indent=2)):  # as it was noted before
        raise DynamicNetError(
            "run-taken", f"'{folder}' holds the run of another recipe; remove it or choose another --run."
        )
    with replaced(note) as partial:
        partial.write_text(text)


def _named(value: object) -> str:
    """A path, of a file with a word for what it holds: another painting by the same name is another recipe."""
    held = value.read_bytes() if isinstance(value, Path) and value.is_file() else None
    return str(value) if held is None else f"{value} {blake2b(held, digest_size=8).hexdigest()}"


def with_phase(
    training: package.Training,
    plan: Plan,
    done: Done,
    *,
    axis: str | None,
    bank: Sign | None,
    objective: dict[str, Any],
    pictures: int,
    skipped: int = 0,
    start: Path | None = None,
) -> package.Training:
    """Where weights come from, with one more phase, as far as it has come.

    Args:
        training: the phases before it.
        plan: how it is trained.
        done: how far it has come.
        axis: of what is trained; None for θ.
        bank: likewise.
        objective: what is minimised, for people and for ``evaluate``.
        pictures: how many were trained on.
        skipped: how many could not be read.
        start: the package whose θ phase one started from.
    """
    phase = package.Phase(
        axis=axis,
        bank=bank,
        objective=objective,
        steps=done.steps,
        batch=plan.batch,
        crop=plan.crop,
        learning_rate=plan.learning_rate,
        seed=plan.seed,
        seconds=round(done.seconds, 1),
        pictures=pictures,
        skipped=skipped,
        started_from=start.name if axis is None and start else None,
    )
    return training.model_copy(update={"phases": [*training.phases, phase]})
