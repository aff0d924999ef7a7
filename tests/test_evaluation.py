"""What evaluation works out: volumes in the plane of two objectives, and a slider that feels even."""

import numpy as np
import pytest
import torch

from dynamicnet import AxisSpec, DynamicNet
from dynamicnet.evaluation.even import level
from dynamicnet.evaluation.front import volumes
from dynamicnet.networks.base import MainNetwork


def test_volumes_below_known_lines() -> None:
    front = np.array([[0.0, 1.0], [1.0, 0.0]])
    whole, short = volumes(front, front)
    assert whole == pytest.approx(0.71, abs=0.002)
    assert short == 0
    worse = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    assert volumes(worse, front) == (pytest.approx(whole - 0.5, abs=0.002), pytest.approx(0.5, abs=0.002))
    better = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    assert volumes(better, front) == (pytest.approx(whole + 0.5, abs=0.002), 0)
    bent = np.array([[0.0, 1.0], [0.5, 1.5], [1.0, 0.0]])  # what is worse than before counts for nothing
    assert volumes(bent, front)[0] == pytest.approx(0.377, abs=0.002)


def test_a_slider_whose_picture_jumps_is_made_even() -> None:
    class Jump(MainNetwork):
        multiple, default_points = 1, ("one",)

        def __init__(self) -> None:
            super().__init__()
            self.stages = torch.nn.ModuleDict({"one": torch.nn.Identity(), "two": torch.nn.Tanh()})
            self.points = {"one": 3}

    class Same:
        layers = ("pixels",)

        def __call__(self, frames, layers):
            return {"pixels": frames}

    axis = AxisSpec(id="jump", title="Jump", ends=("a", "b"), blocks=("one",))
    net = DynamicNet(Jump(), [axis])
    torch.nn.init.constant_(net.axes["jump"].block("high", "one").convs[-1].bias, 3.0)
    found = level(net.eval(), axis, Same(), list(torch.zeros(4, 1, 3, 8, 8)))
    assert found.after < 1.5 < 10 < found.before
    assert found.alphas[10] == pytest.approx(0.18, abs=0.01)  # where tanh(3 α) is half of what it is at 1
