"""Dynamic-Net: train a network once, then tune its objective with a slider (arXiv 1811.08760)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamicnet.alpha import over_picture, per_picture, per_point
    from dynamicnet.applications import Encoded, Inputs
    from dynamicnet.blocks import AxisSpec, TuningBlock
    from dynamicnet.dynamic import DynamicNet, Prepared
    from dynamicnet.errors import DynamicNetError
    from dynamicnet.model import Model, PreparedInputs

__version__ = "0.1.0"

_HOME = {
    "AxisSpec": "blocks",
    "DynamicNet": "dynamic",
    "DynamicNetError": "errors",
    "Encoded": "applications",
    "Inputs": "applications",
    "Model": "model",
    "Prepared": "dynamic",
    "PreparedInputs": "model",
    "TuningBlock": "blocks",
    "over_picture": "alpha",
    "per_picture": "alpha",
    "per_point": "alpha",
}
"""Where each name is from. Loaded when it is asked for: what decodes pictures has no use for torch."""

__all__ = [
    "AxisSpec",
    "DynamicNet",
    "DynamicNetError",
    "Encoded",
    "Inputs",
    "Model",
    "Prepared",
    "PreparedInputs",
    "TuningBlock",
    "over_picture",
    "per_picture",
    "per_point",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
