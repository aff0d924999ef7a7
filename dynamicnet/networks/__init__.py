"""The main networks a model package may name."""

from collections.abc import Callable
from typing import Any

from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.dcgan import DcganNetwork
from dynamicnet.networks.dilated import DilatedNetwork
from dynamicnet.networks.johnson import JohnsonNetwork
from dynamicnet.networks.lean import LeanNetwork
from dynamicnet.networks.scales import ScalesNetwork
from dynamicnet.networks.unet import ShallowUNet
from dynamicnet.networks.upsampling import UpsamplingNetwork

NETWORKS: dict[str, Callable[..., MainNetwork]] = {
    "johnson": JohnsonNetwork,
    "lean": LeanNetwork,
    "dilated": DilatedNetwork,
    "unet": ShallowUNet,
    "dcgan": DcganNetwork,
    "scales": ScalesNetwork,
    "upsampling": UpsamplingNetwork,
}

TRAINED_WITH: dict[str, dict[str, Any]] = {"scales": {"brush": True}}
"""What a network is trained with from now on: packages that were trained without it stay as they are."""

__all__ = [
    "NETWORKS",
    "TRAINED_WITH",
    "DcganNetwork",
    "DilatedNetwork",
    "JohnsonNetwork",
    "LeanNetwork",
    "MainNetwork",
    "ScalesNetwork",
    "ShallowUNet",
    "UpsamplingNetwork",
]
