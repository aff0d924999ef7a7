"""What stays in memory after a render: what it gave back, and what was compiled for it."""

import ctypes
import os

KEPT_BYTES = 512 * 2**20
"""How much freed memory the process keeps for the next render: what four pictures of 512×512 need at once."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # beyond it, glibc refuses


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, where by default every render hands its memory back and faults it in again.

    Nothing happens where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_ARENA_MAX, 1)  # an arena of a thread's own is cut up into pieces of 64 MiB


KEPT_OPERATORS = 64
"""How many convolutions stay compiled, each for one shape; with four times as many, memory grew (`bench.shapes`)."""


def bound_compiled_operators() -> None:
    """Have oneDNN, and PyTorch's layer over it, keep few, where by default each keeps 1024.

    Pictures, previews and batches have so many shapes that memory would grow for an hour. To be called before the
    first render; what is set in the environment already stays.
    """
    for variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(variable, str(KEPT_OPERATORS))
