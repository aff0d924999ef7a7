"""What decoders do to their process at worst, without a file that would make a real one do it."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dynamicnet import decode as real
from dynamicnet.decode import Decoded


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


def decode(data: bytes, *args: object) -> Decoded:
    """The real decoder, but for files that say what harm to do."""
    harms = {b"abort": abort, b"hang": hang, b"allocate": allocate}
    harm = harms.get(data.partition(b" ")[0])
    return harm(data) if harm else real.decode(data, *args)


if __name__ == "__main__":  # a server that decodes with it, and has little patience
    import stand_ins

    from dynamicnet import decoders, pictures
    from server.__main__ import main

    pictures.decode = stand_ins.decode
    decoders.SECONDS = 3.0
    main()
