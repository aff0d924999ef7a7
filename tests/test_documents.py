"""What the documents tell people to type does what they say."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from dynamicnet.method.blocks import AxisSpec
from dynamicnet.package import Manifest, NetworkSpec, Phase, Training
from server.settings import ROOT

SAMPLES = ROOT / "static" / "samples"
SECTIONS = {
    "model.json": Manifest,
    "network": NetworkSpec,
    "axes": AxisSpec,
    "training": Training,
    "training.phases": Phase,
}


def test_every_field_of_a_manifest_is_described():
    described = re.split(r"^##+ (.+)$", (ROOT / "docs" / "packages.md").read_text(), flags=re.MULTILINE)
    sections = dict(zip(described[1::2], described[2::2], strict=True))
    for title, model in SECTIONS.items():
        firsts = [line.split("|")[1] for line in sections[title].splitlines() if line.startswith("| `")]
        assert re.findall(r"`(\w+)`", " ".join(firsts)) == list(model.model_fields), title


@pytest.mark.slow
def test_the_network_and_the_application_that_are_worked_through_work(tmp_path):
    text = (ROOT / "docs" / "extending.md").read_text()
    shutil.copytree(ROOT / "dynamicnet", tmp_path / "dynamicnet", ignore=shutil.ignore_patterns("__pycache__"))
    for code in re.findall(r"```python\n(.+?)```", text, re.DOTALL):
        file = tmp_path / re.match(r"# (\S+)\n", code)[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
    (tmp_path / "dynamicnet" / "applications" / "fade" / "__init__.py").write_text('"""Fading."""\n')
    networks, applications = re.findall(r"```diff\n\+(.+)\n\+(.+)\n```", text)
    for part, (line, entry), before in (("networks", networks, "}"), ("applications", applications, "Restoration())")):
        file = tmp_path / "dynamicnet" / part / "__init__.py"
        changed = file.read_text().replace("\n\n", f"\n\n{line}\n", 1)
        assert before in changed
        entry = entry.strip() + ("\n}" if before == "}" else ")")
        file.write_text(changed.replace(before, entry, 1))
    for i in range(20):
        for sample in SAMPLES.glob("*.jpg"):
            (tmp_path / "photographs").mkdir(exist_ok=True)
            shutil.copy(sample, tmp_path / "photographs" / f"{i}-{sample.name}")
    shutil.copy(SAMPLES / "coffee.jpg", tmp_path / "photo.jpg")

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dynamicnet", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    shell = re.findall(r"^dynamic-net (.+)$", text, re.MULTILINE)
    kept, *shell = shell
    assert [line.split()[0] for line in (kept, *shell)] == ["train", "train", "infer", "evaluate"]
    (tmp_path / "weights").mkdir()
    shutil.copy(ROOT / "weights" / "encoder.safetensors", tmp_path / "weights")
    imports = "import torch; from dynamicnet.networks import NETWORKS"
    for words in (("-c", f"{imports}; torch.save(NETWORKS['plain']().state_dict(), 'plain.pth')"), ("keep.py",)):
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, env=environment)
    few = ("--axis-steps", "1", "--path-steps", "1", "--batch", "1", "--crop", "64", "--size", "64")
    run(*kept.split(), *few)
    theta = load_file(tmp_path / "weights" / "plain" / "model.safetensors")
    tuned = load_file(tmp_path / "weights" / "tuned" / "model.safetensors")
    for name, tensor in theta.items():
        if name.startswith("network."):
            torch.testing.assert_close(tuned[name].float(), tensor, rtol=1e-3, atol=1e-6)
    run(*shell[0].split(), "--steps", "60")
    run(*shell[1].split(), "--max-side", "64")
    assert (tmp_path / "faded.png").stat().st_size > 0
    run(*shell[2].split(), "--side", "64", "--out", "measured")
    figures = json.loads((tmp_path / "weights" / "fade" / "model.json").read_text())["measured"]["axes"]["fade"]
    assert figures["low"][0] < figures["low"][-1]
    assert figures["high"][0] > figures["high"][-1]
    ours = [tmp_path / "dynamicnet" / "networks" / "plain.py", tmp_path / "dynamicnet" / "applications" / "fade"]
    for check in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *check, "--config", ROOT / "pyproject.toml", *ours], check=True)
