"""What is exported computes what PyTorch does, in other engines, at any size and at every α."""

import importlib
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
import torch.nn.functional as F
from authors_layout import random_dcgan_state, random_state
from PIL import Image
from test_cli import run

import dynamicnet.export
from dynamicnet import DynamicNetError, package
from dynamicnet.export import METADATA, export
from dynamicnet.importer import import_checkpoint
from dynamicnet.method.alpha import over_picture, per_picture, per_point
from server.settings import ROOT, STATIC, Settings
from web.__main__ import build

SIZES = [(33, 50), (64, 48), (45, 131)]
PACKAGES = package.find(Settings().weights)
KINDS = {"style": random_state, "style-dual": random_state, "dcgan": random_dcgan_state}


class OnnxRuntime:
    def __init__(self, file):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.returned = [value.name for value in self.session.get_outputs()]

    def __call__(self, given):
        return dict(zip(self.returned, self.session.run(None, given), strict=True))


class OpenVino:
    def __init__(self, file):
        precise = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        self.compiled = openvino.Core().compile_model(file, "CPU", precise)

    def __call__(self, given):
        made = self.compiled(given)
        # An output may have the name of its node besides, which has a slash.
        return {
            name: made[i] for i, value in enumerate(self.compiled.outputs) for name in value.names if "/" not in name
        }


ENGINES = [OnnxRuntime, OpenVino]


def inputs_of(loaded, size, count=2):
    network = loaded.net.network
    generator = torch.Generator().manual_seed(sum(size))
    if network.latent:
        return torch.randn(count, network.drawn, generator=generator)
    channels = network.inputs
    smooth = F.interpolate(torch.rand(count, channels, 7, 7, generator=generator), size, mode="bicubic").clamp(0, 1)
    if channels == 7:
        smooth[:, 3] = smooth[:, 3].round()
    return smooth


def alphas_of(axes, size):
    """α of each kind: at both ends, at 0 and between, by insertion point, by picture, as a map, of several axes."""
    axis = axes[0]
    (low, high), points = axis.range, len(axis.blocks)
    yield from ({axis.id: per_point([value])} for value in {low, 0.0, 0.3 * low + 0.6 * high, high})
    yield {axis.id: per_point(torch.linspace(low, high, points).tolist())}
    yield {axis.id: per_picture([high, low])}
    if size:
        halves = torch.full(size, low)
        halves[:, size[1] // 2 :] = torch.linspace(0, high, size[0])[:, None]
        yield {axis.id: over_picture(halves)}
        yield {axis.id: over_picture(halves) * per_point(torch.linspace(0.5, 1, points).tolist())}
    if len(axes) > 1:
        yield {each.id: per_point([0.6 * each.range[1]]) for each in axes}


def laid_over(loaded):
    """Pictures as they are looked at, and larger ones to lay what is painted over, by both ways that strokes take."""
    size = loaded.net.network.multiple
    small, larger, largest = (inputs_of(loaded, (size * n, size * (n + 2))) for n in (3, 7, 19))
    yield from ((small, full[..., :-3]) for full in (larger, largest))


def worst(net, folder, engine, inputs, full=None):
    """How far, in 255ths, an engine is from PyTorch at most."""
    prepare, render = (engine(folder / f"{name}.onnx") for name in ("prepare", "render"))
    size = inputs.shape[2:] if inputs.dim() == 4 else None
    prepared = net.prepare(inputs, full)
    made = prepare({"inputs": inputs.numpy()})
    if full is not None:
        made["picture"] = full.numpy()
    off = []
    for alphas in alphas_of(net.specs, size):
        given = {f"alpha.{axis.id}": alphas.get(axis.id, torch.zeros(1, 1, 1, 1)).numpy() for axis in net.specs}
        output = render({**made, **given})["output"]
        wanted = net.render(prepared, alphas).clamp(0, 1).numpy()
        assert output.shape == wanted.shape
        off.append(np.abs(output - wanted).max() * 255)
    return max(off)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Packages as they are asked for, exported once: the package, and where."""
    made = {}

    def get(folder):
        if folder not in made:
            made[folder] = package.load(folder), tmp_path_factory.mktemp(folder.name) / "made"
            result = run("export", folder.name, "--weights", str(folder.parent), "--to", str(made[folder][1]))
            assert result.returncode == 0, result.stderr
        return made[folder]

    return get


@pytest.mark.parametrize("application", ["style", "restoration"])
@torch.inference_mode()
def test_an_exported_model_is_what_it_was(exported, application):
    loaded, folder = exported(next(path for path in PACKAGES if package.read_manifest(path).application == application))
    assert worst(loaded.net, folder, OnnxRuntime, inputs_of(loaded, SIZES[0])) < 0.1
    if loaded.net.network.gated:  # laid over one that is larger, and much larger
        for inputs, full in laid_over(loaded):
            assert worst(loaded.net, folder, OnnxRuntime, inputs, full) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
@torch.inference_mode()
def test_every_shipped_model_is_what_it_was_in_every_engine(exported, folder):
    loaded, to = exported(folder)
    sizes = SIZES[:1] if loaded.net.network.latent else SIZES
    for engine in ENGINES:
        off = [worst(loaded.net, to, engine, inputs_of(loaded, size)) for size in sizes]
        if loaded.net.network.gated:
            off += [worst(loaded.net, to, engine, inputs, full) for inputs, full in laid_over(loaded)]
        print(f"{folder.name}, {engine.__name__}: {max(off):.4f} of 255 at most")
        assert max(off) < 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_imported_models_are_exported_too(tmp_path, kind):
    state = random_dcgan_state() if kind == "dcgan" else random_state(kind)
    torch.save(state, tmp_path / "net.pth")
    import_checkpoint(tmp_path / "net.pth", kind, tmp_path / kind)
    export(tmp_path / kind, tmp_path)
    loaded = package.load(tmp_path / kind)
    for engine in ENGINES:
        off = worst(loaded.net, tmp_path, engine, inputs_of(loaded, SIZES[0]))
        print(f"{kind}, {engine.__name__}: {off:.4f} of 255 at most")
        assert off < 1


def test_the_files_say_what_the_manifest_does(exported):
    loaded, folder = exported(PACKAGES[0])
    for name in ("prepare", "render"):
        graph = onnx.load(folder / f"{name}.onnx")
        said = json.loads({one.key: one.value for one in graph.metadata_props}[METADATA])
        axes = loaded.manifest.model_dump(mode="json")["axes"]
        for field in ("id", "title", "ends", "range", "default", "even"):
            assert [axis[field] for axis in said["axes"]] == [axis[field] for axis in axes]
        assert (said["id"], said["multiple"]) == (loaded.id, loaded.net.network.multiple)


def test_where_nothing_can_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    result = run("export", PACKAGES[0].name, "--to", str(tmp_path / "file"))
    assert (result.returncode, "Cannot write" in result.stderr) == (1, True)


def test_onnx_is_wanted_for_an_export_alone_and_asked_for_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    importlib.reload(dynamicnet.export)
    with pytest.raises(DynamicNetError, match=r"pip install --editable '\.\[export\]'"):
        dynamicnet.export.export(PACKAGES[0], tmp_path)


def documented(language):
    """The program in docs/export.md."""
    return re.search(rf"```{language}\n(.+?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)[1]


@torch.inference_mode()
def test_the_python_of_the_document_makes_what_the_model_does(exported, monkeypatch, tmp_path):
    loaded, folder = exported(PACKAGES[0])
    picture = Image.open(STATIC / "samples" / "chelsea.jpg").resize((90, 60))
    picture.save(tmp_path / "photo.jpg")
    shutil.copytree(folder, tmp_path / "exported")
    monkeypatch.chdir(tmp_path)
    exec(documented("python"), {})
    photo = np.asarray(Image.open("photo.jpg"), np.float32).transpose(2, 0, 1)[None] / 255
    for alpha in (0, 0.5, 1):
        wanted = loaded.net.render(loaded.net.prepare(torch.from_numpy(photo)), alpha).clamp(0, 1)[0].permute(1, 2, 0)
        with Image.open(f"out-{alpha}.png") as made:
            assert np.abs(np.asarray(made) - wanted.numpy() * 255).max() <= 1


@pytest.mark.slow
@torch.inference_mode()
def test_the_javascript_of_the_document_makes_what_the_model_does(exported, tmp_path):
    modules = ROOT / "web" / "node_modules"
    if not shutil.which("node") or not modules.exists():
        pytest.skip("make web-test brings it")
    loaded, folder = exported(PACKAGES[0])
    Image.open(STATIC / "samples" / "chelsea.jpg").resize((90, 60)).save(tmp_path / "photo.ppm")
    shutil.copytree(folder, tmp_path / "exported")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "paint.mjs").write_text(documented("js"))
    subprocess.run(["node", "paint.mjs"], cwd=tmp_path, check=True, timeout=300)
    photo = np.asarray(Image.open(tmp_path / "photo.ppm"), np.float32).transpose(2, 0, 1)[None] / 255
    wanted = loaded.net.render(loaded.net.prepare(torch.from_numpy(photo)), 0.6).clamp(0, 1)[0].permute(1, 2, 0)
    with Image.open(tmp_path / "out.ppm") as made:
        assert np.abs(np.asarray(made) - wanted.numpy() * 255).max() <= 1


@pytest.mark.parametrize("name", ["nonesuch", "mend-photos"])
def test_models_that_the_page_without_a_server_cannot_show_are_refused(tmp_path, name):
    with pytest.raises(DynamicNetError, match=f"^No model '{name}' takes a photograph alone; these do: starry-night, "):
        build(tmp_path / "site", Settings().weights, [name])
    assert not (tmp_path / "site").exists()
