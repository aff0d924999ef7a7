"""Folders, of what no model is needed for: where they lie, and what a stop leaves."""

import os
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from dynamicnet.folders import each


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def copies(folder: Path, out: Path, console: Console | None = None) -> str:
    said, _ = each(folder, out, lambda photo, _: photo.read_bytes(), {}, console or Console(quiet=True))
    return said


def test_pictures_may_go_above_their_photographs_or_below(photos: Path) -> None:
    for out in (photos.parent, photos / "made"):
        assert copies(photos, out) == f"{out}: 2 made"
        assert (out / "b.png").read_bytes() == (photos / "b.png").read_bytes()
        assert copies(photos, out) == f"{out}: 0 made; 2 there already"


def test_what_was_made_in_a_folder_of_photographs_is_none_of_them(photos: Path) -> None:
    (photos / "photos").mkdir()
    Image.new("RGB", (7, 7)).save(photos / "photos" / "x.png")
    for suffix in ("\udcff", "1", "2", "3", "4", "5", "6"):
        (photos / f"z.{suffix}").write_bytes(b"no picture")
    assert copies(photos, photos.parent).startswith(f"{photos.parent}: 3 made; 7 without a picture's suffix (")
    said = copies(photos, photos.parent)
    assert said.startswith(f"{photos.parent}: 0 made; 3 there already; 7 without a picture's suffix (")
    assert said.endswith(", …)")
    said.encode()


def test_photographs_among_what_was_made_are_still_photographs(photos: Path) -> None:
    album = photos / "album"
    new = album / "new"
    new.mkdir(parents=True)
    for file in (album / "mine.png", new / "fresh.png"):
        Image.new("RGB", (7, 7)).save(file)
    copies(new, album)
    assert (album / "fresh.png").exists()
    out = photos.parent / "out"
    assert copies(photos, out) == f"{out}: 4 made"
    assert not (out / "album" / "fresh.png").exists()


def test_folders_that_may_not_be_looked_into_are_named(photos: Path, monkeypatch) -> None:
    (photos / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda file, _: file.name != "locked")  # for root, everything may
    console = Console(file=StringIO(), width=500)
    assert copies(photos, photos.parent / "out", console).endswith("2 made; 1 left out")
    assert f"Left out: {photos / 'locked'}: it may not be looked into" in console.file.getvalue()


def test_a_record_that_is_damaged_is_gone_on_from(photos: Path) -> None:
    out = photos.parent / "out"
    copies(photos, out)
    with (out / ".dynamic-net.jsonl").open("ab") as record:
        record.write(b"\n\xff\xfe")
    assert copies(photos, out) == f"{out}: 0 made; 2 there already"


def test_a_stop_while_a_picture_is_written_is_said_and_leaves_nothing_old(photos: Path, monkeypatch) -> None:
    out = photos.parent / "out"
    copies(photos, out)
    Image.new("RGB", (9, 9)).save(photos / "b.png")
    os.utime(photos / "b.png", (1, 1))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    console = Console(file=StringIO(), width=500)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            copies(photos, out, console)
    assert console.file.getvalue() == f"{out}: stopped, 0 made; the same command goes on from there.\n"
    assert copies(photos, out) == f"{out}: 1 made; 1 there already"
    assert (out / "b.png").read_bytes() == (photos / "b.png").read_bytes()
