"""Clients that others write, or have written for them."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from server.settings import ROOT


def test_a_generated_client_renders_a_picture(http, models, photo, tmp_path, monkeypatch):
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{http.base_url}/openapi.json"),
        *("--config", ROOT / "docs/openapi-python-client.yaml", "--output-path", tmp_path / "made"),
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where ruff is, by which it formats what it makes
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "arning" not in said

    monkeypatch.syspath_prepend(tmp_path / "made")
    made = import_module("dynamic_net_client")
    infer, sweep, listed, thumbnail = (
        import_module(f"dynamic_net_client.api.{name}")
        for name in ("infer.infer", "sweep.sweep", "models.models", "models.thumbnail")
    )
    types, forms = import_module("dynamic_net_client.types"), import_module("dynamic_net_client.models")
    client = made.Client(f"{http.base_url}", timeout=60)
    model = next(model for model in listed.sync(client=client).models if "image" in model.takes)
    assert thumbnail.sync(model.id, client=client).payload.read(2) == b"\xff\xd8"

    fields = {"model": model.id, "alpha": "0", "max_side": 64}
    with photo.open("rb") as file:
        form = forms.BodyInfer(image=types.File(file, photo.name), format_=forms.BodyInferFormat.PNG, **fields)
        picture = infer.sync(client=client, body=form)
    reply = http.post("/infer", files={"image": photo.read_bytes()}, data=fields | {"format": "png"})
    assert picture.payload.read() == reply.content
    problem = sweep.sync(client=client, body=forms.BodySweep(model="no-such-model"))
    assert (problem.status, problem.code) == (404, "model-unknown")
