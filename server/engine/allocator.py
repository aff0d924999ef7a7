"""What stays in memory after a render: what it gave back, and what was compiled for it."""

import ctypes
import os

KEPT_BYTES = 512 * 2**20
"""How much freed memory the process keeps for the next render: what four pictures of 512×512 need at once."""

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # malloc.h


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, where by default every render hands its memory back and faults it in again.

    What a large picture took may then stay, until it is given back by :func:`give_back_memory`. Nothing happens where
    the C library is another one.
    """
    _glibc("mallopt", _MMAP_MAX, 0)  # mapped one by one, as tiles' features else are, what is large is never kept
    _glibc("mallopt", _TRIM_THRESHOLD, KEPT_BYTES)
    _glibc("mallopt", _ARENA_MAX, 1)  # an arena of a thread's own is cut up into pieces of 64 MiB


def hold_freed_memory() -> None:
    """Keep all that is freed, until :func:`give_back_memory`: who hands back 500 MB between two stages is held up."""
    _glibc("mallopt", _TRIM_THRESHOLD, 2**31 - 1)


def give_back_memory() -> None:
    """Give back what is freed; whoever allocates meanwhile waits, for as long as a tenth of a second for each GB."""
    _glibc("mallopt", _TRIM_THRESHOLD, KEPT_BYTES)
    _glibc("malloc_trim", KEPT_BYTES)


def _glibc(name: str, *values: int) -> None:
    """Call what glibc has; nothing where the C library is another one."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*values)


KEPT_OPERATORS = 64
"""How many convolutions stay compiled, each for one shape; with four times as many, memory grew (`bench.shapes`)."""


def bound_compiled_operators() -> None:
    """Have oneDNN, and PyTorch's layer over it, keep few, where by default each keeps 1024.

    Pictures, previews and batches have so many shapes that memory would grow for an hour. To be called before the
    first render; what is set in the environment already stays.
    """
    for variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(variable, str(KEPT_OPERATORS))
