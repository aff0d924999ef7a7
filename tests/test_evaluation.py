"""What evaluation works out: volumes in the plane of two objectives, and a slider that feels even."""

import numpy as np
import pytest
import torch

from dynamicnet import AxisSpec, DynamicNet, pictures
from dynamicnet.evaluation.even import level
from dynamicnet.evaluation.front import volumes
from dynamicnet.method.auto import POSITIONS, Auto, travelled
from dynamicnet.networks.base import MainNetwork
from dynamicnet.training.path import balance, mixed, shares


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


def test_a_picture_that_travels_faster_is_stopped_earlier() -> None:
    axis = AxisSpec(id="noise", title="Noise", ends=("a", "b"), blocks=("one",), middle=0.3)
    torch.manual_seed(0)
    picture, noise = torch.rand(2, 3, 64, 64)
    found = []
    for most in (0.6, 0.9):
        frames = [pictures.to_picture((picture + most * p * (noise - picture))[None]) for p in POSITIONS]
        found.append(Auto(axis, {}).pick(frames))
    assert 0 < found[1] < found[0] < 1
    assert travelled(torch.stack([picture, picture * 0.5])).tolist() == pytest.approx([0, 0], abs=1e-5)


def test_half_a_batch_stays_at_the_end_and_the_rest_is_anywhere() -> None:
    drawn = torch.stack([shares(8, f"draw {i}") for i in range(50)])
    assert (drawn[:, :4] == 1).all()
    assert drawn[:, 4:].min() < 0.05 < 0.4 < drawn[:, 4:].mean() < 0.6 < 0.95 < drawn[:, 4:].max() < 1
    assert torch.equal(shares(8, "a"), shares(8, "a"))


def test_both_objectives_change_by_as_much_once_they_are_balanced() -> None:
    scale = balance(lambda number, share: (torch.tensor([1 + 2 * share + number]), torch.tensor([9 - 5 * share])))
    assert scale == pytest.approx(2.5)
    low, high = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([4.0, 4.0, 4.0])
    assert mixed(low, high, scale, torch.tensor([0.0, 0.5, 1.0])).tolist() == [7.5, 5.75, 4]
