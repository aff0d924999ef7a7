"""What decoders do to their process at worst, without a file that would make a real one do it."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Seen:
    pictures: list[Image.Image]
    modules: set[str]


def look(data: bytes, *sizes: tuple[int, int]) -> Seen:
    """Pictures of some sizes in the colour of the data, and what is loaded where they were made."""
    return Seen([Image.new("RGBA", size, tuple(data)) for size in sizes], set(sys.modules))


def abort(data: bytes) -> None:
    os.abort()


def hang(data: bytes) -> None:
    time.sleep(600)


def spin(data: bytes) -> None:
    while True:
        pass


def allocate(data: bytes) -> int:
    return len(bytearray(64 * 2**30))


def tell_and_hang(data: bytes) -> None:
    """Write the process's id to a file of that name."""
    Path(data.decode()).write_text(str(os.getpid()))
    time.sleep(600)
