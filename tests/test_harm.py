"""A server whose decoders are harmed by some of the files that it is sent."""

import io
import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import Running, children, running_server
from PIL import Image
from websockets.sync.client import connect

HARMS = {b"abort": "ended the program", b"hang": "over 3 seconds", b"allocate": "2 GB of memory"}


PROGRAM = (Path(__file__).parent / "stand_ins.py",)


@pytest.fixture(scope="module")
def harmed(tmp_path_factory) -> Iterator[Running]:
    with running_server(tmp_path_factory.mktemp("harmed"), PROGRAM, device="cpu", drain_seconds=1) as running:
        yield running


def saved(side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def post(url: str, image: bytes) -> httpx.Response:
    return httpx.post(f"{url}/infer", files={"image": image}, data={"max_side": "64"}, timeout=60)


@pytest.mark.long
def test_harm_is_answered_and_neither_sessions_nor_requests_nor_what_is_prepared_notice(harmed):
    url, kept = harmed.url, saved(100)
    assert post(url, kept).status_code == 200
    with connect(f"{url.replace('http', 'ws')}/ws") as session, ThreadPoolExecutor(8) as people:
        session.send(json.dumps({"type": "open"}))
        session.send(kept)
        assert json.loads(session.recv())["type"] == "ready"
        refused = {harm: people.submit(post, url, harm) for harm in HARMS}
        time.sleep(0.2)
        asked = time.monotonic()
        session.send(json.dumps({"type": "alpha", "seq": 1, "alpha": 0.25}))
        assert b'"seq":1' in session.recv()[:200]
        again = post(url, kept)
        assert time.monotonic() - asked < 2.5  # while one hangs
        assert again.headers["server-timing"].startswith("decode;dur=0.0, prepare;dur=0.0")
        assert all(
            reply.status_code == 200 for reply in people.map(lambda side: post(url, saved(side)), range(101, 105))
        )
        for harm, reply in refused.items():
            problem = reply.result().json()
            assert (problem["status"], problem["code"]) == (422, "picture-unreadable")
            assert HARMS[harm] in problem["detail"]
        session.send(json.dumps({"type": "open"}))
        session.send(b"abort")
        error = json.loads(session.recv())
        assert (error["type"], error["code"]) == ("error", "picture-unreadable")
        session.send(json.dumps({"type": "open"}))
        session.send(kept)
        assert json.loads(session.recv())["type"] == "ready"
    assert "Traceback" not in harmed.log.read_text()


@pytest.mark.long
def test_who_waits_for_a_decoder_may_leave_and_nothing_is_left_of_a_server_that_is_ended(harmed):
    def leave(number: int) -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{harmed.url}/infer", files={"image": b"hang %d" % number}, timeout=httpx.Timeout(60, read=0.3))

    with ThreadPoolExecutor(8) as people:
        for one in [people.submit(leave, number) for number in range(8)]:
            one.result()
        begun = time.monotonic()
        assert post(harmed.url, saved(100)).status_code == 200
        assert time.monotonic() - begun < 5  # two decoders hang, for 3 seconds; all who waited behind them have left
        family = children(harmed.process.pid)
        people.submit(leave, 8)
        patient = people.submit(post, harmed.url, b"hang")
        time.sleep(0.3)
        harmed.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        harmed.process.wait(10)
        assert time.monotonic() - begun < 2.5
        assert (patient.result().status_code, patient.result().json()["code"]) == (503, "server-stopping")
        while any(Path(f"/proc/{pid}").exists() for pid in family):
            assert time.monotonic() - begun < 5
            time.sleep(0.05)
    assert "Traceback" not in harmed.log.read_text()
