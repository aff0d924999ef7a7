"""Everything that makes rendering quick gives the pictures of plain float32."""

import platform
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import running_server
from PIL import Image
from torch import nn

from dynamicnet import Model, package, pictures, precision
from dynamicnet.method.alpha import AlphaLike, over_picture
from dynamicnet.method.pieces import finish
from dynamicnet.networks.layers import ConvLayer
from server.settings import STATIC, Settings

PACKAGES = package.find(Settings().weights)
SAMPLES = {"astronaut": 96, "chelsea": 203, "coffee": 256}  # by longer side

every_package = pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
in_bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="bfloat16 would take minutes here"
)
PLACES = [
    "cpu",
    pytest.param("cpu with-units", marks=[in_bfloat16, pytest.mark.long]),
    *(pytest.param(place, marks=on_cuda) for place in ("cuda", "cuda float16")),
]


def test_normalisation_is_instance_norm() -> None:
    _, norm, _ = ConvLayer(3, 5)
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 5, 9, 11) * 3 + 1, torch.randn(5), torch.randn(5)
    norm.load_state_dict({"weight": weight, "bias": bias})
    torch.testing.assert_close(norm(x), F.instance_norm(x, weight=weight, bias=bias))


@every_package
def test_features_stay_channels_last(folder) -> None:
    model = Model.load(folder, "cpu")
    prepared = model.prepare(model.encode(example(model, "coffee"))).prepared
    for features in (prepared.z, *prepared.residuals.values()):
        assert features.is_contiguous(memory_format=torch.channels_last)
    model.leave()
    model.come()
    weights = [parameter for parameter in model.net.parameters() if parameter.dim() == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


@every_package
@pytest.mark.parametrize("place", PLACES)
def test_pictures_are_those_of_plain_float32(folder, place, monkeypatch) -> None:
    device, _, units = place.partition(" ")
    monkeypatch.setattr(precision, "_has_units", lambda: bool(units))
    if units == "float16":
        monkeypatch.setattr("dynamicnet.model.autocast", lambda device: torch.autocast(device.type, torch.float16))
    model, plain = Model.load(folder, device), package.load(folder).net
    for name in SAMPLES:
        encoded = model.encode(example(model, name))
        kept = model.prepare(encoded)
        with torch.inference_mode():
            prepared = plain.prepare(pictures.in_units(encoded.batch))
            for alpha in forms_of_alpha(model, encoded.size):
                expected = finish(model.application.decode(plain.render(prepared, alpha), encoded))
                # Twice in one batch: what is rendered together takes the same road and must end there too.
                for picture in [model.render(kept, alpha), *model.render_together([(kept, alpha)] * 2)]:
                    assert furthest(picture, expected) <= 2


@pytest.mark.parametrize("units", [False, pytest.param(True, marks=in_bfloat16)])
@pytest.mark.parametrize("application", ["style", "restoration"])
def test_stages_are_prepared_in_float32_and_the_rest_is_in_bfloat16_where_there_are_units_for_it(
    application, units, monkeypatch
) -> None:
    monkeypatch.setattr(precision, "_has_units", lambda: units)
    model = next(
        found for found in (Model.load(folder, "cpu") for folder in PACKAGES) if found.application.name == application
    )
    stages, blocks = set(), set()
    for part, computed in ((model.net.network, stages), (model.net.axes, blocks)):
        for module in part.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(lambda _, __, output, to=computed: to.add(output.dtype))
    prepared = model.prepare(model.encode(example(model, "astronaut")))
    assert stages == {torch.float32}
    normalised = application == "style"  # where what the first ψ(z) rounds off would grow
    assert blocks == {torch.bfloat16 if units and not normalised else torch.float32}
    stages.clear()
    model.render(prepared, 1)
    assert (torch.bfloat16 in stages) is units  # a network may have its last layers in float32


def example(model: Model, name: str):
    inputs = model.application.example((STATIC / "samples" / f"{name}.jpg").read_bytes())
    inputs = replace(inputs, where=None)  # to be compared with what the network makes, everywhere
    return replace(inputs, max_side=SAMPLES[name]) if "max_side" in model.application.takes else inputs


def forms_of_alpha(model: Model, size: tuple[int, int]) -> list[AlphaLike]:
    """None, both ends, in general position, on every axis, by insertion point, and over the picture."""
    (axis, *_), (width, height) = model.manifest.axes, size
    low, high = axis.range
    forms: list[AlphaLike] = [
        0.0,
        low,
        high,
        0.6 * high,
        {each.id: 0.4 * each.range[1] for each in model.manifest.axes},
        np.linspace(low, high, len(axis.blocks)).tolist(),
    ]
    if "image" in model.application.takes:
        forms += [low / 2, over_picture(torch.linspace(low, high, width).expand(height, width))]
    return forms


def furthest(picture: Image.Image, other: Image.Image) -> float:
    """The 99.9th percentile of what two pictures differ by, in 255ths."""
    return float(np.quantile(np.abs(np.asarray(picture, np.int16) - np.asarray(other, np.int16)), 0.999))


@pytest.mark.long
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library's allocator")
def test_a_render_takes_the_memory_that_the_one_before_gave_back(tmp_path, photo) -> None:
    def faults() -> int:
        return int(Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()[7])

    with running_server(tmp_path, device="cpu") as running, httpx.Client(base_url=running.url, timeout=60) as client:

        def post(alpha: float) -> None:
            data = {"alpha": alpha, "max_side": 400, "format": "jpeg"}
            client.post("/infer", files={"image": photo.read_bytes()}, data=data).raise_for_status()

        for turn in range(3):
            post(turn / 10)
        before = faults()
        post(0.5)
        # 4 KiB each: rendering takes 50 MB, of which a little for the picture's file is new.
        assert faults() - before < 2000
