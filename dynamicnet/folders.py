"""A folder of photographs into another: names are kept, and what is there already is not made again."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import track

from dynamicnet.errors import DynamicNetError, printable, reason
from dynamicnet.files.replaced import replaced
from dynamicnet.pictures import FORMATS
from dynamicnet.training.photos import LINKED, LOCKED, NO_PICTURE, UNREADABLE, find

OF_ONE = ("picture-", "mask-", "detail-")
"""How codes of errors begin that are one photograph's, and not everyone's."""

ABSENT = {
    UNREADABLE: "it leads to no file",
    LINKED: "folders that are linked to are not looked into",
    LOCKED: "it may not be looked into",
}
"""What is said of what a person may take for a photograph, or for some."""

RECORD = ".dynamic-net.jsonl"
"""A file among the pictures that are made: what they are made with, and a line for each, of the photograph it is of."""

NAMED = 5
"""How many suffixes of what is no picture are named, at most."""

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
    whose photograph was replaced. Nothing is written over that was not made so.

    Args:
        folder: where they are.
        out: where to; the names are kept, and PNG's suffix is added where theirs is of no format that is written.
        make: makes a picture file of a photograph, in a format.
        settings: what it makes it with, in words of JSON.
        console: where the progress is shown, and files named that cannot be used.

    Returns:
        A sentence on what was done, and whether all photographs could be used.

    Raises:
        DynamicNetError: ``output-refused``, as where pictures of other settings or another folder are,
            ``no-pictures``, or what is wrong with more than one photograph.
    """
    if out.resolve() == folder.resolve():
        raise DynamicNetError("output-refused", f"What is made of '{folder}' needs a folder of its own; name another.")
    if out.exists() and not out.is_dir():
        raise DynamicNetError("output-refused", f"'{out}' is a file; what is made of '{folder}' needs a folder.")
    if not out.exists() and format_of(out) in FORMATS:
        raise DynamicNetError("output-refused", f"'{out}' is a picture's name; '{folder}' needs a folder.")
    record = _Record(out, {"photographs": str(folder.resolve()), **settings})
    files, others = find(folder)
    within = folder.resolve() in out.resolve().parents
    files = [file for file in files if not (within and out.resolve() in file.resolve().parents)]
    before = _made_before(folder, others)
    files = [file for file in files if not (file in before or record.made(file))]
    names = {file.relative_to(folder) for file in files}
    if not (files or any(why in ABSENT for why in others.values())):
        raise DynamicNetError("no-pictures", f"There are no pictures in '{folder}'.")
    made, there, left_out = 0, 0, 0

    def leave_out(file: Path, why: str) -> None:
        nonlocal left_out
        left_out += 1
        console.print(f"Left out: {printable(str(file))}: {why}", style="red", soft_wrap=True)

    def make_one(file: Path) -> None:
        nonlocal made, there
        name = file.relative_to(folder)
        while format_of(name) not in FORMATS or (name in names and folder / name != file) or (folder / name).is_dir():
            name = name.with_name(f"{name.name}.png")  # another's
        target = out / name
        try:
            known = record.knows(target, file)
            if known:
                there += 1
                return
            if known is None:
                leave_out(file, f"'{target}' is there, and was not made here")
                return
            data = make(file, format_of(target))
        except (DynamicNetError, OSError) as error:
            if isinstance(error, DynamicNetError) and not error.code.startswith(OF_ONE):
                raise
            leave_out(file, reason(error))
            return
        record.write(target, file, data)
        made += 1

    for file, why in others.items():
        if why in ABSENT:
            leave_out(file, ABSENT[why])
    try:
        for file in track(files, "painting", console=console, transient=True, disable=not console.is_terminal):
            make_one(file)
    except KeyboardInterrupt:
        console.print(f"{out}: stopped, {made} made; the same command goes on from there.", soft_wrap=True)
        raise
    suffixes = Counter(file.suffix.lower() or "none" for file, why in others.items() if why == NO_PICTURE)
    said = [f"{out}: {made} made"]
    said += [f"{count} {what}" for count, what in ((there, "there already"), (left_out, "left out")) if count]
    if suffixes:
        named = ", ".join(printable(suffix) for suffix, _ in suffixes.most_common(NAMED))
        said.append(f"{suffixes.total()} without a picture's suffix ({named}{', …' if len(suffixes) > NAMED else ''})")
    return "; ".join(said), not left_out


class _Record:
    """What was made in a folder, with what, and of which photographs."""

    def __init__(self, out: Path, settings: Mapping[str, object]) -> None:
        """Read it.

        Raises:
            DynamicNetError: ``output-refused``: what is kept must be what would be made.
        """
        self._out, self._settings = out, settings
        self._made: dict[str, str] = {}
        self._begun = False
        for line in _lines(out / RECORD):
            if "made" in line:
                self._made[str(line["made"])] = str(line.get("of"))
                continue
            self._begun = True
            differ = [(name, value) for name, value in line.items() if settings.get(name) != value]
            if differ:
                said = ", ".join(f"no {name}" if value is None else f"{name} {value}" for name, value in differ)
                sentence = f"What is in '{out}' was made with {said}; name another folder, or remove that one."
                raise DynamicNetError("output-refused", sentence)

    def knows(self, target: Path, photo: Path) -> bool | None:
        """Whether it was made of the photograph as it is now; None of what is there and was not made here."""
        of = self._made.get(self._name(target))
        if not target.exists():
            return False
        return None if of is None else of == _stamp(photo)

    def made(self, file: Path) -> bool:
        """Whether it was made here, as where a picture's folder is that of photographs."""
        file, out = file.resolve(), self._out.resolve()
        return out in file.parents and str(file.relative_to(out)) in self._made

    def write(self, target: Path, photo: Path, data: bytes) -> None:
        """Write what was made of a photograph.

        Raises:
            DynamicNetError: ``output-refused``.
        """
        lines = [] if self._begun else [self._settings]
        lines.append({"made": self._name(target), "of": _stamp(photo)})
        try:
            with replaced(target) as partial:
                partial.write_bytes(data)
                with (self._out / RECORD).open("a", encoding="utf-8") as file:
                    target.unlink(missing_ok=True)  # what is of a photograph's past never has its present's line
                    file.writelines(f"\n{json.dumps(line)}" for line in lines)
        except OSError as error:
            raise DynamicNetError("output-refused", f"Cannot write '{target}': {reason(error)}.") from None
        self._begun = True

    def _name(self, target: Path) -> str:
        return str(target.relative_to(self._out))


def _stamp(photo: Path) -> str:
    about = photo.stat()
    return f"{about.st_size} {about.st_mtime_ns}"


def _made_before(folder: Path, others: Iterable[Path]) -> set[Path]:
    """What was made in the folders of a folder, as records among its other files say."""
    records = (file for file in others if file.name == RECORD and file.parent != folder)
    return {record.parent / str(line["made"]) for record in records for line in _lines(record) if "made" in line}


def _lines(file: Path) -> Iterator[dict[str, object]]:
    """Those that can be read: one may be torn, where a process was killed.

    Raises:
        DynamicNetError: ``output-refused``.
    """
    try:
        lines = file.read_text("utf-8", "replace").splitlines() if file.exists() else ()
    except OSError as error:
        raise DynamicNetError("output-refused", f"Cannot read '{file}': {reason(error)}.") from None
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
