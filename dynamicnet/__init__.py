"""Dynamic-Net: train a network once, then tune its objective with a slider (arXiv 1811.08760)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamicnet.applications import Encoded, Inputs
    from dynamicnet.errors import DynamicNetError
    from dynamicnet.method.alpha import over_picture, per_picture, per_point
    from dynamicnet.method.blocks import AxisSpec, TuningBlock
    from dynamicnet.method.dynamic import DynamicNet, Prepared
    from dynamicnet.model import Model, PreparedInputs

__version__ = "0.1.0"

_HOME = {
    "AxisSpec": "method.blocks",
    "DynamicNet": "method.dynamic",
    "DynamicNetError": "errors",
    "Encoded": "applications",
    "Inputs": "applications",
    "Model": "model",
    "Prepared": "method.dynamic",
    "PreparedInputs": "model",
    "TuningBlock": "method.blocks",
    "over_picture": "method.alpha",
    "per_picture": "method.alpha",
    "per_point": "method.alpha",
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
