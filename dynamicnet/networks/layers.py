"""Layers that more than one main network uses."""

from torch import Tensor, nn


class ConvLayer(nn.Sequential):
    """Reflection-padded convolution, then instance norm and ReLU where asked for."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, norm: bool = True, relu: bool = True
    ) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect"))
        if norm:
            # A group per channel is instance norm; torch's own instance norm copies channels-last features around.
            self.append(nn.GroupNorm(outputs, outputs))
        if relu:
            self.append(nn.ReLU())


class ResidualBlock(nn.Module):
    """z + conv(relu(conv(z))), both 3×3 with instance norm (Johnson et al. 2016, supplement)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvLayer(channels, channels), ConvLayer(channels, channels, relu=False))

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return z + self.convs(z)  # type: ignore[no-any-return]
