"""Behind real proxies: nginx and Caddy as docs/ sets them up, and nginx as people set it up first."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, Running, running_server
from pages import NEEDED, changed, launch, pixels, slider, visit
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from websockets.sync.client import connect

DOCS = ROOT / "docs"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy")

PLAIN = """
server {{
    listen {port};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
}}
server {{
    listen {impatient};
    location / {{
        proxy_pass http://127.0.0.1:{upstream};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_read_timeout 2s;
    }}
}}
"""
"""What people write first; and one that gives up soon, and lets 1 MB through as it does by itself."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*command: str | Path, port: int, folder: Path) -> Iterator[None]:
    with (folder / "proxy.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "proxy.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def nginx(folder: Path, configuration: str, port: int) -> Iterator[None]:
    assert NGINX
    file = folder / "nginx.conf"
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{configuration}\n}}\n"
    )
    with running(NGINX, "-p", folder, "-e", "stderr", "-c", file, port=port, folder=folder):
        yield


def certificate(folder: Path) -> tuple[Path, Path]:
    public, private = folder / "server.pem", folder / "server.key"
    options = f"-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -out {public} -keyout {private}"
    subprocess.run(["openssl", "req", *options.split()], check=True, capture_output=True)
    return public, private


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server to stand before, which asks for signs of life each second."""
    with running_server(tmp_path_factory.mktemp("server"), ping_seconds=0.5, max_upload_bytes=20_000_000) as server:
        yield server


def port_of(server: Running) -> int:
    return int(server.url.rpartition(":")[2])


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def documented(
    behind: Running, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the page behind a proxy that is set up by the file in docs/, on another port and machine."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    if request.param == "nginx":
        if not NGINX:
            pytest.skip("no nginx")
        public, private = certificate(folder)
        text = (DOCS / "nginx.conf").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{port_of(behind)}")
        for line, other in (
            ("listen 443 ssl;", f"listen {port} ssl;"),
            ("/etc/ssl/example.org.pem", str(public)),
            ("/etc/ssl/example.org.key", str(private)),
        ):
            assert line in text
            text = text.replace(line, other)
        with nginx(folder, text, port):
            yield f"https://localhost:{port}/paint"
        return
    if not CADDY:
        pytest.skip("no caddy")
    text = (DOCS / "Caddyfile").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{port_of(behind)}")
    options = (
        f"{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tstorage file_system {folder}\n}}\n"
    )
    file = folder / "Caddyfile"
    file.write_text(options + text.replace("example.org {", f"localhost:{port} {{\n\ttls internal"))
    with running(CADDY, "run", "--adapter", "caddyfile", "--config", file, port=port, folder=folder):
        yield f"https://localhost:{port}/paint"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that is more than nginx lets through by itself."""
    file = tmp_path_factory.mktemp("photo") / "large.png"
    Image.effect_noise((1500, 1400), 90).save(file)
    assert file.stat().st_size > 1.5e6
    return file


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(base_url=address, ignore_https_errors=True, reduced_motion="reduce").new_page()
    page.set_default_timeout(60_000)
    return page


@NEEDED
def test_the_page_works_under_a_path_with_and_without_its_slash(chromium, documented, large):
    page = opened(chromium, documented)
    failed: list[str] = []
    page.on("response", lambda reply: reply.status >= 400 and failed.append(reply.url))
    page.goto(documented)
    expect(page.locator("#picture:not(.unrendered)")).to_be_visible()
    assert page.url.split("#")[0] == f"{documented}/"
    before = pixels(page)
    slider(page).press("End")
    changed(page, before)
    page.locator("#file").set_input_files(large)
    expect(page.locator("#status")).to_contain_text("saved at 1500 × 1400")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    assert re.fullmatch(r"large-[\w-]+-1\.png", download.value.suggested_filename)
    assert not failed
    page.context.close()


@pytest.fixture(scope="module")
def plain(behind: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address of a proxy that replaces Host, and the port of one that gives up after two seconds."""
    if not NGINX:
        pytest.skip("no nginx")
    port, impatient = free_port(), free_port()
    configuration = PLAIN.format(port=port, impatient=impatient, upstream=port_of(behind))
    with nginx(tmp_path_factory.mktemp("plain"), configuration, port):
        yield f"http://127.0.0.1:{port}", impatient


@NEEDED
def test_the_page_and_the_log_say_why_a_session_was_refused(chromium, behind, plain):
    address, _ = plain
    page = opened(chromium, address)
    page.goto("/")
    status = page.locator("#status")
    expect(status).to_contain_text(f"A page of {address} may not open a session")
    expect(status).to_contain_text(f"what came here was for 127.0.0.1:{port_of(behind)}")
    expect(status).to_contain_text(f"DYNAMICNET_ORIGINS={address}")
    page.context.close()
    refused = httpx.get(f"{behind.url}/ws", params={"origin": behind.url})
    assert (refused.status_code, refused.json()["code"], refused.headers["upgrade"]) == (
        426,
        "upgrade-needed",
        "websocket",
    )
    with pytest.raises(Exception, match="403"):
        connect(behind.url.replace("http", "ws") + "/ws", origin="https://other.example")
    assert "no session: A page of https://other.example may not" in behind.log.read_text()


def test_signs_of_life_keep_an_idle_session_through_an_impatient_proxy(plain):
    with connect(f"ws://127.0.0.1:{plain[1]}/ws") as idle:
        time.sleep(3)
        idle.send('{"type": "alpha", "seq": 0, "alpha": 0}')
        assert "message" in idle.recv(5)


@NEEDED
def test_a_limit_of_the_proxy_is_said_and_not_to_try_again(chromium, plain, large):
    page = opened(chromium, f"http://127.0.0.1:{plain[1]}")
    visit(page)
    page.locator("#file").set_input_files(large)
    expect(page.locator("#status")).to_contain_text("saved at 1500 × 1400")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#status")).to_have_text(
        "The photograph is larger than what stands before the server lets through."
    )
    page.context.close()
