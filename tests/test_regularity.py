"""The measure of lattices."""

import torch

from dynamicnet.applications.style.regularity import regularity


def test_a_lattice_stands_out_of_noise_and_edges_do_not():
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    noise = 0.5 + 0.1 * torch.randn(256, 256)
    dots = noise + 0.05 * torch.cos(rows * 6.28 / 9) * torch.cos(columns * 6.28 / 9)
    edge = noise + 0.3 * (columns > 100)
    plain, lattice, upright = (regularity(one.expand(1, 3, 256, 256)).median() for one in (noise, dots, edge))
    assert regularity(noise.expand(2, 3, 256, 256)).shape == (2, 9)
    assert lattice > 2 * plain
    assert upright < 1.2 * plain
