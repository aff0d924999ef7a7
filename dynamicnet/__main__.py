"""``python -m dynamicnet`` and ``dynamic-net``: the command line."""

import os

# Threads that wait sleep, as in the server: beside other work, one that spins takes the time of the one it waits for,
# and a training takes ten times as long. Read when PyTorch is loaded, hence set before.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from dynamicnet.cli import main

if __name__ == "__main__":
    main()
