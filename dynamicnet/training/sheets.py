"""Sample sheets: pictures × α on one image, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from dynamicnet import pictures
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.dynamic import DynamicNet


@torch.inference_mode()
def write_sheet(file: Path, net: DynamicNet, inputs: Tensor, axis: str | None, alphas: Sequence[float]) -> None:
    """Write one row per picture: the picture itself, then the result at each α.

    Args:
        file: where to, JPEG.
        net: the Dynamic-Net.
        inputs: pictures (N, 3, H, W) in [0, 1].
        axis: the axis to move along; None shows the main network alone.
        alphas: the columns.
    """
    training = net.training
    net.eval()
    rows = []
    for picture in torch.split(inputs, 1):
        prepared = net.prepare(picture)
        results = net.render(prepared, {axis: per_picture(alphas)} if axis else 0.0)
        rows.append(torch.cat([picture, *torch.split(results, 1)], 3))
    net.train(training)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pictures.write(pictures.to_picture(torch.cat(rows, 2)), "jpeg", 92))
