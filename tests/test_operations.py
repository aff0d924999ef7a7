"""A server as those who run it set it up: who may come in, how many, and how it ends."""

import asyncio
import io
import json
import os
import platform
import re
import resource
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection, create_server
from socket import socket as Socket
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import Running, children, running_server
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from proxies import SNIPPET, nginx, with_words
from starlette.exceptions import HTTPException
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bench import service
from dynamicnet import DynamicNetError
from dynamicnet.client import Session
from server.http.middleware import POLICY, BodyLimit
from server.settings import ROOT, Settings, read_settings


def saved(side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


SMALL, LARGE = saved(64), saved(1500)


def post(url: str, image: bytes = SMALL, **options) -> httpx.Response:
    return httpx.post(f"{url}/infer", files={"image": image}, data={"format": "jpeg"}, timeout=120, **options)


def counts(url: str, **options) -> dict[str, float]:
    """What /metrics tells, by name and labels."""
    text = httpx.get(f"{url}/metrics", **options).raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {f"{sample.name}{sorted(sample.labels.values())}": sample.value for sample in samples}


def socket(url: str, query: str = "", **options):
    return connect(f"{url.replace('http', 'ws')}/ws{query}", **options)


def refused(url: str, query: str = "", **options) -> tuple[int, str]:
    """The status and the code with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        socket(url, query, **options)
    response = refusal.value.response
    return response.status_code, json.loads(response.body)["code"]


def test_our_client_sends_a_key_and_says_why_it_was_refused(guarded):
    with pytest.raises(DynamicNetError) as refusal:
        Session(guarded.url)
    assert (refusal.value.code, refusal.value.status) == ("key-needed", 401)
    with Session(guarded.url, key="first") as session:
        assert session.open(SMALL)["width"] == 64


SERVER = ("-m", "server")
SERVE = ("-c", "from dynamicnet.cli import main; main()", "serve")


def start(folder: Path, *how: str, **environment: str) -> subprocess.CompletedProcess:
    command, variables = [sys.executable, *(how or SERVER)], surroundings(**environment)
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)


def surroundings(**environment: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    return ours | {"PYTHONPATH": str(ROOT)} | environment


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "many"), ("MAX_PIXELS", "0"), ("DEVICE", "toaster"), ("LOG_LEVEL", "loud")]
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path, name, value):
    ended = start(tmp_path, **{f"DYNAMICNET_{name}": value})
    assert ended.returncode == 1
    assert re.fullmatch(rf"DYNAMICNET_{name}={value}: .+\.\n", ended.stderr)


def test_an_address_where_one_cannot_listen_stops_the_start_too(tmp_path):
    with create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for host in ("127.0.0.1", "192.0.2.1"):  # the second is nobody's
            ended = start(tmp_path, DYNAMICNET_HOST=host, DYNAMICNET_PORT=port)
            assert ended.returncode == 1
            assert re.fullmatch(
                rf"DYNAMICNET_HOST={host}, DYNAMICNET_PORT={port}: cannot listen there \(.+\)\.\n", ended.stderr
            )


def test_settings_are_read_from_a_file_too(tmp_path):
    (tmp_path / ".env").write_text("DYNAMICNET_QUIETLY=1\nSOMEONE_ELSES=1\nDYNAMICNET_PORT=none\n")
    said = start(tmp_path, DYNAMICNET_WEIGTHS="models").stderr.splitlines()
    assert [json.loads(line)["message"] for line in said[:2]] == [
        "There is no setting DYNAMICNET_QUIETLY.",
        "There is no setting DYNAMICNET_WEIGTHS; did you mean DYNAMICNET_WEIGHTS?",
    ]
    assert said[2].startswith("DYNAMICNET_PORT=none: ")


def test_a_file_of_settings_in_another_encoding_is_refused_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / ".env").write_bytes("DYNAMICNET_KEYS=caf\xe9\n".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DynamicNetError, match=r"^\.env is not in UTF-8 \("):
        read_settings()


def test_a_file_of_settings_that_may_not_be_read_is_refused_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / ".env").touch(mode=0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(DynamicNetError, match=r"^\.env cannot be read: Permission denied\.$"):
            read_settings()
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("key", ["caf\xe9", "caf\udce9", "a\x7f"])
def test_keys_that_clients_send_in_different_bytes_are_refused(key):
    with pytest.raises(DynamicNetError, match=r"^DYNAMICNET_KEYS: .+ ASCII"):
        read_settings(keys=f"first,{key}")


@pytest.mark.long
def test_the_command_serves_as_the_file_says(tmp_path):
    (tmp_path / ".env").write_text("DYNAMICNET_PORT=none\n")
    assert start(tmp_path, *SERVE).stderr.startswith("DYNAMICNET_PORT=none: ")
    assert start(tmp_path, *SERVE, "--port", "99999").stderr.startswith("DYNAMICNET_PORT=99999: ")


@pytest.mark.parametrize("module", ["server", "bench"])
def test_help_is_help(module, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m {module}")


def test_a_benchmark_that_is_ended_ends_its_server(tmp_path):
    port = service.free_port()
    benchmark = os.fork()
    if benchmark == 0:
        try:
            with service.running(["http.server", str(port), "--bind", "127.0.0.1"], port, tmp_path):
                time.sleep(60)
        finally:
            os._exit(0)
    while True:
        with suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}")
            break
    os.kill(benchmark, signal.SIGTERM)
    os.waitpid(benchmark, 0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}")


def ours(pid: int) -> list[int]:
    """Processes of Python that a process, or one that it started, has started."""
    found = [child for child in children(pid) if b"python" in Path(f"/proc/{child}/cmdline").read_bytes()[:200]]
    return found + [one for child in children(pid) for one in ours(child)]


def test_what_make_serve_starts_ends_with_make(tmp_path):
    given = ["-o", ".venv/.ready", f"BIN={Path(sys.executable).parent}", "PORT=0"]
    make = subprocess.Popen(["make", "serve", *given], cwd=ROOT, env=os.environ | {"DYNAMICNET_WEIGHTS": str(tmp_path)})
    deadline = time.monotonic() + 30
    while not (started := ours(make.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    make.terminate()
    make.wait(30)
    assert started
    while any(Path(f"/proc/{pid}").exists() for pid in started):
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library's threads")
@pytest.mark.parametrize(
    ("how", "given", "sleep"),
    [(SERVER, {}, True), (SERVE, {}, True), (SERVER, {"OMP_WAIT_POLICY": "active"}, False)],
    ids=["server", "serve", "told otherwise"],
)
def test_threads_that_wait_leave_the_cores_to_others_unless_told_otherwise(tmp_path, how, given, sleep):
    nothing = {"DYNAMICNET_WEIGHTS": str(tmp_path), "DYNAMICNET_PORT": "0"}
    environment = surroundings(OMP_DISPLAY_ENV="VERBOSE", **nothing, **given)
    with (tmp_path / "said").open("w+") as said:
        server = subprocess.Popen([sys.executable, *how], cwd=tmp_path, env=environment, stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        while "startup complete" not in (tmp_path / "said").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.terminate()
        server.wait(30)
    told = (tmp_path / "said").read_text()
    assert (re.findall(r"GOMP_SPINCOUNT = '(\w+)'", told)[-1] == "0") == sleep


def test_every_setting_is_documented_with_its_default():
    documented = (ROOT / "docs" / "operations.md").read_text()
    for name in Settings.model_fields:
        assert f"`DYNAMICNET_{name.upper()}`" in documented


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_in_the_documentation_is_one_that_systemd_takes(tmp_path):
    documented = (ROOT / "docs" / "operations.md").read_text()
    unit = re.search(r"```ini\n(.+?)```", documented, re.DOTALL)[1]
    file = tmp_path / "dynamic-net.service"
    file.write_text(unit.replace("/opt/dynamic-net/.venv/bin/python", sys.executable).replace("/opt/dynamic-net", "/"))
    verified = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Running]:
    """A server that asks for keys, whose pages may be elsewhere, and who wants signs of life."""
    settings = {"keys": "first, second", "origins": "https://a.example,https://b.example"}
    settings |= {"ping_seconds": 0.5, "pong_seconds": 1.5, "log_level": "debug"}
    with running_server(tmp_path_factory.mktemp("guarded"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory) -> Iterator[Running]:
    """A server that has little patience."""
    limits = {"max_sessions_per_address": 2, "idle_seconds": 1, "max_messages": 20, "waiting_seconds": 0.05}
    with running_server(tmp_path_factory.mktemp("strict"), **limits) as running:
        yield running


@pytest.fixture(scope="module")
def narrow(tmp_path_factory) -> Iterator[Running]:
    """A server that works on two requests at once."""
    with running_server(tmp_path_factory.mktemp("narrow"), max_waiting=2, device="cpu") as running:
        yield running


def test_keys_are_asked_for_where_there_are_any(guarded):
    url = guarded.url
    for wrong in ({}, {"Authorization": "Bearer third"}, {"Authorization": "Basic first"}):
        response = post(url, headers=wrong)
        assert (response.status_code, response.json()["code"]) == (401, "key-needed")
        assert response.headers["www-authenticate"] == "Bearer"
        assert refused(url, additional_headers=wrong) == (401, "key-needed")
    assert post(url, headers={"Authorization": "Bearer second"}).status_code == 200
    with socket(url, "?key=first"):
        pass
    assert refused(url, "?key=third") == (401, "key-needed")
    for open_to_all in ("/", "/models", "/health", "/ready"):
        assert httpx.get(url + open_to_all).status_code == 200
    said = guarded.log.read_text()
    assert '"level": "debug"' in said
    assert not [secret for secret in ("first", "second", "BINARY", "JFIF") if secret in said]
    assert '"level": "error"' not in said  # of refusals, which are none


@pytest.mark.parametrize("path", ["/infer", "/sweep"])
def test_a_key_is_asked_for_before_anything_is_read(guarded, path):
    address = urlsplit(guarded.url)
    with create_connection((address.hostname, address.port), 20) as without_one:
        head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nExpect: 100-continue\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
        without_one.sendall(head.encode())
        assert without_one.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_session_at_another_path_is_told_that_there_is_nothing(guarded):
    for path in ("/nope/ws", "/ws/", "/static/ws", "/infer"):
        with pytest.raises(InvalidStatus) as refusal:
            connect(guarded.url.replace("http", "ws") + path)
        assert refusal.value.response.status_code == 404
        assert path in json.loads(refusal.value.response.body)["detail"]


def test_only_pages_of_known_origins_open_sessions(guarded):
    for known in (None, guarded.url, "https://a.example", "https://b.example"):
        with socket(guarded.url, "?key=first", origin=known):
            pass
    for unknown in ("https://c.example", "http://a.example", "null", guarded.url + "1", "http://[::1"):
        assert refused(guarded.url, "?key=first", origin=unknown) == (403, "origin-refused")


@pytest.mark.parametrize("value", ["*", "https://a.example/", "a.example", "https://\xe9.example"])
def test_origins_that_no_browser_sends_are_refused(value):
    with pytest.raises(DynamicNetError, match=r"^DYNAMICNET_ORIGINS=.+ an origin is https://"):
        read_settings(origins=f"https://b.example,{value}")


def test_pages_of_known_origins_may_use_every_route_and_no_others(guarded):
    def allowed(reply: httpx.Response) -> str | None:
        return reply.headers.get("access-control-allow-origin")

    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, answer in (("https://a.example", "https://a.example"), ("https://c.example", None)):
        headers = {"Origin": origin, "Authorization": "Bearer first"}
        assert allowed(httpx.get(f"{guarded.url}/models", headers=headers)) == answer
        assert allowed(httpx.options(f"{guarded.url}/infer", headers=headers | preflight)) == answer
        reply = post(guarded.url, headers=headers)
        assert allowed(reply) == answer
        assert "X-Dynamic-Net-Alpha" in reply.headers["access-control-expose-headers"]


def test_who_asks_why_there_is_no_session_is_told_what_the_log_says(guarded):
    def told(**query: str) -> tuple[int, str, str]:
        reply = httpx.get(f"{guarded.url}/ws", params={"key": "first"} | query)
        logged = [json.loads(line)["message"] for line in guarded.log.read_text().splitlines()]
        assert f"A session was refused to 127.0.0.1: {reply.json()['detail']}" in logged
        return reply.status_code, reply.json()["code"], reply.json()["detail"]

    assert told(key="third")[:2] == (401, "key-needed")
    status, code, sentence = told(origin="https://c.example")
    assert (status, code) == (403, "origin-refused")
    assert f"Pages of https://c.example may not open sessions on {urlsplit(guarded.url).netloc}." in sentence
    assert sentence.endswith(" DYNAMICNET_ORIGINS=https://c.example.")
    for known in (guarded.url, "https://a.example"):  # nothing is wrong but that it comes as a GET
        assert told(origin=known)[:2] == (400, "websocket-needed")


def test_a_session_that_asks_for_nothing_is_closed(strict):
    with socket(strict.url) as session:
        assert json.loads(session.recv(timeout=20))["code"] == "session-idle"
        with pytest.raises(ConnectionClosed):
            session.recv(timeout=20)


def test_a_session_whose_client_gives_no_sign_of_life_is_closed_and_no_other(guarded):
    address = urlsplit(guarded.url)
    with socket(guarded.url, "?key=first") as alive, create_connection((address.hostname, address.port), 20) as silent:
        silent.sendall(
            f"GET /ws?key=first HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        heard = b""
        while (1011).to_bytes(2, "big") not in heard:  # of the frame that closes
            heard += silent.recv(4096) or pytest.fail("hung up on without a word")
        assert heard.startswith(b"HTTP/1.1 101")
        alive.send("nonsense")
        assert json.loads(alive.recv(timeout=20))["code"] == "message-not-json"


def test_a_session_that_is_idle_outlives_the_patience_of_a_proxy(guarded, tmp_path):
    with (
        nginx(tmp_path, guarded.url, snippet=with_words(SNIPPET, ("300s", "1s"))) as proxy,
        socket(proxy.url, "?key=first", ssl=proxy.trust) as session,
    ):
        time.sleep(1.5)  # nginx hears a ping twice a second, and nothing else
        session.send("nonsense")
        assert json.loads(session.recv(timeout=20))["code"] == "message-not-json"


def test_sessions_of_an_address_are_bounded_and_a_place_becomes_free_again(strict):
    with socket(strict.url), socket(strict.url):
        assert refused(strict.url) == (503, "overloaded")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with socket(strict.url):
                return
        except InvalidStatus:
            time.sleep(0.05)
    raise AssertionError("no place became free")


def test_messages_beyond_the_rate_wait(strict):
    with socket(strict.url) as session:
        begun = time.monotonic()
        for _ in range(40):
            session.send("nonsense")
        for _ in range(40):
            session.recv(timeout=20)
        assert time.monotonic() - begun > 0.9  # twenty at once, and twenty more a second


def test_a_request_that_stands_in_line_for_too_long_is_told_so_and_one_that_is_worked_on_is_finished(strict):
    with ThreadPoolExecutor(3) as people:
        replies = list(people.map(lambda side: post(strict.url, saved(side)), (1500, 1501, 1502)))
    served = [reply for reply in replies if reply.status_code == 200]
    told = [reply.json() for reply in replies if reply.status_code == 503]
    assert len(served) in (1, 2)  # whose work took far longer than anyone may wait
    assert len(told) == 3 - len(served)
    assert {(problem["code"], problem["detail"]) for problem in told} == {
        ("waited-too-long", "This stood in line for 0.05 seconds, behind other requests; try again in a moment.")
    }


def test_beyond_the_bound_requests_are_refused_at_once_and_the_others_served(narrow):
    with ThreadPoolExecutor(8) as people:
        replies = list(people.map(lambda _: post(narrow.url, LARGE), range(8)))
    served = [reply for reply in replies if reply.status_code == 200]
    turned_away = [reply for reply in replies if reply.status_code == 503]
    assert len(served) >= 2
    assert len(turned_away) >= 2
    assert len(served) + len(turned_away) == 8
    for reply in turned_away:
        assert reply.json()["code"] == "overloaded"
        assert reply.headers["retry-after"] == "1"
    assert min(reply.elapsed for reply in turned_away) < min(reply.elapsed for reply in served)
    assert post(narrow.url).status_code == 200


def half_sent(running: Running) -> Socket:
    """A connection on which half a picture has been sent."""
    connection = create_connection(("127.0.0.1", urlsplit(running.url).port), timeout=30)
    whole = httpx.Request("POST", f"{running.url}/infer", files={"image": saved(400)})
    head = "".join(f"{name}: {value}\r\n" for name, value in whole.headers.items())
    connection.sendall(f"POST /infer HTTP/1.1\r\n{head}\r\n".encode() + whole.read()[:2000])
    time.sleep(0.3)
    return connection


@pytest.mark.long
def test_who_is_still_sending_or_waiting_when_the_server_ends_is_told_so(tmp_path):
    large = [saved(side) for side in (2601, 2602, 2603, 2604)]  # over 1 MB, which lie on disk
    with (
        running_server(tmp_path, drain_seconds=1) as running,
        half_sent(running) as connection,
        ThreadPoolExecutor(len(large)) as people,
    ):
        waiting = [people.submit(post, running.url, one) for one in large]
        time.sleep(2)
        running.process.send_signal(signal.SIGTERM)
        reply = b""
        while part := connection.recv(65536):
            reply += part
        assert reply.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"server-stopping"' in reply.replace(b'": "', b'":"')
        told = [one.result() for one in waiting]
        assert {one.status_code for one in told} <= {200, 503}
        assert {one.json()["code"] for one in told if one.status_code == 503} == {"server-stopping"}


TROUBLED = """
import resource, runpy
from server.http.routes import health

@health.router.get("/broken")
async def broken():
    raise RuntimeError("the inside")

resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))  # as if a disk were full
runpy.run_module("server", run_name="__main__")
"""


@pytest.mark.long
def test_what_is_no_clients_fault_is_no_4xx_and_the_log_says_of_which_request_it_was(tmp_path):
    with running_server(tmp_path, ("-c", TROUBLED)) as running:
        replies = [post(running.url, saved(3000)), httpx.get(f"{running.url}/broken")]
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    for reply, status, code, why in zip(
        replies, (503, 500), ("upload-not-kept", "internal-error"), ("File too large", "the inside"), strict=True
    ):
        assert (reply.status_code, reply.json()["code"]) == (status, code)
        [said] = [line for line in lines if why in line.get("traceback", "")]
        assert (said["level"], said["request"]) == ("error", reply.headers["x-request-id"])


def test_an_upload_of_which_nothing_more_comes_is_given_up():
    async def stalled() -> None:
        await asyncio.sleep(30)

    async def read(scope, receive, send) -> None:
        await receive()

    limited = BodyLimit(read, 10, patience=0.05)
    with pytest.raises(HTTPException) as told:
        asyncio.run(limited({"type": "http", "headers": []}, stalled, None))
    assert (told.value.status_code, told.value.detail) == (
        408,
        "Nothing of the upload came for 0.05 seconds; send it again.",
    )


def test_who_hangs_up_is_no_longer_worked_for_and_logs_tell_requests_apart(narrow):
    def logged(field: str, value: object) -> list[dict]:
        """The lines of requests; they are written after a reply is sent."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            whole, _, _ = narrow.log.read_text().rpartition("\n")
            lines = [line for line in map(json.loads, whole.splitlines()) if line["message"] == "request"]
            if found := [line for line in lines if line[field] == value]:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no request with {field} {value} in the log")

    with pytest.raises(httpx.ReadTimeout):
        # New to the server, and seconds of work for it: what it has kept of another could be ready in time.
        httpx.post(f"{narrow.url}/infer", files={"image": saved(3000)}, timeout=httpx.Timeout(60, read=0.2))
    [gone] = logged("status", 499)
    reply = post(narrow.url)
    [served] = logged("request", reply.headers["x-request-id"])
    assert (gone["path"], served["path"], served["status"]) == ("/infer", "/infer", 200)
    assert gone["request"] != served["request"]
    half_sent(narrow).close()
    deadline = time.monotonic() + 20
    while len(logged("status", 499)) < 2:  # nor does it count as wrong, what was not sent to its end
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_hangs_up_costs_one_more_render_at_most(narrow):
    def rendered() -> float:
        return counts(narrow.url)["dynamicnet_batch_size_sum[]"]

    begun, data = rendered(), {"frames": "24", "format": "jpeg"}
    sweep = httpx.Request("POST", f"{narrow.url}/sweep", files={"image": saved(700)}, data=data)
    client = HTTPConnection(sweep.url.host, sweep.url.port)
    client.request("POST", "/sweep", sweep.read(), {"Content-Type": sweep.headers["content-type"]})
    while rendered() == begun:
        time.sleep(0.02)
    client.close()
    left = rendered()
    for _ in range(6):  # each takes its turn, and so would the frames that are left
        assert post(narrow.url).status_code == 200
    assert rendered() - left - 6 <= 2  # what was being rendered while we left, and while we counted


def test_a_new_picture_that_two_ask_for_at_once_is_prepared_once(narrow):
    picture = saved(1000)
    with ThreadPoolExecutor(2) as people:
        replies = list(people.map(lambda _: post(narrow.url, picture), range(2)))
    taken = {re.search(r"prepare;dur=([\d.]+)", reply.headers["server-timing"])[1] for reply in replies}
    # Who waits for what another asked for is told what that took; who comes when it is ready, that it took nothing.
    assert len({time for time in taken if float(time) > 0}) == 1


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="memory of another process cannot be bounded here")
@pytest.mark.long
def test_a_picture_that_does_not_fit_into_memory_is_refused_and_the_server_goes_on(narrow):
    assert post(narrow.url).status_code == 200
    status = Path(f"/proc/{narrow.process.pid}/status").read_text()
    taken = int(re.search(r"VmSize:\s+(\d+)", status)[1]) * 1024
    resource.prlimit(narrow.process.pid, resource.RLIMIT_AS, (taken + 40 * 2**20, -1))
    response = post(narrow.url, saved(6000))
    resource.prlimit(narrow.process.pid, resource.RLIMIT_AS, (-1, -1))
    assert (response.status_code, response.json()["code"]) == (507, "out-of-memory")
    assert post(narrow.url).status_code == 200


@pytest.mark.long
def test_what_is_in_flight_is_finished_when_the_server_is_asked_to_end(tmp_path):
    with running_server(tmp_path) as running:
        replies: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: replies.append(post(running.url, LARGE)))
        asking.start()
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        asking.join()
        assert running.process.wait(30) in (0, -signal.SIGTERM)
        assert replies[0].status_code == 200


def test_prometheus_can_read_what_happened(guarded):
    key = {"Authorization": "Bearer first"}
    assert httpx.get(f"{guarded.url}/metrics").status_code == 401
    before, picture = counts(guarded.url, headers=key), saved(80)
    for _ in range(2):
        assert post(guarded.url, picture, headers=key).status_code == 200
    assert post(guarded.url, b"nothing", headers=key).status_code == 415
    httpx.get(f"{guarded.url}/made-up")
    assert refused(guarded.url) == (401, "key-needed")
    after = counts(guarded.url, headers=key)
    model = httpx.get(f"{guarded.url}/models").json()["models"][0]["id"]
    for name, more in {
        "dynamicnet_requests_total['/infer', '200']": 2,
        "dynamicnet_requests_total['/infer', '415']": 1,
        "dynamicnet_requests_total['404', 'other']": 1,
        "dynamicnet_requests_total['/ws', '401']": 1,
        "dynamicnet_errors_total['picture-unreadable']": 1,
        "dynamicnet_errors_total['key-needed']": 1,
        "dynamicnet_request_seconds_count['/infer']": 3,
        "dynamicnet_prepared_total['no']": 2,
        "dynamicnet_prepared_total['yes']": 1,
        f"dynamicnet_render_seconds_count['128', '{model}']": 2,
        "dynamicnet_batch_size_sum[]": 2,
    }.items():
        assert after[name] - before.get(name, 0) == more, name
    assert after["dynamicnet_prepared_bytes[]"] > 0
    assert after["process_resident_memory_bytes[]"] > 0
    assert after["dynamicnet_models[]"] == len(httpx.get(f"{guarded.url}/models").json()["models"])
    assert (after["dynamicnet_models_left_out[]"], after["dynamicnet_requests_in_flight[]"]) == (0, 0)


def test_every_reply_tells_browsers_what_the_page_may_do(http):
    for path in ("/", "/models", "/nowhere", "/static/css/base.css"):
        headers = http.get(path).headers
        assert {name: headers.get(name) for name in POLICY} == POLICY
