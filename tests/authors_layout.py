"""The networks of the paper's authors, stated again: tensor names and forward pass, in plain functions.

The importer is judged against this, so it shares no code with the library.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

CONVS = {
    "conv1": (3, 32, 9),
    "conv2": (32, 64, 3),
    "conv3": (64, 128, 3),
    **{f"res{i}.conv{j}": (128, 128, 3) for i in range(1, 6) for j in (1, 2)},
    "deconv1": (128, 64, 3),
    "deconv2": (64, 32, 3),
    "deconv3": (32, 3, 9),
}
NORMS = {
    "in1": 32,
    "in2": 64,
    "in3": 128,
    **{f"res{i}.in{j}": 128 for i in range(1, 6) for j in (1, 2)},
    "in4": 64,
    "in5": 32,
}
BLOCK_CHANNELS = (128, 128, 32)
BANKS = {"style": ["tuning_blocks"], "style-dual": ["tuning_blocks_lower", "tuning_blocks_higher"]}

State = dict[str, Tensor]


def random_state(kind: str, seed: int = 0) -> State:
    """A state dict with the authors' names; no bias is zero and no scale one, so that none can be mixed up unseen."""
    random = torch.Generator().manual_seed(seed)

    def conv(name: str, inputs: int, outputs: int, kernel: int) -> State:
        spread = (2 / (inputs * kernel * kernel)) ** 0.5
        return {
            f"{name}.weight": torch.randn(outputs, inputs, kernel, kernel, generator=random) * spread,
            f"{name}.bias": torch.randn(outputs, generator=random) * 0.1,
        }

    state: State = {}
    for name, shape in CONVS.items():
        state |= conv(f"main.{name}.conv2d", *shape)
    for name, channels in NORMS.items():
        state[f"main.{name}.weight"] = 1 + 0.2 * torch.randn(channels, generator=random)
        state[f"main.{name}.bias"] = 0.2 * torch.randn(channels, generator=random)
    for bank in BANKS[kind]:
        for i, channels in enumerate(BLOCK_CHANNELS):
            for j in range(3):
                state |= conv(f"{bank}.tuning_block{i}.conv{j}", channels, channels, 3)
    return state


def forward(state: State, pictures: Tensor, alphas: tuple[float, float, float]) -> Tensor:
    """Pictures in [0, 1] to pictures, with one α for each of the three tuning-blocks."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        edge = weight.shape[-1] // 2
        return F.conv2d(F.pad(x, (edge, edge, edge, edge), mode="reflect"), weight, bias, stride)

    def main(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return conv(x, f"main.{name}.conv2d", stride)

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
        scale, shift = (state[f"main.{name}.{leaf}"].view(1, -1, 1, 1) for leaf in ("weight", "bias"))
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    def residual(x: Tensor, name: str) -> Tensor:
        inner = norm(main(x, f"{name}.conv1"), f"{name}.in1").relu()
        return x + norm(main(inner, f"{name}.conv2"), f"{name}.in2")

    def double(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def tune(x: Tensor, i: int) -> Tensor:
        alpha, bank = alphas[i], "tuning_blocks"
        if alpha == 0:
            return x
        if "tuning_blocks_lower.tuning_block0.conv0.bias" in state:
            bank = "tuning_blocks_higher" if alpha > 0 else "tuning_blocks_lower"
            alpha = abs(alpha)
        block = f"{bank}.tuning_block{i}"
        return x + alpha * conv(conv(conv(x, f"{block}.conv0").relu(), f"{block}.conv1").relu(), f"{block}.conv2")

    x = (pictures - MEAN) / STD
    x = norm(main(x, "conv1"), "in1").relu()
    x = norm(main(x, "conv2", 2), "in2").relu()
    x = norm(main(x, "conv3", 2), "in3").relu()
    x = tune(residual(residual(x, "res1"), "res2"), 0)
    x = tune(residual(residual(residual(x, "res3"), "res4"), "res5"), 1)
    x = norm(main(double(x), "deconv1"), "in4").relu()
    x = tune(norm(main(double(x), "deconv2"), "in5").relu(), 2)
    return main(x, "deconv3") * STD + MEAN


DCGAN_CHANNELS = (100, 1024, 512, 256, 128, 3)


def random_dcgan_state(seed: int = 0) -> State:
    """A state dict of their generator with tuning-blocks, batch norms in the middle of their training."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    state: State = {}
    for i in range(5):
        inputs, outputs = DCGAN_CHANNELS[i : i + 2]
        # Every value is a sum over one position of the first layer's input, and over four of any other's.
        state[f"main.layer{i}.0.weight"] = normal(inputs, outputs, 4, 4) / (inputs * (1 if i == 0 else 4)) ** 0.5
        if i < 4:
            state |= {
                f"main.layer{i}.1.weight": 1 + 0.2 * normal(outputs),
                f"main.layer{i}.1.bias": 0.2 * normal(outputs),
                f"main.layer{i}.1.running_mean": 0.2 * normal(outputs),
                f"main.layer{i}.1.running_var": 1 + normal(outputs).abs(),
                f"main.layer{i}.1.num_batches_tracked": torch.tensor(700),
            }
    for j in range(3):
        state[f"tuning_blocks.tuning_block0.conv{j}.weight"] = normal(256, 256, 3, 3) * (2 / (256 * 9)) ** 0.5
        state[f"tuning_blocks.tuning_block0.conv{j}.bias"] = 0.1 * normal(256)
    return state


def dcgan_forward(state: State, latents: Tensor, alpha: float) -> Tensor:
    """Latents (N, 100, 1, 1) to pictures in [-1, 1], as their network computes them in evaluation mode."""

    def norm(x: Tensor, i: int) -> Tensor:
        scale, shift, mean, variance = (
            state[f"main.layer{i}.1.{leaf}"].view(1, -1, 1, 1)
            for leaf in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    def conv(x: Tensor, j: int) -> Tensor:
        weight, bias = (state[f"tuning_blocks.tuning_block0.conv{j}.{leaf}"] for leaf in ("weight", "bias"))
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)

    x = F.conv_transpose2d(latents, state["main.layer0.0.weight"])
    for i in range(1, 5):
        x = norm(x, i - 1).relu()
        if i == 3:
            x = x + alpha * conv(conv(conv(x, 0).relu(), 1).relu(), 2)
        x = F.conv_transpose2d(x, state[f"main.layer{i}.0.weight"], stride=2, padding=1)
    return torch.tanh(x)
