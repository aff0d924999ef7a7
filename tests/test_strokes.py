"""Strokes that are carried up to a larger picture stay strokes, and the picture the same."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from dynamicnet import package
from dynamicnet.applications.base import Inputs
from dynamicnet.method.pieces import finish
from dynamicnet.method.strips import enlarged
from dynamicnet.model import Model
from dynamicnet.networks import strokes
from dynamicnet.networks.strokes import carried_up
from server.settings import Settings


def slanted(slope: float) -> torch.Tensor:
    """Lines a pixel wide, four pixels apart: (1, 1, 48, 48)."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    away = (y - slope * x + 2) % 4 - 2
    return (1 - away.abs() / (1 + slope**2) ** 0.5).clamp_min(0)[None, None]


def carried(z: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """All rows at once."""
    return finish(carried_up(z, size)).rows(slice(0, size[0]))


def beads(picture: torch.Tensor, slope: float, times: int) -> float:
    """How much what is seen along one of those lines varies."""
    x = torch.arange(12 * times, 36 * times)
    y = (slope * (x + 0.5 - times / 2) + times / 2 + 0.5).long()
    return float(picture[0, 0, y, x].std())


@pytest.mark.parametrize("slope", [1.0, 0.5])
@pytest.mark.parametrize("times", [8, 12])
def test_a_slanted_stroke_is_no_string_of_beads(slope, times):
    z, size = slanted(slope), (48 * times, 48 * times)
    made = carried(z, size)
    plain = enlarged(z, size, slice(0, size[0]))
    assert made.shape == plain.shape
    assert beads(made, slope, times) < 0.5 * beads(plain, slope, times)
    across = made[0, 0, times * 20 : times * 28, times * 24]
    assert across.max() - across.min() > 0.4


def test_what_is_flat_or_straight_stays_as_it_is():
    flat, lines = torch.full((1, 6, 40, 30), 0.3), slanted(0.0)
    assert torch.allclose(carried(flat, (400, 300)), torch.tensor(0.3), atol=1e-5)
    cubic = torch.nn.functional.interpolate(lines, scale_factor=4.0, mode="bicubic", antialias=True)
    away = carried(lines, (480, 480)) - enlarged(cubic, (480, 480), slice(0, 480))
    assert away[:, :, 40:-40].abs().max() < 0.05


@pytest.mark.parametrize("times", [1.5, 2.5, 3, 8, 16.7])
def test_strips_are_those_of_the_whole_and_small(times, monkeypatch):
    z = torch.randn(1, 6, 150, 70, generator=torch.Generator().manual_seed(0))
    size = (round(150 * times), round(70 * times))
    whole = carried(z, size)
    assert whole.shape == (1, 6, *size)
    monkeypatch.setattr(strokes, "PIXELS", 2**13)
    monkeypatch.setattr(strokes, "ENLARGED", 2**11)
    monkeypatch.setattr("dynamicnet.method.strips.PRODUCTS", 2**20)
    painted = finish(carried_up(z, size))
    for rows in painted.strips():
        assert torch.allclose(painted.rows(rows), whole[:, :, rows], atol=1e-4)
        assert (rows.stop - rows.start) * size[1] <= 2**13


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_larger_photograph_is_the_same_picture(photo, alpha):
    folder = Settings().weights / "starry-night"
    model = Model.load(folder if folder.exists() else package.find(Settings().weights)[0], "cpu")
    small = Image.open(photo).convert("RGB").resize((480, 320))
    large = io.BytesIO()
    small.resize((1920, 1280), Image.Resampling.BICUBIC).save(large, "PNG")
    at_size = io.BytesIO()
    small.save(at_size, "PNG")
    one, other = (
        model.render(model.prepare(model.encode(Inputs(image=file.getvalue(), detail=480))), alpha)
        for file in (at_size, large)
    )
    assert (one.size, other.size) == ((480, 320), (1920, 1280))
    first, second = (np.asarray(each.convert("RGB").resize((120, 80), Image.Resampling.BOX)) for each in (one, other))
    away = first.astype(float) - second
    assert np.abs(away).mean() < 4
    assert np.abs(away.mean((0, 1))).max() < 1.5
