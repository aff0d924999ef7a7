"""Measures ours beside its peers. Threads wait as they do in the server."""

import server  # noqa: F401  # before PyTorch, see there
