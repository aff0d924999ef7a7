"""The network over three scales: noise that stays where it is, and work that is split as in others."""

import pytest
import torch
from test_dynamic import axis, build, pictures
from test_strokes import beads, slanted

from dynamicnet.method.pieces import finish
from dynamicnet.networks import ScalesNetwork, layers
from dynamicnet.networks.scales import position_noise
from dynamicnet.networks.strokes import carried_up


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "brush"])
def net(request):
    network = ScalesNetwork(brush=request.param)
    return build(network, axis("dual", network.default_points, range=(-1, 1), default=0, norm=True))


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 64), (49, 91)])
def test_alpha_0_is_the_network_and_the_size_is_kept(net, size):
    inputs = pictures(size)
    padded = net._pad(inputs)
    seen = finish(net.network.look(padded))
    z = padded
    for stage in net.network.stages:
        z = net.network.run(stage, z, seen.get(stage))
    assert torch.equal(net.render(net.prepare(inputs), 0.0), z[..., : size[0], : size[1]])
    assert not torch.equal(net.render(net.prepare(inputs), 0.5), net.render(net.prepare(inputs), -0.5))


@torch.inference_mode()
def test_a_picture_always_comes_out_the_same_but_in_training(net):
    inputs = pictures((64, 64), 2)
    alone = torch.cat([net(one, 0.0) for one in torch.split(inputs, 1)])
    assert torch.allclose(net(inputs, 0.0), alone, atol=5e-5)  # rounding: an eightieth of a level
    net.train()
    try:
        assert not torch.allclose(net(inputs, 0.0), alone, atol=1e-3)
    finally:
        net.eval()


def test_noise_depends_on_the_position_alone_and_repeats_nowhere_near():
    origin = torch.zeros(1, 2, dtype=torch.int64)
    whole = position_noise(torch.Size([256, 256]), origin)
    part = position_noise(torch.Size([40, 50]), origin + torch.tensor([[100, 30]]))
    assert torch.equal(part, whole[..., 100:140, 30:80])
    assert abs(whole.mean()) < 0.02
    assert whole.std() == pytest.approx(1, abs=0.02)
    power = torch.fft.rfft2(whole[0, 0]).abs().square()
    assert power.flatten()[1:].max() < 20 * power.mean()  # white: no period stands out


@torch.inference_mode()
def test_what_is_painted_with_a_brush_is_enlarged_along_its_strokes():
    torch.manual_seed(0)
    network, plain = (ScalesNetwork(brush=brush) for brush in (True, False))
    z, photo = slanted(1.0).expand(1, 6, 48, 48) / 4, torch.zeros(1, 3, 96, 96)
    made, other = (each.run("out", z, photo) for each in (network, plain))
    assert made.shape == photo.shape
    assert beads(made, 1.0, 2) < 0.3 * beads(other, 1.0, 2)
    assert torch.equal(network.run("out", z, photo[..., :48, :48]), plain.run("out", z, photo[..., :48, :48]))
    for side in (220, 300):  # as it is laid over large photographs, strip by strip
        photo = torch.rand(1, 3, side, side)
        wanted = layers.laid_over(finish(carried_up(z, (side, side))).rows(slice(0, side)), photo)
        torch.testing.assert_close(network.run("out", z, photo), wanted, rtol=0, atol=1e-5)
