"""Layers that more than one network uses.

Under autocast, PyTorch pads and interpolates in float32; what convolutions then take as bfloat16 is better cast before.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dynamicnet.method.pieces import Pieces, finish

FEW = 1024  # positions, below which PyTorch's group norm has no quick way in bfloat16
LANES = 16  # channels that a processor computes at once, needed or not
LARGE = 2**15  # positions, above which padding by PyTorch is the slower way
NARROW = 16  # channels, below which it has none for channels-last features


class ReflectedConv(nn.Conv2d):
    """A convolution of odd kernel whose input is padded by reflection to keep its size."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect")

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002  # torch's name
        x = _reflected(input, self.kernel_size[0] // 2)
        if _renders_on_cpu(x) and self.stride == (1, 1) and len(weight) <= LANES // 2:
            return _in_pairs(x, weight, bias)
        return F.conv2d(x, weight, bias, self.stride)


def _in_pairs(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What a convolution makes of features, two neighbours in a row at a time, so that no lanes compute nothing."""
    width = x.shape[3] - weight.shape[3] + 1
    both = None if bias is None else torch.cat([bias, bias])
    kernel = torch.cat([F.pad(weight, (0, 1)), F.pad(weight, (1, 0))])
    y = F.conv2d(F.pad(x, (0, 1)) if width % 2 else x, kernel, both, (1, 2))
    y = y.permute(0, 2, 3, 1).reshape(len(y), y.shape[2], 2 * y.shape[3], len(weight)).permute(0, 3, 1, 2)
    return y[..., :width]


def of_first(conv: nn.Conv2d, z: Tensor) -> Tensor:
    """What a convolution makes of the first of its channels. With ``of_last``, the sum is what it makes of all.

    Channels are counted by ``int``, which fixes them when this is traced: an exported graph holds these weights alone.
    """
    return conv._conv_forward(z, conv.weight[:, : int(z.shape[1])], conv.bias)  # type: ignore[no-any-return]  # torch has no types here


def of_last(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What a convolution makes of the last of its channels, without its bias."""
    return conv._conv_forward(x, conv.weight[:, -int(x.shape[1]) :], None)  # type: ignore[no-any-return]  # torch has no types here


class _InstanceNorm(torch.autograd.Function):
    """Instance norm with a way back for features channels-last, where PyTorch has one that is fifteen times as slow."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:  # noqa: ANN401
        count, channels, height, width = x.shape
        y, mean, scale = torch.native_group_norm(x, weight, bias, count, channels, height * width, channels, eps)
        ctx.save_for_backward(x, weight, mean, scale)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, weight, mean, scale = ctx.saved_tensors
        count, channels, height, width = x.shape
        flat, of_y = (z.permute(0, 2, 3, 1).reshape(count, -1, channels) for z in (x, grad))
        sums, products = of_y.sum(1, dtype=torch.float32), (of_y * flat).sum(1, dtype=torch.float32)
        mean, scale = mean.float(), scale.float()
        of_weights = (products - mean * sums) * scale
        # dx = a·dy + b·x + c: b and c are from what shifts the mean and the deviation (Ulyanov et al. 2016).
        a = scale * weight
        b = -a * scale * of_weights / (height * width)
        c = -b * mean - a * sums / (height * width)
        a, b, c = (z[:, None].to(x.dtype) for z in (a, b, c))
        of_x = torch.addcmul(torch.addcmul(c, flat, b), of_y, a).view(count, height, width, channels)
        return of_x.permute(0, 3, 1, 2), of_weights.sum(0), sums.sum(0), None


class Norm(nn.GroupNorm):
    """Group norm, as quick for small or narrow features as for others, and backwards."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        z = x.contiguous() if x.shape[1] < NARROW else x
        z = z.float() if x.shape[2] * x.shape[3] < FEW else z
        if torch.is_grad_enabled() and x.device.type == "cpu" and self.num_groups == self.num_channels:
            z = _InstanceNorm.apply(z, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        else:
            z = super().forward(z)
        if z.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
            z = z.contiguous(memory_format=torch.channels_last)  # convolutions of narrow features are quicker so
        return z


class Rectifier(nn.ReLU):
    """ReLU that overwrites its input."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's name
        """Map a tensor to the same shape."""
        if input.dtype == torch.bfloat16 and _renders_on_cpu(input):
            input.view(torch.int16).clamp_(min=0)  # below 0 as an integer too, for which there is a quick way
            return input
        return F.relu_(input)


class ConvLayer(nn.Sequential):
    """Reflection-padded convolution, then instance norm and ReLU where asked for."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, norm: bool = True, relu: bool = True
    ) -> None:
        super().__init__(ReflectedConv(inputs, outputs, kernel, stride))
        if norm:
            # A group per channel is instance norm; torch's own instance norm copies channels-last features around.
            self.append(Norm(outputs, outputs))
        if relu:
            self.append(Rectifier())


class ResidualBlock(nn.Module):
    """z + conv(relu(conv(z))), both 3×3 with instance norm (Johnson et al. 2016, supplement)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvLayer(channels, channels), ConvLayer(channels, channels, relu=False))

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return finish(self.running(z))

    def running(self, z: Tensor) -> Pieces[Tensor]:
        """The same, a convolution at a time."""
        first, second = self.convs
        features = first(z)
        yield
        return added(z, second(features))


def added(z: Tensor, features: Tensor) -> Tensor:
    """Features added to z, and needed no more; PyTorch takes twice as long for a sum of two precisions."""
    return features.to(torch.promote_types(z.dtype, features.dtype)).add_(z)


class Doubled(nn.Module):
    """Bilinear interpolation to twice the height and width."""

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 2H, 2W)."""
        z = z.to(_dtype(z))
        with torch.autocast(z.device.type, enabled=False):
            doubled: Tensor = F.interpolate(z, scale_factor=2.0, mode="bilinear")
        return doubled


def in_float32(layer: nn.Module, z: Tensor) -> Tensor:
    """What a layer makes of features, whatever precision is used around it."""
    with torch.autocast(z.device.type, enabled=False):
        precise: Tensor = layer(z.float())
    return precise


def laid_over(z: Tensor, picture: Tensor, enlarge: Callable[[Tensor, Tensor], Tensor] | None = None) -> Tensor:
    """A painted colour y and a gate g, enlarged to the size of a picture x: y + g·x.

    Args:
        z: y and g, (N, 6, h, w).
        picture: (N, 3, H, W).
        enlarge: how to enlarge them first for the picture, where that is not as interpolation does.

    Returns:
        (N, 3, H, W): half the picture and half grey where z is 0, so that either end is as near in training.
    """
    painted, gate = z.chunk(2, 1)
    z = torch.cat([painted + 0.25, gate + 0.5], 1)  # before there are four times as many
    if enlarge is not None and z.shape[2:] != picture.shape[2:]:
        z = enlarge(z, picture)
    painted, gate = resized(z, picture).chunk(2, 1)
    return torch.addcmul(painted, gate, picture)


def resized(z: Tensor, picture: Tensor) -> Tensor:
    """Features enlarged to the height and width of a picture."""
    return z if z.shape[2:] == picture.shape[2:] else _enlarged(z, picture.shape[2:])


def _enlarged(z: Tensor, size: torch.Size) -> Tensor:
    """By bilinear interpolation; twice, features of few channels in half the time, as a transposed convolution."""
    twice = size == torch.Size(2 * side for side in z.shape[2:])
    if not (twice and z.dtype == torch.float32 and _renders_on_cpu(z)):
        return F.interpolate(z, size, mode="bilinear")
    line = z.new_tensor((0.25, 0.75, 0.75, 0.25))
    kernel = (line[:, None] * line).expand(z.shape[1], 1, 4, 4)
    with torch.autocast("cpu", enabled=False):
        z = F.pad(z, [1] * 4, mode="replicate")
        return F.conv_transpose2d(z, kernel, stride=2, padding=3, groups=z.shape[1])


def _reflected(x: Tensor, by: int) -> Tensor:
    """Padded by reflection on all sides, in the precision that a convolution would cast it to."""
    dtype = _dtype(x)
    count, channels, height, width = x.shape
    if height * width < LARGE or not _renders_on_cpu(x):
        with torch.autocast(x.device.type, enabled=False):
            return F.pad(x.to(dtype), [by] * 4, mode="reflect")
    # PyTorch casts in a pass of its own, and pads channels-last features position by position.
    rows = x.new_empty((count, height + 2 * by, width + 2 * by, channels), dtype=dtype)
    padded = rows.permute(0, 3, 1, 2)
    inner = padded[..., by:-by, by:-by].copy_(x)
    padded[..., by:-by, :by] = inner[..., 1 : by + 1].flip(-1)
    padded[..., by:-by, -by:] = inner[..., -by - 1 : -1].flip(-1)
    padded[..., :by, :] = padded[..., by + 1 : 2 * by + 1, :].flip(-2)
    padded[..., -by:, :] = padded[..., -2 * by - 1 : -by - 1, :].flip(-2)
    return padded


def _renders_on_cpu(x: Tensor) -> bool:
    """Whether no gradient is wanted, nothing is recorded, and what is quick there is so here."""
    plain = type(x) is Tensor and not torch.onnx.is_in_onnx_export()
    return plain and x.device.type == "cpu" and torch.is_inference_mode_enabled()


def _dtype(x: Tensor) -> torch.dtype:
    """The precision that a convolution would cast it to."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
