"""Axes that were trained on one θ, in one package: ``python weights/joined.py PACKAGE OTHER …``.

PACKAGE takes the axes of the others, and all that is said of them; those are at 0 unless one is asked for.
"""

import sys
from pathlib import Path

import torch

from dynamicnet import package


def main() -> None:
    """Join them."""
    first, *others = (package.load(Path(name)) for name in sys.argv[1:])
    theta = first.net.network.state_dict()
    tensors, objectives = first.net.state_dict(), package.read_objectives(first.folder)
    manifest = first.manifest.model_copy(deep=True)
    for other in others:
        given = other.net.network.state_dict()
        if theta.keys() != given.keys() or not all(torch.equal(theta[name], given[name]) for name in theta):
            raise SystemExit(f"{other.folder} has another θ than {first.folder}.")
        tensors |= other.net.state_dict()
        objectives |= package.read_objectives(other.folder)
        manifest.axes += [axis.model_copy(update={"default": 0.0}) for axis in other.manifest.axes]
        manifest.training.commands += other.manifest.training.commands
        manifest.training.phases += [phase for phase in other.manifest.training.phases if phase.axis]
        if measured := other.manifest.measured.get("axes"):
            manifest.measured.setdefault("axes", {}).update(measured)
    net = package.build(manifest)
    net.load_state_dict(tensors)
    package.write(first.folder, manifest, net)
    package.write_objectives(first.folder, objectives)


if __name__ == "__main__":
    main()
