"""/openapi.json as others read it: a client that a generator makes of it works, and what it allows is taken."""

import importlib
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from PIL import Image


@pytest.fixture(scope="module")
def described(http: httpx.Client) -> dict:
    return http.get("/openapi.json").json()


def test_a_generated_client_renders_a_picture(http, models, photo, tmp_path, monkeypatch):
    pytest.importorskip("openapi_python_client")
    (tmp_path / "openapi.json").write_text(http.get("/openapi.json").text)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--path", tmp_path / "openapi.json"),
            *("--meta", "none", "--output-path", tmp_path / "generated", "--fail-on-warning"),
            *("--config", ROOT / "docs" / "openapi-python-client.yaml"),
        ],
        env={"PATH": str(Path(sys.executable).parent)},  # where it looks for ruff
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    client = importlib.import_module("generated").Client(str(http.base_url), timeout=60)
    infer = importlib.import_module("generated.api.infer.infer_infer_post").sync
    body = importlib.import_module("generated.models").BodyInferInferPost
    file = importlib.import_module("generated.types").File
    picture = file(photo.open("rb"), "photo.jpg", "image/jpeg")
    made = infer(client=client, body=body(image=picture, model=models[0]["id"], alpha="0.5", max_side=64))
    assert not hasattr(made, "detail"), made.detail
    with Image.open(made.payload) as rendered:
        assert max(rendered.size) == 64
    refused = infer(client=client, body=body(image=picture, model="no-such-model"))
    assert (refused.status, refused.code) == (404, "model-unknown")


def test_problems_are_described_once_and_fields_of_forms_are_never_null(described):
    bodies = [schema for name, schema in described["components"]["schemas"].items() if name.startswith("Body_")]
    assert bodies
    fields = [field for body in bodies for field in body["properties"].values()]
    assert not [field for field in fields if {"type": "null"} in field.get("anyOf", ())]
    problems = [
        content["schema"]
        for path in described["paths"].values()
        for operation in path.values()
        for reply in operation["responses"].values()
        for kind, content in reply.get("content", {}).items()
        if kind == "application/problem+json"
    ]
    assert problems
    assert all(schema == {"$ref": "#/components/schemas/Problem"} for schema in problems)
