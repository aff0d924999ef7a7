"""The main networks a model package may name."""

from collections.abc import Callable

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

__all__ = [
    "NETWORKS",
    "DcganNetwork",
    "DilatedNetwork",
    "JohnsonNetwork",
    "LeanNetwork",
    "MainNetwork",
    "ScalesNetwork",
    "ShallowUNet",
    "UpsamplingNetwork",
]
