"""A folder of photographs into another: names are kept, and what is there already is not made again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import track

from dynamicnet.errors import DynamicNetError, printable, reason
from dynamicnet.files.replaced import replaced
from dynamicnet.pictures import FORMATS
from dynamicnet.training.photos import NO_PICTURE, UNREADABLE, find

OF_ONE = ("picture-", "mask-")
"""How codes of errors begin that are one photograph's, and not everyone's."""

SETTINGS = ".dynamic-net.json"
"""A file among the pictures that are made, of what they were made with."""

SAME = {"jpg": "jpeg"}
"""Formats by the suffixes that are not their names."""


def format_of(file: Path) -> str:
    """What its suffix asks for, whether or not there is such a format."""
    suffix = file.suffix.lower().lstrip(".")
    return SAME.get(suffix, suffix)


def each(
    folder: Path,
    out: Path,
    make: Callable[[Path, str], bytes],
    settings: Mapping[str, object],
    console: Console,
) -> tuple[str, bool]:
    """Make a picture of every photograph in a folder, its subfolders included.

    Each is written whole or not at all, so that the same again goes on where this was stopped, and makes those anew
    whose photograph was replaced.

    Args:
        folder: where they are.
        out: where to; the names are kept, and PNG's suffix is added where theirs is of no format that is written.
        make: makes a picture file of a photograph, in a format.
        settings: what it makes it with, in words of JSON.
        console: where the progress is shown, and files named that cannot be used.

    Returns:
        A sentence on what was done, and whether all photographs could be used.

    Raises:
        DynamicNetError: ``output-refused``, as where pictures of other settings are, ``no-pictures``, or what is wrong
            with more than one photograph.
    """
    if out.resolve() == folder.resolve():
        raise DynamicNetError("output-refused", f"What is made of '{folder}' needs a folder of its own; name another.")
    if out.exists() and not out.is_dir():
        raise DynamicNetError("output-refused", f"'{out}' is a file; what is made of '{folder}' needs a folder.")
    if not out.exists() and format_of(out) in FORMATS:
        raise DynamicNetError("output-refused", f"'{out}' is a picture's name; '{folder}' needs a folder.")
    _check(out, settings)
    files, others = find(folder)
    files = [file for file in files if out.resolve() not in file.resolve().parents]
    names = {file.relative_to(folder) for file in files}
    if not files:
        raise DynamicNetError("no-pictures", f"There are no pictures in '{folder}'.")
    made, there, left_out = 0, 0, 0
    for file in (file for file, why in others.items() if why == UNREADABLE):
        left_out += 1
        console.print(f"Left out: {printable(str(file))}: it leads to no file", style="red", soft_wrap=True)
    for file in track(files, "painting", console=console, transient=True, disable=not console.is_terminal):
        name = file.relative_to(folder)
        while format_of(name) not in FORMATS or (name in names and folder / name != file):  # another's
            name = name.with_name(f"{name.name}.png")
        target = out / name
        if target.exists() and target.stat().st_mtime >= file.stat().st_mtime:
            there += 1
            continue
        try:
            data = make(file, format_of(target))
        except KeyboardInterrupt:
            console.print(f"{out}: stopped, {made} made; the same command goes on from there.", soft_wrap=True)
            raise
        except (DynamicNetError, OSError) as error:
            if isinstance(error, DynamicNetError) and not error.code.startswith(OF_ONE):
                raise
            left_out += 1
            console.print(f"Left out: {printable(str(file))}: {reason(error)}", style="red", soft_wrap=True)
            continue
        if not made:
            _write(out / SETTINGS, json.dumps(settings).encode())
        _write(target, data)
        made += 1
    unnamed = sum(why == NO_PICTURE for why in others.values())
    also = {"there already": there, "left out": left_out, "without a picture's suffix": unnamed}
    said = [f"{number} {what}" for what, number in also.items() if number]
    return "; ".join([f"{out}: {made} made", *said]), not left_out


def _check(out: Path, settings: Mapping[str, object]) -> None:
    """What is kept must be what would be made.

    Raises:
        DynamicNetError: ``output-refused``.
    """
    try:
        before = json.loads((out / SETTINGS).read_bytes())
    except (OSError, ValueError):
        return
    if before != settings and isinstance(before, dict):
        differ = [(name, value) for name, value in before.items() if settings.get(name) != value]
        others = [f"no {name}" if value is None else f"{name} {value}" for name, value in differ]
        raise DynamicNetError(
            "output-refused",
            f"What is in '{out}' was made with {', '.join(others)}; name another folder, or remove that one.",
        )


def _write(target: Path, data: bytes) -> None:
    try:
        with replaced(target) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise DynamicNetError("output-refused", f"Cannot write '{target}': {reason(error)}.") from None
