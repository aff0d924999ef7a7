"""Dynamic-Net: train a network once, then tune its objective with a slider (arXiv 1811.08760)."""

from dynamicnet.alpha import over_picture, per_picture, per_point
from dynamicnet.applications import Encoded, Inputs
from dynamicnet.blocks import AxisSpec, TuningBlock
from dynamicnet.dynamic import DynamicNet, Prepared
from dynamicnet.errors import DynamicNetError
from dynamicnet.model import Model, PreparedInputs

__version__ = "0.1.0"

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
