"""``make web``: the page as a folder of files that runs models in the visitor's own browser; see docs/web.md."""

import argparse
import json
import shutil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from dynamicnet import Model, package, pictures
from dynamicnet.applications import APPLICATIONS, DETAIL
from dynamicnet.errors import DynamicNetError
from dynamicnet.export import export
from server.http.files import styles
from server.http.routes.models import describe
from server.http.thumbnails import QUALITY, SIDE, telling
from server.settings import STATIC, TEMPLATES, Settings

HERE = Path(__file__).parent
RUNTIME = HERE / "node_modules" / "onnxruntime-web" / "dist"
WASM = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
WEBGPU = ("ort.jspi.min.mjs", "ort-wasm-simd-threaded.jspi.mjs", "ort-wasm-simd-threaded.jspi.wasm")
"""What runs models in WebAssembly, or on WebGPU: a browser fetches one of the two."""

READABLE = "image/png,image/jpeg,image/webp,image/gif,image/avif,image/bmp"
"""What every browser opens."""

MOST = 4_000_000
"""Pixels that a photograph is shrunk to: WebAssembly has 4 GB of memory at most."""


def build(out: Path, weights: Path, names: list[str]) -> None:
    """Write everything that a host of files has to serve.

    Args:
        out: the folder; files of the same names are replaced.
        weights: folder of model packages.
        names: which; all that take a photograph alone for none.

    Raises:
        DynamicNetError: ``model-unknown``.
    """
    fitting = {folder.name: folder for folder in package.find(weights) if _takes_a_photograph(folder)}
    for name in names:
        if name not in fitting:
            raise DynamicNetError(
                "model-unknown", f"No model '{name}' takes a photograph alone; these do: {', '.join(fitting)}."
            )
    shutil.copytree(STATIC, out / "static", dirs_exist_ok=True)
    (out / "static" / "css" / "page.css").write_bytes(styles(STATIC))
    shutil.copytree(HERE / "js", out / "static" / "js", dirs_exist_ok=True)
    (out / "static" / "js" / "ort").mkdir(exist_ok=True)
    for file in WASM + WEBGPU:
        shutil.copy(RUNTIME / file, out / "static" / "js" / "ort")
    page = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("index.html")
    modules = sorted(file.name for file in (out / "static" / "js").iterdir() if file.is_file())
    known = {"files": "static", "modules": modules, "thumbnails": [], "accept": READABLE, "max_bytes": 50_000_000}
    (out / "index.html").write_text(page.render(known), "utf-8")
    models = [_model(Model.load(folder, "cpu"), out) for name, folder in fitting.items() if not names or name in names]
    listed = {"models": models, "left_out": []}
    (out / "models.json").write_text(json.dumps(listed, ensure_ascii=False), "utf-8")


def _takes_a_photograph(folder: Path) -> bool:
    takes = APPLICATIONS[package.read_manifest(folder).application].takes
    return "image" in takes and "mask" not in takes


def _model(model: Model, out: Path) -> dict[str, object]:
    """Write a model, and say what the page has to know of it."""
    folder = out / "models" / model.id
    export(model.folder, folder)
    photo = pictures.write(pictures.read(min((STATIC / "samples").glob("*.jpg")).read_bytes(), SIDE))
    prepared = model.prepare(model.encode(model.application.example(photo)))
    picture = model.render(prepared, telling(model.manifest.axes))
    (folder / "thumbnail.jpg").write_bytes(pictures.write(picture, "jpeg", QUALITY))
    described = describe(model, MOST).model_dump(mode="json")
    for axis in described["axes"]:
        axis["auto"] = False  # it is found by the server
    network = model.net.network
    return described | {
        "thumbnail": f"models/{model.id}/thumbnail.jpg",
        "detail": DETAIL if network.gated else None,
        "multiple": network.multiple,
    }


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m web", description=__doc__)
    asked.add_argument("out", type=Path, help="folder to write to")
    asked.add_argument("names", nargs="*", help="models; all that take a photograph alone unless told otherwise")
    given = asked.parse_args()
    try:
        build(given.out, Settings().weights, given.names)
    except DynamicNetError as error:
        raise SystemExit(error.message) from None
