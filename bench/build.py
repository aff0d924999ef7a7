"""An earlier build of this repository, unpacked."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def unpacked(commit: str) -> Iterator[Path]:
    """The folder that a commit's files lie in, for as long as the context lasts."""
    with TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "archive", commit], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)
