"""What the C library's allocator does with memory that a render gave back."""

import ctypes

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
