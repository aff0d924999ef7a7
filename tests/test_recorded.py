"""Large pictures in strips: features that are recorded, and made of what is kept, are those of the whole."""

import io
import os
import subprocess
import sys
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from test_dynamic import axis, build, pictures
from test_package import manifest, network

from dynamicnet import DynamicNetError, Inputs, Model, over_picture, package, precision
from dynamicnet.method import recorded
from dynamicnet.networks import JohnsonNetwork, LeanNetwork, MainNetwork, ScalesNetwork
from dynamicnet.networks.layers import Norm
from dynamicnet.networks.scales import position_noise
from server.settings import Settings

SIZE = (117, 94)  # a multiple of nothing


@pytest.fixture(autouse=True)
def _many_strips(monkeypatch):
    monkeypatch.setattr("dynamicnet.method.recorded.ELEMENTS", 2**13)


def in_strips(net, inputs, alpha):
    """What a network makes of pictures in strips, and how many pieces that took."""
    picture = recorded.begin(lambda top, bottom: inputs[:, :, top:bottom], inputs.shape, inputs.device)
    work, pieces = recorded.ready(net.render(net.prepare(picture), alpha)), 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            out = end.value
            break
        pieces += 1
    return torch.cat([out.rows(rows.start, rows.stop) for rows in out.strips()], 2), pieces


@torch.inference_mode()
@pytest.mark.parametrize(
    ("network", "alpha"),
    [
        *((JohnsonNetwork, 1.0), (LeanNetwork, 1.0), (LeanNetwork, "a map")),
        *((ScalesNetwork, 0.0), (ScalesNetwork, -0.6), (partial(ScalesNetwork, brush=True), 0.5)),
    ],
)
def test_strips_are_parts_of_the_whole(network, alpha):
    network = network()
    points = network.default_points
    net = build(network, axis("dual", points, range=(-1, 1), default=0, norm=True), axis("plain", points[1:]))
    inputs = pictures(SIZE)
    if alpha == "a map":
        alpha = {"dual": over_picture(torch.linspace(-1, 1, SIZE[0])[:, None].expand(SIZE)), "plain": 0.5}
    made, pieces = in_strips(net, inputs, alpha)
    whole = net.render(net.prepare(inputs), alpha)
    assert made.shape == whole.shape
    assert (made - whole).abs().max() < 0.2 / 255
    assert pieces > 50


@torch.inference_mode()
def test_noise_is_made_with_the_rows_that_it_goes_to(monkeypatch):
    made = []
    monkeypatch.setattr(
        "dynamicnet.networks.scales.position_noise",
        lambda size, *rest: made.append(size[0]) or position_noise(size, *rest),
    )
    inputs = pictures((512, 64))
    net = build(ScalesNetwork())
    out, _ = in_strips(net, inputs, 0.0)
    assert (out - net(inputs, 0.0)).abs().max() < 0.2 / 255
    assert sum(made[:-2]) >= 128 + 256
    assert max(made[:-2]) < 64, "all of it at once holds up whoever waits"
    assert made[-2:] == [128, 256]


@torch.inference_mode()
def test_what_is_added_to_rows_is_cut_with_them():
    class Shaded(MainNetwork):
        def __init__(self):
            super().__init__()
            self.stages = torch.nn.ModuleDict({"one": torch.nn.ReLU()})

        def run(self, name, z, seen):
            return z + torch.linspace(0, 1, z.shape[2])[:, None]

    inputs = torch.rand(1, 3, 600, 40)
    made, _ = in_strips(build(Shaded()), inputs, 0.0)
    assert torch.equal(made, inputs + torch.linspace(0, 1, 600)[:, None])


@torch.inference_mode()
def test_groups_are_normalised_together():
    class Grouped(MainNetwork):
        def __init__(self):
            super().__init__()
            self.stages = torch.nn.ModuleDict({"one": Norm(2, 8)})

    x = torch.rand(1, 8, 60, 40) * torch.arange(1, 9).view(-1, 1, 1)
    made, _ = in_strips(build(Grouped()), x, 0.0)
    assert torch.allclose(made, torch.nn.functional.group_norm(x, 2), atol=1e-5)


@torch.inference_mode()
def test_what_is_no_longer_needed_is_let_go_of():
    network = LeanNetwork()
    net = build(network, axis("one", network.default_points, norm=True))
    inputs = pictures((256, 64))
    out = net.render(net.prepare(recorded.begin(lambda a, b: inputs[:, :, a:b], inputs.shape, inputs.device)), 1.0)
    nodes = [weakref.ref(node) for node in recorded._before(out.node)]
    most = 0
    work = recorded.ready(out)
    del out
    for _ in work:
        kept = [node.kept.nbytes for node in (ref() for ref in nodes) if node and node.kept is not None]
        most = max(most, sum(kept))
    assert most <= 3 * 4 * 64 * 64 * 16, "three maps of a residual block, of 38 in all"


@pytest.mark.parametrize("name", ["great-wave", "starry-night"])
def test_a_model_works_so_at_the_scale_of_a_large_photograph(name, photo, monkeypatch):
    monkeypatch.setattr(precision, "_has_units", lambda: False)
    folder = Settings().weights / name
    model = Model.load(folder if folder.exists() else package.find(Settings().weights)[0], "cpu")
    where = io.BytesIO()
    Image.linear_gradient("L").save(where, "PNG")
    inputs = Inputs(image=photo.read_bytes(), where=where.getvalue(), detail=1000)
    whole = model.prepare(model.encode(inputs))
    monkeypatch.setattr("dynamicnet.model.WHOLE", 256**2)
    prepared = model.prepare(model.encode(inputs))
    assert (prepared.prepared, whole.prepared is None) == (None, False)
    one, other = (np.asarray(model.render(each, 0.8), np.int16) for each in (whole, prepared))
    assert np.abs(one - other).max() <= 1
    with pytest.raises(DynamicNetError, match="out of range"):
        model.render(prepared, 7.0)
    with monkeypatch.context() as less:
        less.setattr("dynamicnet.pictures.MAX_PIXELS", 300 * 200)
        assert model.encode(replace(inputs, detail=280)).size == (451, 300), "only what is worked at is limited"
        with pytest.raises(DynamicNetError, match="give detail 288, or less"):
            model.encode(inputs)
    with monkeypatch.context() as less:
        less.delitem(recorded._STEPS, torch.ops.aten.relu.default)
        model = Model.load(model.folder, "cpu")
        assert model.prepare(model.encode(inputs)).prepared, "what cannot be recorded is rendered whole"


@pytest.mark.parametrize("name", ["great-wave", "lean", "starry-night"])
def test_what_is_worked_at_so_is_laid_over_a_larger_photograph(name, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "_has_units", lambda: False)
    folder = Settings().weights / name
    if name == "lean":
        folder = tmp_path / name
        package.write(folder, manifest(), network())
    model = Model.load(folder if folder.exists() else package.find(Settings().weights)[0], "cpu")
    where, transparent = io.BytesIO(), io.BytesIO()
    Image.linear_gradient("L").save(where, "PNG")
    picture = Image.open(photo).convert("RGB")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(transparent, "PNG")
    inputs = Inputs(image=transparent.getvalue(), where=where.getvalue(), detail=280)
    whole = model.prepare(model.encode(inputs))
    monkeypatch.setattr("dynamicnet.model.WHOLE", 128**2)
    prepared = model.prepare(model.encode(inputs))
    assert (prepared.prepared, whole.prepared is None) == (None, False)
    one, other = (model.render(each, 0.8) for each in (whole, prepared))
    assert one.size == other.size == picture.size
    assert np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max() <= 1


def test_to_try_it_loads_no_compiler():
    """Which an operation on a meta tensor would: seconds and 70 MB of a server that starts."""
    model = next(
        path for path in package.find(Settings().weights) if package.load(path).manifest.application == "style"
    )
    program = f"""
import sys
from pathlib import Path
from dynamicnet import Model
assert Model.load(Path({str(model)!r})).is_divisible
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
