"""Runs a training of whatever build it is started in, so many steps for each line it is sent, and says how long.

``python bench/paced.py PICTURES KIND OPTIONS…``, in the folder of the build: a file of its own, which knows neither.
Of a folder, the first PICTURES are trained on, and decoded before.
"""

import sys
import time
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

sys.path[0] = "."  # the build's own package
with suppress(ImportError):  # which sets how threads wait; the first builds have none
    import_module("dynamicnet.__main__")

PICTURES, KIND = int(sys.argv[1]), sys.argv[2]
OLD_LAYERS = ("conv11", "conv21", "conv31", "conv41")  # those that style was compared in, without a lift


def waited(take):
    """A function of a step that waits for a line before the first and after every so many, and tells the seconds.

    By the clock, and of both cores together.
    """
    left, begun = 0, None

    def paced(step):
        nonlocal left, begun
        if left == 0:
            if begun:
                print(f"took {time.perf_counter() - begun[0]} {time.process_time() - begun[1]}", flush=True)
            left = int(sys.stdin.readline() or sys.exit(0))
            begun = time.perf_counter(), time.process_time()
        left -= 1
        return take(step)

    return paced


def first(pictures):
    """Have a class of pictures list the first, and decode them at once."""
    begin = pictures.__init__

    def begun(self, *given, **more):
        begin(self, *given, **more)
        self.files = self.files[:PICTURES]
        for file in self.files:
            (getattr(self, "read", None) or self._read)(file)

    pictures.__init__ = begun


def either(*names):
    """A module, where this build has it."""
    for name in names:
        with suppress(ModuleNotFoundError):
            return import_module(f"dynamicnet.{name}")
    sys.exit(f"this build has none of {names}")


def main():
    """Train; each phase says so when it begins."""
    either("applications.style.objective", "objectives.perceptual").STYLE_LAYERS = OLD_LAYERS
    either("objectives.encoder").Encoder.lifts = {}
    first(either("training.photos").Photos)
    first(either("applications.generation.labelled", "training.labelled").Labelled)
    training = either(f"applications.{KIND}.recipe", f"training.{KIND}")
    run_phase = training.run_phase

    def paced(title, trained, losses, plan, files, console, opponent=None, *more, **named):
        if opponent is None:
            losses = waited(losses)
        else:
            opponent = replace(opponent, losses=waited(opponent.losses))  # it goes first
        if hasattr(files, "every"):  # checkpoints by steps, which are not what is timed
            files = replace(files, every=10**9)
        print(f"phase {title}", flush=True)
        return run_phase(title, trained, losses, plan, files, console, opponent, *more, **named)

    training.run_phase = paced
    import_module("dynamicnet.cli").app(["train", *sys.argv[2:]])


if __name__ == "__main__":
    main()
