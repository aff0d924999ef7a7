"""Evaluation: what an axis does to its objectives, on pictures not trained on."""

from collections.abc import Callable
from typing import Any

from dynamicnet.evaluation import completion, generation, style
from dynamicnet.evaluation.task import Task

EVALUATIONS: dict[str, Callable[[Task], dict[str, Any]]] = {
    "style": style.evaluate,
    "completion": completion.evaluate,
    "generation": generation.evaluate,
}
"""How a model is measured, by application: prints its tables, and returns the figures for its manifest."""

__all__ = ["EVALUATIONS", "Task"]
