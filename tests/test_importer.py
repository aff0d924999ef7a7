"""Checkpoints of the authors' become packages that compute what theirs do."""

import io
import pickle
from pathlib import Path

import pytest
import torch
from authors_layout import dcgan_forward, forward, random_dcgan_state, random_state

from dynamicnet import DynamicNetError, package
from dynamicnet.importer import import_checkpoint, read_checkpoint

SAME = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """By kind: the state dict of a checkpoint, and the network of the package made from it."""
    folder = tmp_path_factory.mktemp("imported")
    made = {}
    for seed, kind in enumerate(("style", "style-dual")):
        state = random_state(kind, seed)
        torch.save(state, folder / "net.pth")
        import_checkpoint(folder / "net.pth", kind, folder / kind, "Imported")
        made[kind] = state, package.load(folder / kind).net
    return made


@pytest.mark.parametrize(
    ("kind", "alphas"),
    [
        *[("style", alphas) for alphas in ((0, 0, 0), (0.3, 0.3, 0.3), (1, 1, 1), (0.2, 0.5, 0.9), (0, 1, 0))],
        *[
            ("style-dual", alphas)
            for alphas in ((0, 0, 0), (-1, -1, -1), (0.6, 0.6, 0.6), (0.5, -0.3, 1), (-0.4, 0, 0.2))
        ],
    ],
)
@torch.inference_mode()
def test_output_is_that_of_the_authors_forward_pass(imported, kind, alphas):
    state, net = imported[kind]
    for height, width in ((32, 32), (48, 84)):
        pictures = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(width))
        torch.testing.assert_close(net(pictures, list(alphas)), forward(state, pictures, alphas), **SAME)


@torch.inference_mode()
def test_alpha_changes_the_picture_as_much_as_the_comparison_can_see(imported):
    """The comparison above would say nothing about tuning-blocks that do nothing."""
    pictures = torch.rand(1, 3, 32, 32)
    for state, _ in imported.values():
        plain = forward(state, pictures, (0, 0, 0))
        for alphas in ((0.3, 0, 0), (0, 0.3, 0), (0, 0, 0.3)):
            assert (forward(state, pictures, alphas) - plain).abs().max() > 0.01


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@torch.inference_mode()
def test_output_of_the_dcgan_is_that_of_the_authors_forward_pass(imported_dcgan, alpha):
    state, net = imported_dcgan
    latents = torch.randn(3, 100, generator=torch.Generator().manual_seed(1))
    theirs = (dcgan_forward(state, latents[:, :, None, None], alpha) + 1) / 2
    torch.testing.assert_close(net(latents, alpha), theirs, **SAME)
    assert theirs.std() > 0.05
    if alpha:
        assert (net(latents, 0.0) - theirs).abs().max() > 0.01


@pytest.fixture(scope="module")
def imported_dcgan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dcgan")
    state = random_dcgan_state()
    torch.save(state, folder / "net.pth")
    manifest = import_checkpoint(folder / "net.pth", "dcgan", folder / "faces")
    assert manifest.application == "generation"
    return state, package.load(folder / "faces").net


def test_manifest_says_where_it_comes_from(tmp_path):
    torch.save(random_state("style-dual"), tmp_path / "mosaic.pth")
    written = import_checkpoint(tmp_path / "mosaic.pth", "style-dual", tmp_path / "out", None)
    manifest = package.read_manifest(tmp_path / "out")
    assert manifest == written
    assert manifest.title == "mosaic"
    assert manifest.application == "style"
    assert manifest.axes[0].range == (-1.0, 1.0)
    assert manifest.axes[0].default == 0.0
    assert manifest.training.commands == []
    assert "mosaic.pth" in manifest.training.data
    assert "check" in manifest.licence


@pytest.mark.parametrize("zipped", [True, False])
def test_reads_both_file_formats_and_unwraps_state_dict(tmp_path, zipped):
    state = random_state("style")
    file = tmp_path / "net.pth"
    torch.save({"epoch": 3, "state_dict": state}, file, _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(file)
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) for name in state)


@pytest.mark.parametrize("under", ["state_dict", "model"])
def test_what_data_parallel_trained_is_unwrapped_too(tmp_path, under):
    state, file = random_state("style"), tmp_path / "net.pth"
    torch.save({under: {f"module.{name}": tensor for name, tensor in state.items()}}, file)
    assert read_checkpoint(file).keys() == state.keys()


class Trap:
    """Creates a file when it is unpickled by a reader that runs what it reads."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self):
        return Path.touch, (self.sprung,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, how):
    file, sprung = tmp_path / "net.pth", tmp_path / "sprung"
    content = random_state("style") | {"trap": Trap(sprung)}
    if how == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps({"trap": Trap(sprung)}))
    with pytest.raises(DynamicNetError) as refused:
        import_checkpoint(file, "style", tmp_path / "out")
    assert refused.value.code == "checkpoint-unreadable"
    assert not sprung.exists()
    assert not (tmp_path / "out").exists()


def saved(content: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a PyTorch checkpoint"),
        (b"this is a text file\n", "not a PyTorch checkpoint"),
        (saved(random_state("style"))[:5000], "not a PyTorch checkpoint"),
        (pickle.dumps({"weights": [1, 2, 3]}), "not a PyTorch checkpoint"),
        (saved(torch.zeros(3)), "no tensors by name"),
        (saved({}), "no tensors by name"),
        (saved({"main.in1.weight": torch.zeros(32), "epoch": 7}), "'epoch' is not a tensor"),
        (saved({1: torch.zeros(3)}), "'1' is not a tensor"),
        (saved({"main.in1.weight": torch.eye(3).to_sparse()}), "not stored as plain values"),
    ],
)
def test_what_is_not_a_checkpoint_is_refused(tmp_path, content, sentence):
    file = tmp_path / "net.pth"
    file.write_bytes(content)
    with pytest.raises(DynamicNetError, match=sentence) as refused:
        read_checkpoint(file)
    assert refused.value.code == "checkpoint-unreadable"


@pytest.mark.parametrize("name", ["nowhere.pth", "."])
def test_no_file_is_refused(tmp_path, name):
    with pytest.raises(DynamicNetError, match="There is no file") as refused:
        read_checkpoint(tmp_path / name)
    assert (refused.value.code, refused.value.status) == ("checkpoint-missing", 404)


def change(state, name, tensor):
    return state | {name: tensor}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: {n: t for n, t in s.items() if n != "main.in4.bias"}, "lacks 1 tensors, first 'main.in4.bias'"),
        (lambda s: change(s, "main.extra", torch.zeros(1)), "1 tensors too many, first 'main.extra'"),
        (lambda s: change(s, "main.in3.weight", torch.ones(64)), r"'main.in3.weight' is \[64\] .* must be \[128\]"),
        (lambda s: change(s, "main.in3.weight", torch.ones(128).int()), "'main.in3.weight' is .*int32"),
        (lambda s: change(s, "main.in3.weight", torch.full((128,), torch.nan)), "'main.in3.weight' .* not finite"),
        (lambda _: random_state("style-dual"), "not of the kind 'style': it lacks 18 tensors"),
    ],
)
def test_a_checkpoint_of_another_layout_is_refused_naming_the_tensor(tmp_path, spoil, sentence):
    file = tmp_path / "net.pth"
    torch.save(spoil(random_state("style")), file)
    with pytest.raises(DynamicNetError, match=sentence) as refused:
        import_checkpoint(file, "style", tmp_path / "out")
    assert refused.value.code == "checkpoint-mismatch"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("title", ["", "x" * 81])
def test_a_title_has_one_to_eighty_characters(tmp_path, title):
    with pytest.raises(DynamicNetError, match="1 to 80 characters"):
        import_checkpoint(tmp_path / "net.pth", "style", tmp_path / "out", title)
