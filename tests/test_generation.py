"""Image generation: seeds and latents in, a grid out; training, labelled folders and evaluation."""

import csv
import io
import json
from itertools import product
from pathlib import Path

import pytest
import torch
from conftest import write_encoder
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from dynamicnet import package
from dynamicnet.applications import Inputs
from dynamicnet.applications.generation import judged
from dynamicnet.applications.generation.described import TABLE, Described, PartsTable
from dynamicnet.applications.generation.evaluate import classify, frechet, train_classifier, variety
from dynamicnet.applications.generation.heads import AXES, draw_heads
from dynamicnet.applications.generation.labelled import Labelled
from dynamicnet.applications.generation.pictures import Generation, latent_of, mosaic
from dynamicnet.applications.generation.taught import share_of_change
from dynamicnet.cli import app
from dynamicnet.errors import DynamicNetError
from dynamicnet.method.alpha import per_picture
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import DynamicNet
from dynamicnet.method.pieces import finish
from dynamicnet.networks import NETWORKS
from dynamicnet.networks.base import MainNetwork
from dynamicnet.objectives.encoder import Encoder
from dynamicnet.training.photos import is_held_out
from server.settings import Settings

APPLICATION = Generation()
WEIGHTS = Settings().weights
SHIPPED = [-0.5846831, -0.6016796, 1.0897709, 0.4034419]  # the beginning of the latent of seed 7
ENDS = ("--from", "dark-*", "--to", "light-*")
NETWORK = NETWORKS["upsampling"](latent=100, channels=(8, 8, 8, 8, 8))


def encode(**sent: str):
    return finish(APPLICATION.encode(Inputs(**sent), NETWORK))


def test_a_seed_is_the_same_latent_alone_and_among_others():
    many = encode(seed="7, 0,4294967295").batch
    assert many.shape == (3, 100)
    assert torch.equal(encode(seed="7").batch[0], many[0])
    assert len({tuple(latent.tolist()) for latent in many}) == 3


def test_latents_are_normal_and_as_they_were_when_models_were_shipped():
    numbers = torch.stack([latent_of(seed, 100) for seed in range(200)])
    assert abs(numbers.mean()) < 0.03
    assert abs(numbers.std() - 1) < 0.03
    shipped = torch.tensor(SHIPPED)
    torch.testing.assert_close(latent_of(7, 100)[:4], shipped, rtol=0, atol=1e-6)


def test_a_latent_sent_is_the_latent_used():
    latent = latent_of(3, 100).tolist()
    assert encode(latent=json.dumps(latent)).batch.tolist() == [latent]
    assert encode(latent=json.dumps([latent, latent])).batch.shape == (2, 100)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "seed-missing"),
        *[({"seed": s}, "seed-invalid") for s in ("", "x", "1,", "-1", "1.5", "4294967296", "٣", "1," * 64 + "1")],
        *[
            ({"latent": latent}, "latent-invalid")
            for latent in ("", "{", "7", "[]", "[[]]", "[1,2]", json.dumps([["x"] * 100]), json.dumps([True] * 100),
                           json.dumps([float("nan")] * 100), "[" + "1e400," * 99 + "1]", json.dumps([[0] * 100] * 65),
                           json.dumps([[0] * 100, 3]), "[" * 100000, f"[{'9' * 5000}]")
        ],
        ({"seed": "1", "latent": json.dumps([0] * 100)}, "seed-invalid"),
        ({"seed": "1", "image": b"x"}, "field-not-taken"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(sent, code):
    with pytest.raises(DynamicNetError) as refused:
        encode(**sent)
    assert refused.value.code == code
    assert refused.value.status == 422


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (4, 2, 2), (5, 3, 2), (64, 8, 8)])
def test_the_picture_is_a_grid_row_by_row_and_what_is_left_is_white(count, columns, rows):
    encoded = encode(seed=",".join(map(str, range(count))))
    assert (encoded.columns, encoded.size) == (columns, (64 * columns, 64 * rows))
    greys = torch.arange(count).view(-1, 1, 1, 1) / 255
    picture = finish(APPLICATION.decode(greys.expand(count, 3, 64, 64), encoded))
    assert picture.size == encoded.size
    for i in range(columns * rows):
        cell = picture.getpixel((i % columns * 64 + 63, i // columns * 64))
        assert cell == ((i,) * 3 if i < count else (255,) * 3)


@pytest.mark.parametrize("name", ["upsampling", "dcgan"])
@torch.inference_mode()
def test_a_picture_does_not_depend_on_what_is_made_next_to_it(name):
    network = NETWORKS[name]()
    axis = AxisSpec(id="a", title="A", ends=("x", "y"), blocks=network.default_points)
    net = DynamicNet(network, [axis]).eval()
    for parameter in net.axes.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    latents = torch.stack([latent_of(seed, 100) for seed in (1, 2)])
    together = net(latents, {"a": per_picture([1.0, 0.5])})
    assert together.shape == (2, 3, 64, 64)
    assert 0 <= together.min() < together.max() <= 1
    torch.testing.assert_close(net(latents[1:], 0.5), together[1:], rtol=0, atol=1e-5)
    assert (net(latents[:1], 0.0) - together[:1]).abs().max() > 1e-4


@pytest.mark.parametrize("sent", [{"image": "photo.jpg"}, {"seed": 1}, {"seed": [1, 2]}, {"latent": [0.0]}])
def test_what_is_of_another_type_is_refused_where_it_is_made(sent):
    with pytest.raises(DynamicNetError, match=f"^{next(iter(sent))} is ") as refused:
        Inputs(**sent)
    assert refused.value.code == "inputs-invalid"


def choosing() -> MainNetwork:
    """A generator that chooses among four latents of two numbers: it likes the first of those to be 1 or more."""
    network = NETWORKS["upsampling"](latent=2, channels=(8, 8, 8, 8, 8), candidates=4).eval()
    network.chooser.get_buffer("weight0")[0, 0] = 1
    for layer in (1, 2):
        network.chooser.get_buffer(f"weight{layer}")[0, 0] = 1
    return network


@torch.inference_mode()
def test_a_seed_makes_the_picture_of_the_first_latent_that_is_good_enough_or_of_the_best():
    network = choosing()
    net = DynamicNet(network, [])
    seeds = finish(APPLICATION.encode(Inputs(seed=",".join(map(str, range(20)))), network)).batch
    best = torch.stack([max(drawn.split(2), key=lambda latent: latent[0].clamp(max=1)) for drawn in seeds])
    assert (
        len({tuple((drawn.view(4, 2) == latent).all(1).tolist()) for drawn, latent in zip(seeds, best, strict=True)})
        == 4
    )
    assert (best[:, 0] > 1).any()
    assert (best[:, 0] < 1).any()
    assert torch.equal(net(seeds, 0.0), net(best, 0.0))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.chooser(seeds.view(20, 4, 2)), best)


def test_a_latent_that_is_sent_is_not_chosen_among():
    assert finish(APPLICATION.encode(Inputs(latent="[1, -2]"), choosing())).batch.tolist() == [[1, -2]]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    """Dark and light squares, in two folders each."""
    folder = tmp_path_factory.mktemp("labelled")
    random = torch.Generator().manual_seed(0)
    for label, brightness in (("dark-a", 40), ("dark-b", 60), ("light-a", 200), ("light-b", 220)):
        (folder / label).mkdir()
        for i in range(24):
            colour = tuple((brightness + torch.randint(-30, 30, (3,), generator=random)).tolist())
            Image.new("RGB", (40, 48), colour).save(folder / label / f"{label}-{i}.png")
    (folder / "dark-a" / "notes.txt").write_text("not a picture")
    return folder


def test_a_pattern_chooses_folders_and_one_in_eight_is_held_out(labelled):
    parts = [Labelled(labelled, "dark-*", 16, held_out=part) for part in (False, True)]
    names = [{file.name for file in part.files} for part in parts]
    assert len(names[0] | names[1]) == 48
    assert not names[0] & names[1]
    assert all(is_held_out(file) for file in parts[1].files)
    assert {file.parent.name for file in parts[0].files} == {"dark-a", "dark-b"}
    batch = parts[0].batch(5, "seed")
    assert batch.shape == (5, 3, 16, 16)
    assert batch.max() < 0.5
    assert torch.equal(batch, parts[0].batch(5, "seed"))
    with pytest.raises(DynamicNetError, match="no pictures to train on of 'green-"):
        Labelled(labelled, "green-*", 16, held_out=False)


CELEBA = {
    "torchvision": ("list_attr_celeba.txt", "img_align_celeba", "jpg"),
    "authors": ("Anno/list_attr_celeba.txt", "Img/img_align_celeba", "jpg"),
    "authors, PNG": ("Anno/list_attr_celeba.txt", "Img/img_align_celeba_png", "png"),
    "Kaggle": ("list_attr_celeba.csv", "img_align_celeba/img_align_celeba", "jpg"),
}


def celeba(folder: Path, table: str, images: str, suffix: str) -> None:
    """40 pictures, the fourth part of them male."""
    (folder / images).mkdir(parents=True)
    (folder / table).parent.mkdir(exist_ok=True)
    rows = []
    for i in range(40):
        male = i % 4 == 0
        picture = Image.new("RGB", (178, 218), "white")
        picture.paste((255, 0, 0) if male else (0, 0, 255), (0, 20, 178, 198))
        picture.save(folder / images / f"{i + 1:06d}.{suffix}")
        rows.append((f"{i + 1:06d}.jpg", "-1", "1" if male else "-1"))
    if table.endswith("csv"):
        lines = ["image_id,Bald,Male", *map(",".join, rows)]
    else:
        lines = ["40", "Bald Male ", *map("  ".join, rows)]
    (folder / table).write_text("\r\n".join(lines) + "\r\n")


@pytest.mark.parametrize("form", CELEBA)
def test_celeba_is_read_in_every_form_it_is_handed_out(tmp_path, form):
    celeba(tmp_path, *CELEBA[form])
    counts = {
        s: sum(len(Labelled(tmp_path, s, 64, held_out=p).files) for p in (False, True)) for s in ("Male", "no-Male")
    }
    assert counts == {"Male": 10, "no-Male": 30}
    males = Labelled(tmp_path, "Male", 64, held_out=False).centres()[:, :, 1:-1]  # whose edges blend
    assert (males[:, 0] > 0.9).all()  # the centre square: red all over, nothing of the white above and below
    assert (males[:, 2] < 0.1).all()
    with pytest.raises(DynamicNetError, match="there are Bald, Male"):
        Labelled(tmp_path, "Blond", 64, held_out=False)


def test_pictures_that_are_listed_and_not_there_are_named(tmp_path):
    table, images, suffix = CELEBA["Kaggle"]
    celeba(tmp_path, table, images, suffix)
    (tmp_path / images / "000001.jpg").unlink()
    console = Console(file=io.StringIO(), width=80)
    males = [Labelled(tmp_path, "Male", 64, held_out=part, console=console) for part in (False, True)]
    assert sum(len(part.files) for part in males) == 9
    assert "1 listed and not there (000001.jpg)" in console.file.getvalue()
    for file in (tmp_path / images).iterdir():
        file.unlink()
    (tmp_path / "img_align_celeba.zip").write_bytes(b"PK")
    with pytest.raises(DynamicNetError, match=r"unpack img_align_celeba\.zip"):
        Labelled(tmp_path, "Male", 64, held_out=False)
    with (tmp_path / table).open("a") as rows:
        rows.write("000041.jpg,1")
    with pytest.raises(DynamicNetError, match=r"2 attributes, and has 1 values for '000041\.jpg'"):
        Labelled(tmp_path, "Male", 64, held_out=False)


def test_a_flat_folder_is_one_subset_or_several_by_name(tmp_path):
    for i in range(20):
        Image.new("RGB", (64, 64), "red" if i % 2 else "blue").save(tmp_path / f"{'old' if i % 2 else 'new'}-{i}.png")
    counts = [
        sum(len(Labelled(tmp_path, name, 64, held_out=part).files) for part in (False, True)) for name in ("*", "old-*")
    ]
    assert counts == [20, 10]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"), 8, 8, 8, 6)


def invoke(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=code == 1)
    assert result.exit_code == code, result.output
    return result.output


def command(labelled: Path, encoder: Path, out: Path, *more: object, run: str = "run") -> list[object]:
    return [
        *("train", "generation", "--data", labelled, "--encoder", encoder, "--channels", "16,16,12,8,8"),
        *("--out", out, "--title", "Squares", "--run", out.parent / run),
        *("--axis-title", "Light", "--ends", "dark,light", "--main-steps", 6, "--axis-steps", 6, "--batch", 4, *more),
    ]


def train(*recipe: object, **run: str) -> None:
    invoke(*command(*recipe, **run))


@pytest.fixture(scope="module")
def trained(labelled, encoder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("weights") / "squares"
    train(labelled, encoder, out, *ENDS, "--axis-id", "light")
    return out


def test_training_says_what_it_did(trained):
    manifest = package.read_manifest(trained)
    assert manifest.application == "generation"
    assert [phase.objective["subset"] for phase in manifest.training.phases] == ["dark-*", "light-*"]
    assert [phase.axis for phase in manifest.training.phases] == [None, "light"]
    assert any(
        block.abs().max() > 0 for block in package.load(trained).net.axes["light"].block("high", "up8").parameters()
    )


def test_a_second_axis_leaves_the_network_and_the_first_as_they_are(trained, labelled, encoder):
    out = trained.parent / "more"
    train(labelled, encoder, out, "--base", trained, "--to", "dark-b", "--axis-id", "b", run="more-run")
    before, after = (package.load(folder).net.state_dict() for folder in (trained, out))
    assert all(torch.equal(after[name], before[name]) for name in before)
    manifest = package.read_manifest(out)
    assert [axis.id for axis in manifest.axes] == ["light", "b"]
    assert [phase.axis for phase in manifest.training.phases] == [None, "light", "b"]
    assert len(manifest.training.commands) == 2


def test_a_run_that_was_stopped_ends_with_the_same_bits(trained, labelled, encoder, tmp_path, monkeypatch):
    real, calls = judged.fool_loss, []

    def stop_at_the_tenth(scores):
        calls.append(1)
        if len(calls) == 10:  # in the middle of phase two, past its checkpoint
            raise KeyboardInterrupt
        return real(scores)

    ends = (*ENDS, "--axis-id", "light")
    monkeypatch.setattr(judged, "fool_loss", stop_at_the_tenth)
    out = tmp_path / "squares"
    result = CliRunner().invoke(app, list(map(str, command(labelled, encoder, out, *ends))))
    assert result.exit_code != 0
    assert not out.exists()
    monkeypatch.setattr(judged, "fool_loss", real)
    train(labelled, encoder, out, *ends)
    assert (out / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ENDS[:2],
        ENDS[2:],
        ("--ends", "dark", *ENDS),
        ("--channels", "8,8", *ENDS),
        ("--channels", "16,8,nan", *ENDS),
        ("--axis-id", "hairColor", *ENDS),
        ("--title", "a" * 81, *ENDS),
        ("--base", WEIGHTS / "great-wave", *ENDS[2:]),
    ],
)
def test_what_makes_no_axis_or_package_is_refused_before_any_step(labelled, encoder, tmp_path, options):
    with pytest.raises(DynamicNetError) as refused:
        train(labelled, encoder, tmp_path / "out", "--axis-id", "a", *options)
    assert refused.value.code == "recipe-invalid"


@pytest.mark.long
def test_evaluation_measures_and_writes(trained, labelled, encoder):
    direct = trained.parent / "direct"
    ends = ("--from", "light-*", "--to", "dark-*", "--axis-id", "none")
    train(labelled, encoder, direct, *ends, "--axis-steps", 0, run="direct-run")
    printed = invoke(
        *("evaluate", "squares", "--weights", trained.parent, "--images", labelled, "--encoder", encoder),
        *("--limit", 12, "--against", direct, "--write", "--out", trained.parent / "measured"),
    )
    measured = package.read_manifest(trained).measured
    light = measured["axes"]["light"]
    assert measured["seeds"] == 12
    assert light["classifier_accuracy"] > 0.9
    assert len(light["share"]) == len(light["probability"]) == 11
    frechet_ = light["frechet"]
    assert (light["low"][0], light["high"][-1]) == (frechet_["0 to from"], frechet_["1 to to"])
    assert len(light["low"]) == len(light["high"]) == 11
    row = (trained.parent / "measured" / "light" / "curve.csv").read_text().splitlines()[-1]
    assert row.split(",") == ["squares", "1.0", str(light["low"][-1]), "", str(light["high"][-1]), ""]
    assert frechet_["ratio"] == pytest.approx(frechet_["1 to to"] / frechet_["direct to to"], rel=0.05)
    assert "held-out real pictures" in printed


def test_what_a_generator_has_no_use_for_is_refused(trained, labelled, encoder):
    with pytest.raises(DynamicNetError, match="'squares' is measured without --all"):
        invoke("evaluate", "squares", "--weights", trained.parent, "--images", labelled, "--all")


def test_the_classifier_tells_real_pictures_apart(encoder):
    random = torch.Generator().manual_seed(0)
    low, high = (torch.rand(60, 3, 32, 32, generator=random) * 0.3 + base for base in (0.1, 0.5))
    classifier = train_classifier(Encoder(encoder), low[:40], high[:40], steps=60, batch=16)
    assert (classify(classifier, low[40:]) < 0.5).all()
    assert (classify(classifier, high[40:]) > 0.5).all()


def test_frechet_distance_of_normal_distributions():
    random = torch.Generator().manual_seed(0)
    a = torch.randn(20000, 3, generator=random, dtype=torch.float64)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, a + torch.tensor([3.0, 0, 4.0])) == pytest.approx(25, rel=1e-6)
    b = 2 * torch.randn(20000, 3, generator=random, dtype=torch.float64)
    assert frechet(a, b) == pytest.approx(3, rel=0.05)  # (2 − 1)² in each of three dimensions


def test_variety_is_the_mean_distance():
    assert variety(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])) == pytest.approx(10 / 3)


def test_drawing_heads(tmp_path):
    pytest.importorskip("resvg_py")
    errors = pytest.importorskip("dicebear.errors")
    for folder in ("a", "b"):
        invoke("draw-heads", tmp_path / folder, "--count", 8, "--seed", 3)
    files = sorted(file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.png"))
    assert len(files) == 8
    with (tmp_path / "a" / TABLE).open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert {file.as_posix() for file in files} == {row["file"] for row in rows}
    for row in rows:  # a head's folder says at which end of each axis it is
        assert row["file"].split("/")[0] == "-".join(row[axis] for axis in AXES)
    folders = [file.parent.name for file in files]
    assert folders.count("dark-light-shaven-bare") == 3
    assert {"blond-light-shaven-bare"} < set(folders)
    assert [folder.endswith("-glasses") for folder in folders].count(True) == 1
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        with Image.open(tmp_path / "a" / file) as head:
            assert head.size == (128, 128)
    with pytest.raises(DynamicNetError, match="something in"):
        draw_heads(tmp_path / "a", 1, 0)
    with pytest.raises(errors.OptionsValidationError):
        draw_heads(tmp_path / "c", 8, 3, side=0)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}, "nothing is left of what was not drawn to its end"


LEFT = {"red": (200, 0, 0), "green": (0, 200, 0)}
RIGHT = {"blue": (0, 0, 200), "black": (0, 0, 0), "yellow": (200, 200, 0)}


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> Path:
    """Squares of two colours, which may be lighter, and may have a white bar: every combination, several times."""
    folder = tmp_path_factory.mktemp("described")
    rows = ["file,light,bar,left,right"]
    for i in range(20):
        for light, bar, left, right in product(("dim", "light"), ("plain", "barred"), LEFT, RIGHT):
            label = f"{light}-{bar}"
            (folder / label).mkdir(exist_ok=True)
            picture = Image.new("RGB", (32, 32), LEFT[left])
            picture.paste(RIGHT[right], (16, 0, 32, 32))
            picture = picture.point(lambda level, more=50 * (light == "light"): level + more)
            if bar == "barred":
                picture.paste("white", (0, 12, 32, 20))
            name = f"{label}/{left}-{right}-{i}.png"
            picture.save(folder / name)
            rows.append(f"{name},{light},{bar},{left},{right}")
    (folder / TABLE).write_text("\n".join(rows) + "\n")
    return folder


def teach(described: Path, out: Path, *more: object) -> None:
    invoke(
        *("train", "generation", "--data", described, "--out", out, "--title", "Squares", "--run", f"{out}-run"),
        *("--channels", "16,16,12,8", "--axis-title", "A", "--ends", "a,b", "--batch", 8, *more),
        *("--main-steps", 100, "--axis-steps", 360, "--main-rate", 2e-2, "--axis-rate", 1e-2),
    )


@pytest.fixture(scope="module")
def taught(described, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("taught")
    teach(described, folder / "one", "--from", "dim-plain", "--to", "light-plain", "--axis-id", "light")
    teach(described, folder / "both", "--base", folder / "one", "--to", "dim-barred", "--axis-id", "bar")
    return folder / "both"


@pytest.mark.long
def test_where_a_table_describes_pictures_they_are_drawn_as_described(taught, described):
    loaded = package.load(taught)
    assert loaded.manifest.network.params["choices"] == [2, 3]
    phases = loaded.manifest.training.phases
    assert [phase.objective["subset"] for phase in phases] == ["dim-plain", "light-plain", "dim-barred"]
    assert phases[0].objective["choices"] == {"left": ["green", "red"], "right": ["black", "blue", "yellow"]}
    table = PartsTable(described)
    some = Described(table, "dim-plain", None, {}, 32, held_out=True)
    latents, _, wanted = some.drawn(some.files)
    with torch.inference_mode():
        assert (loaded.net(latents, {}) - wanted).abs().mean() < 0.03


def test_what_an_axis_changes_counts_as_much_as_the_whole_picture():
    before, after = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    after[0, :, 1, 2] = 0.3
    share = share_of_change(before, after)
    assert share[0, 0, 1, 2] == pytest.approx(16)
    assert share.sum() == share[0, 0, 1, 2]  # nowhere else, and nowhere at all in the second, which stays


@pytest.mark.long
def test_axes_that_were_taught_one_on_top_of_the_other_mix(taught, described):
    net = package.load(taught).net
    assert [spec.blocks[-1] for spec in net.specs] == ["up32", "up32"]  # at full size, for edges as sharp as told
    barred = Described(PartsTable(described), "dim-plain", "dim-barred", {"light": "light"}, 32, held_out=True)
    latents, alphas, wanted = barred.drawn(barred.files)
    assert set(alphas["light"].tolist()) == {0.0, 1.0}  # the second axis is learned with the first at either end
    with torch.inference_mode():
        without, mixed = (
            net(latents, {"light": per_picture(alphas["light"].tolist()), "bar": bar}) for bar in (0.0, 1.0)
        )
        half = net(latents, {"light": 0.5})
        ends = [net(latents, {"light": alpha}) for alpha in (0.0, 1.0)]
    assert (mixed - wanted).abs().mean() < 0.4 * (without - wanted).abs().mean()
    assert (half - sum(ends) / 2).abs().mean() < 0.3 * (ends[1] - ends[0]).abs().mean()


@pytest.mark.long
def test_evaluation_says_how_near_they_come_to_what_is_described(taught, described, encoder):
    printed = invoke(
        *("evaluate", "both", "--weights", taught.parent, "--images", described, "--encoder", encoder),
        *("--limit", 60, "--write", "--out", taught.parent / "measured"),
    )
    levels = package.read_manifest(taught).measured["decibels"]
    assert set(levels) == {"0", "1", "2"}
    assert 15 < levels["2"] < levels["0"] < 60
    assert f"0 {levels['0']:.1f} dB" in printed


def test_every_seed_is_one_of_each_choice_all_as_often():
    network = NETWORKS["upsampling"](channels=(8, 8, 8, 8), choices=(2, 3))
    latents = torch.stack([latent_of(seed, network.latent) for seed in range(600)])
    chosen = network._chosen(latents)
    assert torch.equal(chosen[:, :2].sum(1), torch.ones(600))
    assert torch.equal(chosen[:, 2:].sum(1), torch.ones(600))
    assert (chosen.mean(0) - torch.tensor([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3])).abs().max() < 0.06


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "dim-plain", "--to", "light-plain", "--axis-id", "bar"), "which is 'light'"),
        (("--from", "dim-plain", "--to", "light-barred", "--axis-id", "bar"), "it differs in light, bar"),
        (("--from", "dim-plain", "--to", "dim-plain", "--axis-id", "bar"), "other than --from"),
        (("--from", "dim-plain", "--to", "round", "--axis-id", "bar"), "names no picture of 'round'"),
        (("--from", "dim-plain", "--to", "light-plain", "--axis-id", "light", "--likeness", 2), "have no use"),
    ],
)
def test_axes_that_are_no_part_and_options_without_use_are_refused(described, tmp_path, options, said):
    with pytest.raises(DynamicNetError, match=said):
        teach(described, tmp_path / "out", *options)


def test_a_table_that_is_none_is_refused(tmp_path):
    for rows in ("name,a\nx.png,1", "file,a\nx.png", "file,a\nx.png,1,2"):
        (tmp_path / TABLE).write_text(rows)
        with pytest.raises(DynamicNetError, match="line 2 is not so"):
            PartsTable(tmp_path)
    for rows in ("file,a\n/x.png,1", "file,a\nx.png,1\nx.png,2", "file,a\n,1"):
        (tmp_path / TABLE).write_text(rows)
        with pytest.raises(DynamicNetError, match="names each picture once"):
            PartsTable(tmp_path)
    (tmp_path / TABLE).write_bytes("file,a\nx.png,é".encode("latin-1"))
    with pytest.raises(DynamicNetError, match="cannot be read"):
        PartsTable(tmp_path)


@pytest.mark.long
def test_what_was_taught_needs_the_table_it_was_taught_by(taught, described, labelled, tmp_path):
    again = ("--base", taught, "--to", "light-a", "--axis-id", "b")
    with pytest.raises(DynamicNetError, match="needs a table"):
        teach(labelled, tmp_path / "out", *again)
    (tmp_path / TABLE).write_text((described / TABLE).read_text().replace("red", "rouge"))
    with pytest.raises(DynamicNetError, match="other parts than the model"):
        teach(tmp_path, tmp_path / "out", *again)


def test_what_is_at_neither_end_of_an_axis_is_left_out(described, tmp_path):
    rows = (described / TABLE).read_text()
    (tmp_path / TABLE).write_text(
        rows.replace("light-barred/red-blue-0.png,light", "light-barred/red-blue-0.png,bright")
    )
    for label in ("dim-barred", "light-barred", "dim-plain", "light-plain"):
        (tmp_path / label).symlink_to(described / label)
    table = PartsTable(tmp_path)
    barred = Described(table, "dim-plain", "dim-barred", {"light": "light"}, 32, held_out=None)
    assert len(barred.files) == 2 * 120 - 1
    with pytest.raises(DynamicNetError, match="nothing differs"):
        Described(table, "dim-plain/red-blue-*", None, {}, 32, held_out=None)


def test_mosaic_keeps_the_order():
    assert mosaic(torch.arange(4.0).view(4, 1, 1, 1), 2).tolist() == [[[[0, 1], [2, 3]]]]
