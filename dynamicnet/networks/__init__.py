"""The main networks a model package may name."""

from collections.abc import Callable

from dynamicnet.networks.base import MainNetwork
from dynamicnet.networks.johnson import JohnsonNetwork
from dynamicnet.networks.lean import LeanNetwork

NETWORKS: dict[str, Callable[..., MainNetwork]] = {"johnson": JohnsonNetwork, "lean": LeanNetwork}

__all__ = ["NETWORKS", "JohnsonNetwork", "LeanNetwork", "MainNetwork"]
