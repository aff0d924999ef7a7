"""Files that a later start trusts are replaced whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

LONGEST = 255
"""Bytes of a file's name."""


@contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A path to write to; what is there takes the file's place in the end, unless something is raised.

    Whoever is stopped meanwhile, or reads the file, finds the old one or the new one. Its folder is made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    name = f"{file.name}.partial"
    if len(os.fsencode(name)) > LONGEST:
        name = f"{blake2b(os.fsencode(name), digest_size=16).hexdigest()}.partial"
    partial = file.with_name(name)
    try:
        yield partial
        partial.replace(file)
    except BaseException:  # Ctrl-C too
        partial.unlink(missing_ok=True)
        raise
