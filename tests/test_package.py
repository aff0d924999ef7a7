"""Model packages: written and read back, and each way one can be wrong."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dynamicnet import AxisSpec, DynamicNet, DynamicNetError, Inputs, Model, package, per_picture, pictures
from dynamicnet.networks import NETWORKS, LeanNetwork
from dynamicnet.networks.base import MainNetwork
from server.settings import STATIC, Settings

WEIGHTS = Settings().weights
SAMPLES = STATIC / "samples"
PARAMS = {"channels": 16, "half_channels": 8, "join_channels": 8}
TENSOR = "network.stages.res1.convs.0.0.weight"


def manifest(**change):
    given = {
        "title": "Test",
        "application": "style",
        "network": {"name": "lean", "params": PARAMS},
        "axes": [AxisSpec(id="strength", title="α", ends=("faint", "strong"), blocks=("res2", "join"))],
        "training": {"commands": ["dynamic-net train"], "data": "none"},
        "measured": {"seconds": 0.5},
        "licence": "Apache-2.0",
    }
    return package.Manifest.model_validate(given | change)


def network():
    """A network none of whose tensors is as it was built, so that a tensor not stored cannot go unseen."""
    net = DynamicNet(LeanNetwork(**PARAMS), manifest().axes)
    for tensor in net.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(tensor.numel())) * 0.1)
    return net


@pytest.fixture
def folder(tmp_path):
    """A package that is right, to be spoiled."""
    package.write(tmp_path / "test", manifest(), network())
    return tmp_path / "test"


def refusal(folder):
    with pytest.raises(DynamicNetError) as refused:
        package.load(folder)
    assert "\n" not in refused.value.message
    assert refused.value.message.endswith(".")
    return refused.value


def test_what_float16_has_no_room_for_and_what_layers_share_is_written_too(tmp_path):
    net = network()
    net.network.stages["res1"].convs[0][0].bias.data.fill_(70_000)
    net.network.stages["res2"].convs[0][0].weight = net.network.stages["res1"].convs[0][0].weight
    for half in (True, False):
        package.write(tmp_path / "test", manifest(), net, half=half)
        given = package.load(tmp_path / "test").net.network
        assert given.stages["res1"].convs[0][0].bias[0] == 70_000
        assert torch.equal(given.stages["res1"].convs[0][0].weight, given.stages["res2"].convs[0][0].weight)


@pytest.mark.parametrize(("half", "error"), [(False, 0), (True, 1e-3)])
def test_what_is_written_is_read_back(tmp_path, half, error):
    net = network()
    package.write(tmp_path / "test", manifest(), net, half=half)
    loaded = package.load(tmp_path / "test")
    assert loaded.id == "test"
    assert loaded.manifest == manifest()
    assert not loaded.net.training
    state = loaded.net.state_dict()
    assert state.keys() == net.state_dict().keys()
    for name, tensor in net.state_dict().items():
        assert state[name].dtype == torch.float32
        torch.testing.assert_close(state[name], tensor, rtol=error, atol=error / 10)
    assert not any(parameter.requires_grad for parameter in loaded.net.parameters())


def test_what_is_written_is_as_open_as_other_files(folder):
    package.write_objectives(folder, {"weight": torch.ones(2)})
    assert len({file.stat().st_mode for file in folder.iterdir()}) == 1


def test_half_precision_halves_the_file(tmp_path):
    for half in (True, False):
        package.write(tmp_path / str(half), manifest(), network(), half=half)
    half, full = (load_file(tmp_path / name / package.TENSORS) for name in ("True", "False"))
    assert {tensor.dtype for tensor in half.values()} == {torch.float16}
    assert {tensor.dtype for tensor in full.values()} == {torch.float32}


def test_whole_numbers_are_stored_as_they_are(tmp_path):
    """A counter of batch norm, above what float16 holds."""
    net = network()
    net.network.register_buffer("count", torch.tensor(70_001))
    package.write(tmp_path / "test", manifest(), net)
    assert load_file(tmp_path / "test" / package.TENSORS)["network.count"].item() == 70_001


def test_manifest_alone_and_objectives_are_read_back(folder):
    package.write_manifest(folder, manifest(title="Né à Paris 🖌"))
    assert package.load(folder).manifest.title == "Né à Paris 🖌"
    grams = {"grams": torch.rand(4, 4)}
    package.write_objectives(folder, grams)
    assert torch.equal(package.read_objectives(folder)["grams"], grams["grams"])


def test_tensors_that_were_read_outlive_their_file(folder):
    package.write_objectives(folder, {"grams": torch.rand(4, 4)})
    kept = package.read_objectives(folder)
    assert kept
    maps = Path("/proc/self/maps")  # to read what is mapped from a file that was cut would end the tests themselves
    assert not maps.exists() or str(folder) not in maps.read_text()


def test_objectives_that_are_not_there_are_refused(folder):
    with pytest.raises(DynamicNetError, match=r"test' has no objectives\.safetensors, .* can be used") as refused:
        package.read_objectives(folder)
    assert refused.value.code == "objectives-missing"


def test_find_lists_packages_in_their_order_and_by_name_and_nothing_else(tmp_path):
    for name, order in (("b", 0), ("a", 0), ("z", -1)):
        package.write(tmp_path / name, manifest().model_copy(update={"order": order}), network())
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text("[]")
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "model.json").write_text('{"order": 1e999}')
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    assert [path.name for path in package.find(tmp_path)] == ["z", "a", "b", "m", "n"]
    assert package.find(tmp_path / "nowhere") == []


def test_a_package_that_is_not_there_is_missing_and_not_invalid(tmp_path):
    refused = refusal(tmp_path / "nowhere")
    assert (refused.code, refused.status) == ("package-missing", 404)
    assert "nowhere" in refused.message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "model.json cannot be read"),
        (b"{", "model.json cannot be read"),
        (b"\xff\xfe\x00", "model.json cannot be read"),
        (b"[" * 100_000, "model.json cannot be read"),
        (b"[]", "model.json: "),
        (b"null", "model.json: "),
        (b"{}", "title: Field required"),
        (b'{"format": 2}', "format 2 is newer than this version understands (1)"),
        (b'{"format": "1"}', "format: "),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(folder, content, sentence):
    (folder / package.MANIFEST).write_bytes(content)
    refused = refusal(folder)
    assert (refused.code, refused.status) == ("package-invalid", 500)
    assert refused.message.startswith(f"The model package 'test' is not valid: {sentence}")


def axes(**change):
    return [json.loads(manifest().axes[0].model_dump_json()) | change]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 0}, "format: "),
        ({"title": ""}, "title: "),
        ({"surprise": 1}, "surprise: "),
        ({"licence": None}, "licence: "),
        ({"axes": []}, "axes: "),
        ({"axes": axes(range=[0.5, 1])}, "axes.0: axis 'strength': the range must hold 0"),
        ({"axes": axes(blocks=["res2", "res9"])}, "axis 'strength': no insertion point 'res9'; there are stem, res1"),
        ({"axes": axes() * 2}, "the axis id 'strength' is taken"),
        ({"network": {"name": "unheard-of"}}, "unknown network 'unheard-of'; this version has "),
        ({"network": {"name": "lean", "params": {"colour": 3}}}, "network.params cannot be used ("),
        ({"network": {"name": "lean", "params": {"channels": "64"}}}, "network.params cannot be used ("),
        ({"network": {"name": "lean", "params": {"channels": -1}}}, "network.params cannot be used ("),
        ({"network": {"name": "lean", "params": {"channels": 10**30}}}, "network.params cannot be used ("),
        ({"training": {"commands": [], "data": "none", "phases": [{}]}}, "training.phases.0.axis: "),
    ],
    ids=str,
)
def test_a_manifest_that_describes_no_model_is_refused(folder, change, sentence):
    data = json.loads((folder / package.MANIFEST).read_text("utf-8"))
    (folder / package.MANIFEST).write_text(json.dumps(data | change), "utf-8")
    refused = refusal(folder)
    assert (refused.code, refused.status) == ("package-invalid", 500)
    assert refused.message.startswith(f"The model package 'test' is not valid: {sentence}")


def test_a_model_of_an_application_that_does_not_exist_is_refused(folder):
    package.write_manifest(folder, manifest(application="cookery"))
    with pytest.raises(DynamicNetError, match="'test' is not valid: there is no application 'cookery'; there are "):
        Model.load(folder, "cpu")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({TENSOR: None}, f"model.safetensors lacks 1 tensors, first '{TENSOR}'"),
        ({"network.more": torch.zeros(1)}, "model.safetensors has 1 tensors too many, first 'network.more'"),
        ({TENSOR: torch.zeros(16, 16, 1, 1)}, f"'{TENSOR}' is [16, 16, 1, 1], the manifest asks for [16, 16, 3, 3]"),
        ({TENSOR: torch.full((16, 16, 3, 3), torch.inf)}, f"'{TENSOR}' holds values that are not finite"),
        ({TENSOR: torch.full((16, 16, 3, 3), torch.nan)}, f"'{TENSOR}' holds values that are not finite"),
    ],
    ids=["missing", "extra", "shape", "infinite", "not a number"],
)
def test_tensors_that_are_not_those_of_the_manifest_are_refused(folder, change, sentence):
    tensors = {**load_file(folder / package.TENSORS), **change}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, folder / package.TENSORS)
    refused = refusal(folder)
    assert (refused.code, refused.status) == ("package-invalid", 500)
    assert refused.message == f"The model package 'test' is not valid: {sentence}."


class Odd(MainNetwork):
    """What a network of one's own may be that says something else of itself."""

    default_points = ("body",)

    def __init__(self, said: int = 8, factor: int = 1, outputs: int = 3, multiple: int = 1) -> None:
        super().__init__()
        out = nn.Sequential(nn.Upsample(scale_factor=factor), nn.Conv2d(8, outputs, 1))
        self.stages = nn.ModuleDict({"body": nn.Conv2d(3, 8, factor, factor), "out": out})
        self.points = {"body": said}
        self.multiple = multiple


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"said": 16}, r"the network cannot be run; look at its points .*16 channels"),
        ({"factor": 4}, r"the network cannot be run; .* and its multiple \(the network makes 32×44 of 33×45"),
        ({"outputs": 1}, r"the network makes 1×33×45, and a picture is 3×33×45\.$"),
        ({"outputs": 4}, r"the network makes 4×33×45, and a picture is 3×33×45\.$"),
        ({"factor": 4, "multiple": 4}, None),
    ],
)
def test_a_network_that_is_not_what_it_says_is_refused_before_it_is_used(tmp_path, monkeypatch, params, sentence):
    monkeypatch.setitem(NETWORKS, "odd", Odd)
    axis = AxisSpec(id="strength", title="α", ends=("faint", "strong"), blocks=("body",))
    described = manifest(network={"name": "odd", "params": params}, axes=[axis])
    package.write(tmp_path / "odd", described, package.build(described))
    if sentence is None:
        assert package.load(tmp_path / "odd").id == "odd"
    else:
        assert re.search(sentence, refusal(tmp_path / "odd").message)


def test_more_alphas_than_pictures_are_refused_where_one_picture_comes_out(folder):
    model = Model.load(folder, "cpu")
    prepared = model.prepare(model.encode(Inputs(image=next(SAMPLES.glob("*.jpg")).read_bytes(), max_side=64)))
    with pytest.raises(DynamicNetError, match="alpha is for 3 pictures, and there is 1: render each α by itself"):
        model.render(prepared, per_picture([0, 0.5, 1]))


@pytest.mark.parametrize("content", [None, b"", b"text", b"\xff" * 64])
def test_tensors_that_cannot_be_read_are_refused(folder, content):
    (folder / package.TENSORS).unlink()
    if content is not None:
        (folder / package.TENSORS).write_bytes(content)
    assert "'test' is not valid: model.safetensors cannot be read" in refusal(folder).message


def test_a_cut_off_tensor_file_is_refused(folder):
    file = folder / package.TENSORS
    file.write_bytes(file.read_bytes()[:-10])
    assert "'test' is not valid: model.safetensors cannot be read" in refusal(folder).message


@pytest.mark.parametrize("device", ["warp", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(folder, device):
    with pytest.raises(DynamicNetError, match=f"There is no device '{device}'") as refused:
        Model.load(folder, device)
    assert refused.value.code == "device-unknown"


def test_every_shipped_package_loads_and_draws():
    folders = package.find(WEIGHTS)
    assert folders, f"no model packages in {WEIGHTS}"
    picture = pictures.fit(pictures.read((Path(__file__).parents[1] / "static/samples/chelsea.jpg").read_bytes()), 64)
    for folder in folders:
        model = Model.load(folder, "cpu")
        prepared = model.prepare(model.encode(model.application.example(pictures.write(picture))))
        drawn = {end: model.render(prepared, {a.id: a.range[end] for a in model.manifest.axes}) for end in (0, 1)}
        assert drawn[0].tobytes() != drawn[1].tobytes(), f"{folder.name}: its axes change nothing"
        assert model.manifest.licence, folder.name


def test_the_shipped_packages_are_at_most_60_megabytes():
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) <= 60_000_000
