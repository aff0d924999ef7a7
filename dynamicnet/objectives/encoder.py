"""The frozen encoder whose features a perceptual objective compares."""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dynamicnet.errors import DynamicNetError, reason
from dynamicnet.importer import read_checkpoint
from dynamicnet.networks.johnson import IMAGENET_MEAN, IMAGENET_STD

# torchvision's VGG-16 by position, in the names of its layers: convXY is the Yth convolution of block X.
VGG16_LAYERS = {
    0: "conv11",
    2: "conv12",
    5: "conv21",
    7: "conv22",
    10: "conv31",
    12: "conv32",
    14: "conv33",
    17: "conv41",
    19: "conv42",
    21: "conv43",
}


class Encoder(nn.Module):
    """One or several VGG-shaped stacks, of which each gives the layers that those before it lack.

    Attributes:
        name: the files' names, for provenance.
        sha256: of the files, so that figures are only compared under the same encoder.
        layers: names of its layers, convXY, in order.
        lifts: QᵀQ (C, C) of the layers with a lift Q, which takes their features to the width of those of the encoder
            that this one was distilled from (Wang et al., "Collaborative Distillation", CVPR 2020).
    """

    def __init__(self, *files: Path) -> None:
        """Load a frozen encoder.

        Args:
            files: safetensors files with tensors convXY.weight and convXY.bias, reflection-padded, and a 1×1
                convolution conv0 for the normalisation, with lifts as 1×1 convolutions convXY_aux or without; or
                torchvision's VGG-16 checkpoint (.pth), zero-padded.

        Raises:
            DynamicNetError: ``encoder-invalid``, or ``checkpoint-…`` of a .pth that cannot be read.
        """
        super().__init__()
        self.stacks = nn.ModuleList(Stack(file) for file in files)
        self.name = " + ".join(file.name for file in files)
        self.sha256 = " + ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
        self._from = {layer: stack for stack in reversed(self._stacks) for layer in stack.layers}
        self.layers = sorted(self._from)

    @property
    def _stacks(self) -> list["Stack"]:
        return list(self.stacks)  # type: ignore[arg-type]

    @property
    def lifts(self) -> dict[str, Tensor]:  # noqa: D102  # see the class
        lifts = {layer: getattr(stack, f"{layer}_lift", None) for layer, stack in self._from.items()}
        return {layer: lift for layer, lift in lifts.items() if lift is not None}

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Features after the ReLU of the wanted layers.

        Args:
            pictures: RGB (N, 3, H, W) in [0, 1].
            wanted: names of layers.
        """
        features: dict[str, Tensor] = {}
        for stack in self._stacks:
            here = [layer for layer in wanted if self._from[layer] is stack]
            features |= stack(pictures, here) if here else {}
        return features


class Stack(nn.Module):
    """3×3 convolutions with ReLU, and 2×2 max pooling before each new block, from one file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        if file.suffix == ".pth":
            tensors, self.padding = _vgg16(read_checkpoint(file)), "constant"
        else:
            try:
                tensors, self.padding = load_file(file), "reflect"
            except (OSError, SafetensorError) as error:
                raise DynamicNetError(
                    "encoder-invalid", f"Cannot read the encoder '{file}': {reason(error)}."
                ) from None
        self.layers = sorted(m[1] for key in tensors if (m := re.fullmatch(r"(conv[1-5]\d)\.weight", key)))
        if not {"conv0.weight", "conv11.weight"} <= tensors.keys():
            raise DynamicNetError("encoder-invalid", f"'{file}' is not an encoder: it has no conv0 or no conv11.")
        for layer in ("conv0", *self.layers):
            weight = tensors[f"{layer}.weight"].float().contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"{layer}_weight", weight, persistent=False)
            self.register_buffer(f"{layer}_bias", tensors[f"{layer}.bias"].float(), persistent=False)
            if f"{layer}_aux.weight" in tensors:
                lift = tensors[f"{layer}_aux.weight"].float()[:, :, 0, 0]
                self.register_buffer(f"{layer}_lift", lift.T @ lift, persistent=False)

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """As :meth:`Encoder.forward`."""
        features: dict[str, Tensor] = {}
        z = pictures.contiguous(memory_format=torch.channels_last)
        z = F.conv2d(z, self.conv0_weight, self.conv0_bias)  # type: ignore[arg-type]
        last = max(wanted)
        for layer in self.layers:
            if layer.endswith("1") and layer != "conv11":
                z = F.max_pool2d(z, 2)
            with torch.autocast(z.device.type, enabled=False):  # in which padding would be float32
                z = F.pad(z, (1, 1, 1, 1), mode=self.padding)
            z = F.relu(F.conv2d(z, getattr(self, f"{layer}_weight"), getattr(self, f"{layer}_bias")))
            if layer in wanted:
                features[layer] = z
            if layer == last:
                break
        return features


def _vgg16(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    std = torch.tensor(IMAGENET_STD)
    tensors = {
        "conv0.weight": torch.diag(1 / std)[:, :, None, None],
        "conv0.bias": -torch.tensor(IMAGENET_MEAN) / std,
    }
    for position, layer in VGG16_LAYERS.items():
        for part in ("weight", "bias"):
            if f"features.{position}.{part}" in checkpoint:
                tensors[f"{layer}.{part}"] = checkpoint[f"features.{position}.{part}"]
    return tensors
