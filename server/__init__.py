"""The FastAPI application that serves Dynamic-Nets over HTTP and WebSocket."""

import os

# A thread of a render that waits for another sleeps. By default it spins, and where cores are shared, with the browser
# if with nothing else, takes the time of the one it waits for. Read when PyTorch is loaded, hence set before.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
