"""Who may import whom: an application is one folder, and the method knows none of them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import ROOT

APPLICATIONS = sorted(path.parent.name for path in (ROOT / "dynamicnet/applications").glob("*/__init__.py"))
ANY = "dynamicnet.applications"


def imported(file: Path) -> set[str]:
    """Dotted names of all that a file imports, within functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def within(folder: str) -> dict[str, set[str]]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    return {str(file.relative_to(ROOT)): imported(file) for file in files}


@pytest.mark.parametrize("part", ["method", "networks", "training", "evaluation", "objectives"])
def test_what_applications_share_imports_none_of_them(part):
    for file, names in within(f"dynamicnet/{part}").items():
        assert not [name for name in names if name.startswith(ANY)], file


@pytest.mark.parametrize("application", APPLICATIONS)
def test_an_application_imports_no_other(application):
    others = [f"{ANY}.{other}" for other in APPLICATIONS if other != application]
    for file, names in within(f"dynamicnet/applications/{application}").items():
        assert not [name for name in names if name.startswith(tuple(others))], file


def test_the_server_knows_applications_by_their_protocol_alone():
    for file, names in within("server").items():
        assert not [name for name in names if name.startswith(tuple(f"{ANY}.{one}" for one in APPLICATIONS))], file
    program = "import server.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    unwanted = ("training", "evaluation", "objectives", "recipe", "evaluate", "command", "commands", "cli")
    loaded = [name for name in done.stdout.split() if name.startswith("dynamicnet.")]
    assert not [name for name in loaded if set(name.split(".")) & set(unwanted)]


def test_the_server_and_the_page_name_no_application():
    files = [file for folder in ("server", "static/js", "templates") for file in (ROOT / folder).rglob("*.*")]
    named = re.compile(rf"""["'`]({"|".join(APPLICATIONS)})["'`]""")
    assert not [file for file in files if file.suffix in {".py", ".js", ".html"} and named.search(file.read_text())]
