"""In what precision convolutions are computed."""

from functools import cache

import torch

torch.backends.cudnn.allow_tf32 = False  # it would round float32 to the 11 bits of float16, where that must not be


def autocast(device: torch.device) -> torch.autocast:
    """Convolutions in bfloat16 where the device has units for it, which are twice to several times as fast.

    Those are CUDA and processors with AVX-512 BF16, as all with AMX have; elsewhere bfloat16 would be slower than
    float32, and all is float32. Parameters and their averages are float32 everywhere. Training steps run in it,
    ``Model.render`` and, of ``Model.prepare``, tuning-blocks where nothing normalises; all else there does not: what
    the first stages round off grows in all that follow, and shows.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or _has_units())


@cache
def _has_units() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
