"""Files that a later start trusts are replaced whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A path to write to; what is there takes the file's place in the end, unless something is raised.

    Whoever is stopped meanwhile, or reads the file, finds the old one or the new one. Its folder is made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    try:
        yield partial
        partial.replace(file)
    except BaseException:  # Ctrl-C too
        partial.unlink(missing_ok=True)
        raise
