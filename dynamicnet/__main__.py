"""``python -m dynamicnet``: the command line."""

from dynamicnet.cli import main

main()
