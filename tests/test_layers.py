"""Layers and products that are computed in a way of their own: as PyTorch's, forth and back."""

import pytest
import torch
import torch.nn.functional as F

from dynamicnet.networks.layers import Norm, Rectifier, ReflectedConv, laid_over
from dynamicnet.networks.upsampling import UpsampledConv
from dynamicnet.objectives.gram import moments_of, shifted


def differentiated(work, *given):
    """What comes out, and the gradients of a weighted sum of it."""
    given = [one.detach().clone().requires_grad_() for one in given]
    out = work(*given)
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    (out * weights).sum().backward()
    return [out.detach(), *(one.grad for one in given)]


def agree(ours, theirs, tolerance):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (one.double() - other.double()).norm() < tolerance * other.double().norm()


@pytest.mark.parametrize(("channels", "groups"), [(32, 32), (48, 6), (6, 6)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 5e-3)])
def test_group_norm_and_its_way_back(channels, groups, dtype, tolerance):
    torch.manual_seed(0)
    x = (3 * torch.randn(2, channels, 40, 48) + 2).to(dtype).to(memory_format=torch.channels_last)
    weight, bias = torch.rand(channels) + 0.5, torch.randn(channels)

    def ours(x, weight, bias):
        norm = Norm(groups, channels)
        del norm.weight, norm.bias
        norm.weight, norm.bias = weight, bias
        return norm(x)

    results = differentiated(ours, x, weight, bias)
    assert results[0].is_contiguous(memory_format=torch.channels_last)
    exact = differentiated(lambda x, w, b: F.group_norm(x, groups, w, b), x.double(), weight.double(), bias.double())
    agree(results, exact, tolerance)


def test_upsampling_and_the_convolution_after_it_are_one():
    torch.manual_seed(0)
    both, z = UpsampledConv(5, 7), torch.randn(2, 5, 6, 4)
    apart = torch.nn.Sequential(*both)

    def work(module):
        def called(z, *values):
            return torch.func.functional_call(module, dict(zip(names, values, strict=True)), z)

        return called

    names, parameters = zip(*both.named_parameters(), strict=True)
    agree(differentiated(work(both), z, *parameters), differentiated(work(apart), z, *parameters), 1e-5)


@pytest.mark.parametrize("size", [(16, 32), (3, 5)])
def test_gram_matrices_of_shifted_features_follow_from_their_moments(size):
    features, shift = torch.rand(2, 6, *size) + 1, torch.rand(6)

    def directly(features):
        flat = (features - shift[:, None, None].to(features.dtype)).flatten(2)
        return flat @ flat.mT / flat.shape[2]

    ours = differentiated(lambda x: shifted(*moments_of(x), shift), features)
    agree(ours, differentiated(directly, features.double()), 1e-5)


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(6, 6, 3), (16, 32, 3), (3, 6, 9)])
@pytest.mark.parametrize("size", [(5, 8), (21, 32), (181, 190), (200, 201)])
def test_convolutions_of_a_render_are_those_that_are_trained(inputs, outputs, kernel, size):
    """Narrow ones take two neighbours at once, and large maps are padded in our own way."""
    torch.manual_seed(0)
    conv, x = ReflectedConv(inputs, outputs, kernel), torch.randn(2, inputs, *size)
    for layout in (torch.contiguous_format, torch.channels_last):
        conv, x = conv.to(memory_format=layout), x.to(memory_format=layout)
        with torch.inference_mode():
            rendered = conv(x)
        agree([rendered], [conv(x).detach()], 1e-6)


def test_what_is_painted_is_enlarged_in_a_render_as_in_training():
    torch.manual_seed(0)
    painted, picture = torch.randn(2, 6, 20, 24), torch.rand(2, 3, 40, 48)
    with torch.inference_mode():
        rendered = laid_over(painted, picture)
    agree([rendered], [laid_over(painted, picture)], 1e-6)


def test_rectified_bfloat16_is_that_of_float32():
    x = torch.tensor([-3.0, -0.0, 0.0, 1e-30, -1e-30, 2.0, float("inf"), float("-inf")])
    with torch.inference_mode():
        rectified = Rectifier()(x.bfloat16())
    assert torch.equal(rectified, F.relu(x.bfloat16()))
