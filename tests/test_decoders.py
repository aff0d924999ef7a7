"""What comes from outside is decoded in processes of its own, which may end as they like."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from pathlib import Path

import pytest
import stand_ins
from conftest import children
from pebble import ProcessFuture
from PIL import Image

from dynamicnet import DynamicNetError, decoders
from dynamicnet.decode import decode_fitted
from server.settings import ROOT

COLOUR = b"\x10\x80\xf0\x40"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(decoders, "SECONDS", 1.0)


def looks(*sizes: tuple[int, int]) -> list[Image.Image]:
    return decoders.run(stand_ins.look, "picture", COLOUR, *sizes).pictures


def refusal(work, data: bytes = b"") -> DynamicNetError:
    with pytest.raises(DynamicNetError) as refused:
        decoders.run(work, "mask", data)
    return refused.value


def test_pictures_of_any_size_come_back_as_they_were_made():
    sizes = [(1, 1), (3, 5), (5000, 5000)]  # the last one larger than /dev/shm is in a container
    for picture, size in zip(looks(*sizes), sizes, strict=True):
        assert (picture.mode, picture.size) == ("RGBA", size)
        assert picture.getcolors() == [(size[0] * size[1], tuple(COLOUR))]


def test_decoders_are_small():
    assert not {"torch", "pytest"} & decoders.run(stand_ins.look, "picture", COLOUR).modules


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (stand_ins.abort, "ended the program"),
        (stand_ins.hang, "over 1 seconds"),
        (stand_ins.spin, "over 1 seconds"),
        (stand_ins.allocate, "2 GB of memory"),
    ],
)
def test_a_file_that_harms_its_decoder_costs_its_own_answer_alone(work, sentence):
    with ThreadPoolExecutor(4) as people:
        harmed = [people.submit(refusal, work) for _ in range(2)]
        served = [people.submit(looks, (9, 9)) for _ in range(6)]
        for one in harmed:
            error = one.result()
            assert (error.code, error.status) == ("picture-unreadable", 422)
            assert sentence in error.message
            assert "mask" in error.message
        assert [one.result()[0].size for one in served] == [(9, 9)] * 6


def test_a_file_that_is_refused_leaves_its_decoder_as_it_was(monkeypatch):
    monkeypatch.setattr(decoders, "SECONDS", 0.2)
    decoders.start()
    before = {decoder.pid for decoder in active_children()}
    for _ in range(4):
        with pytest.raises(DynamicNetError, match="picture"):
            decoders.run(decode_fitted, "picture", b"none", 64, "picture")
    time.sleep(0.6)  # longer than twice what a file may take
    assert before <= {decoder.pid for decoder in active_children() if decoder.is_alive()}


def test_decoders_that_are_killed_at_rest_are_replaced():
    decoders.start()
    for decoder in active_children():
        os.kill(decoder.pid, signal.SIGKILL)
    assert looks((2, 2))[0].size == (2, 2)


def test_a_file_that_is_forgotten_is_not_waited_for(monkeypatch):
    """As Pebble may, of one that a killed decoder had just taken, or that it was given while it gave up."""
    assert looks((2, 2))[0].size == (2, 2)
    pool, forgotten = decoders._pool, ProcessFuture()
    monkeypatch.setattr(decoders, "LOST_SECONDS", 0.0)
    with pytest.raises(BrokenProcessPool):
        decoders._result(pool, forgotten)
    monkeypatch.undo()
    pool.stop()
    with pytest.raises(BrokenProcessPool):
        decoders._result(pool, forgotten)
    assert looks((2, 2))[0].size == (2, 2)


def test_who_waits_when_decoders_are_stopped_is_told_so():
    with ThreadPoolExecutor(1) as people:
        waiting = people.submit(refusal, stand_ins.hang)
        time.sleep(0.3)
        decoders.stop()
        assert waiting.result(5).status == 503
    assert active_children() == []
    assert looks((2, 2))[0].size == (2, 2)


PROGRAM = f"""
import sys
sys.path += {[str(Path(__file__).parent)]}
from dynamicnet import decoders
from dynamicnet.decode import decode
import stand_ins
photo = open("static/samples/chelsea.jpg", "rb").read()
print(decoders.run(decode, "picture", photo, None, 1_000_000, "picture").picture.size)
decoders.SECONDS = 0.5
if sys.argv[1:]:
    decoders.run(stand_ins.tell_and_hang, "picture", sys.argv[1].encode())
"""


def test_a_program_needs_no_guard_and_leaves_nothing_behind(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("(451, 300)\n", "")  # once: no decoder runs the program again


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc and /dev/shm")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_program_that_is_ended(tmp_path, how):
    script, told = tmp_path / "script.py", tmp_path / "pid"
    script.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, script, told], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (told.exists() and told.read_text()):
        time.sleep(0.02)
    family = children(process.pid)
    assert any(str(process.pid) in name for name in os.listdir("/dev/shm"))  # noqa: PTH208
    assert int(told.read_text()) in family
    process.send_signal(how)
    process.wait(10)
    deadline = time.monotonic() + 10

    def left() -> list[object]:
        shared = [name for name in os.listdir("/dev/shm") if str(process.pid) in name]  # noqa: PTH208
        return [pid for pid in family if Path(f"/proc/{pid}").exists()] + shared

    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []
