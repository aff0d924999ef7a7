"""Short trainings by the same seeds, of this build and of the one before: ``python -m bench.same_seed DATA``.

DATA as for bench.training. What comes out is measured in this build, on pictures not trained on: a style model by its
objectives at both ends, a generator by the Fréchet distance of what it makes to all real pictures.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from rich.table import Table

from bench.build import unpacked
from bench.training import COMMIT, NEEDED, Build
from dynamicnet import package
from dynamicnet.applications.generation.evaluate import frechet, generate, pooled
from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.pictures import drawn
from dynamicnet.applications.style.objective import StyleObjective, StyleSpec, targets_of
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.training.photos import Photos

OPTIONS = {
    "style": "--content {data}/content --style {data}/styles/wave.jpg --axis strength --weight 0.3,2 --batch 2 --norm "
    "--network lean --crop 128 --size 192 --main-rate 1e-3 --axis-rate 1.5e-3 --main-steps 300 --axis-steps 150",
    "generation": "--data {data}/faces --from male-[nw]* --to female-n* --axis-id gender --axis-title Gender "
    "--ends male,female --channels 256,160,112,64,32 --main-rate 5e-4 --batch 8 --main-steps 300 --axis-steps 0",
}
PICTURES = 400


def begun(root: Path, kind: str, data: Path, seed: int, folder: Path) -> Build:
    """A build that trains a package ``model`` in a folder, on one thread."""
    options = f"{OPTIONS[kind].format(data=data)} --seed {seed} --encoder {data / NEEDED[3]}"
    build = Build(root, kind, options.split(), folder, PICTURES, 1)
    for _ in range(2):  # phases, at most
        build.go(10**9)
    return build


@torch.inference_mode()
def style(folder: Path, data: Path, encoder: Encoder) -> list[float]:
    """The objective of each end, there."""
    loaded, targets = package.load(folder), package.read_objectives(folder)
    squares = Photos(data / "content", 128, held_out=True).centres(64)
    means = []
    for phase, alpha in zip(loaded.manifest.training.phases, (0.0, 1.0), strict=True):
        own = targets_of(targets, package.phase_name(phase.axis, phase.bank))
        spec = StyleSpec.model_validate(phase.objective | {"lifted": False})  # as both were trained
        objective = StyleObjective(spec, encoder, own)
        made = [objective(loaded.net(one, {"strength": alpha}), one) for one in squares.split(1)]
        means.append(float(torch.cat(made).mean()))
    return means


@torch.inference_mode()
def generation(folder: Path, data: Path, encoder: Encoder) -> list[float]:
    """The distance."""
    net = package.load(folder).net
    latents = drawn(range(500), net.network)
    real = [
        Labelled(data / "faces", "male-[nw]*", net.network.side, held_out=part, limit=1000).centres()
        for part in (False, True)
    ]
    return [frechet(pooled(encoder, generate(net, latents, None, 0.0)), pooled(encoder, torch.cat(real)))]


def main() -> None:
    """Train, measure, and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.same_seed")
    parser.add_argument("data", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    data, measures = given.data.resolve(), {"style": style, "generation": generation}
    encoder = Encoder(data / NEEDED[3])
    with unpacked(COMMIT) as old, ExitStack() as ends:
        for kind in given.kinds:
            table = Table(kind, f"build {COMMIT}", "this build", title="lower is better")
            runs = {}
            for seed in given.seeds:
                for root in (old, Path.cwd()):
                    folder = Path(ends.enter_context(TemporaryDirectory()))
                    runs[seed, root] = folder, begun(root, kind, data, seed, folder)
                    ends.callback(runs[seed, root][1].process.kill)
            shown = {}
            for which, (folder, build) in runs.items():
                if build.process.wait():
                    raise SystemExit(f"A training ended with status {build.process.returncode}.")
                figures = measures[kind](folder / "model", data, encoder)
                shown[which] = ", ".join(f"{figure:.4f}" for figure in figures)
            for seed in given.seeds:
                table.add_row(f"seed {seed}", shown[seed, old], shown[seed, Path.cwd()])
            Console(width=100).print(table)


if __name__ == "__main__":
    main()
