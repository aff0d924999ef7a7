"""In what precision convolutions are computed."""

from functools import cache

import torch


def autocast(device: torch.device) -> torch.autocast:
    """Convolutions in bfloat16 where the device has units for it, which are several times as fast.

    Those are CUDA and processors with AMX; elsewhere bfloat16 would be slower than float32, and all is float32.
    Parameters and their averages are float32 everywhere. Training steps run in it, and ``Model.render``;
    ``Model.prepare`` does not: what the first stages round off grows in all that follow, and shows.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or _has_amx())


@cache
def _has_amx() -> bool:
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
