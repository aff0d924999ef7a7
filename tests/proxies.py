"""Real nginx and real Caddy in front of a server, as the files in deploy/ set them up."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.settings import ROOT

PATH = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))  # where Debian has nginx
DEPLOY = ROOT / "deploy"
SNIPPET = (DEPLOY / "nginx" / "dynamic-net.conf").read_text()
LIVE = "/etc/letsencrypt/live/dynamic-net.example.org"

NGINX = """
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}
"""

CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"


@dataclass(frozen=True)
class Proxy:
    """Where a proxy is, as https://localhost:port, and what makes clients trust it."""

    url: str
    trust: ssl.SSLContext


def with_words(text: str, *changes: tuple[str, str]) -> str:
    """A configuration with other words in the place of some, each of which must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(
    folder: Path, server: str, location: str = "/", snippet: str = SNIPPET, port: str | None = None
) -> Iterator[Proxy]:
    """nginx by deploy/nginx/site.conf, with the server at a location and what stands in that; on a free port or one."""
    program, trust = _program("nginx"), _certificate(folder)
    plain, port = _free_port(), port or _free_port()
    (folder / "snippets").mkdir(exist_ok=True)
    (folder / "snippets/dynamic-net.conf").write_text(with_words(snippet, ("127.0.0.1:8000", urlsplit(server).netloc)))
    site = with_words(
        (DEPLOY / "nginx" / "site.conf").read_text(),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("listen [::]:443 ssl http2;", ""),
        (LIVE, str(folder)),
        ("location / ", f"location {location} "),
    )
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX)
    with _running(folder, port, program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"):
        yield Proxy(f"https://localhost:{port}", trust)


@contextmanager
def caddy(folder: Path, server: str) -> Iterator[tuple[Proxy, Proxy]]:
    """Caddy by deploy/Caddyfile: a host of the server's own, and one that has it under /dynamic-net/."""
    program, trust = _program("caddy"), _certificate(folder)
    own, shared = _free_port(), _free_port()
    tls = f"{{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"
    file = folder / "Caddyfile"
    sites = with_words(
        (DEPLOY / "Caddyfile").read_text(),
        ("127.0.0.1:8000", urlsplit(server).netloc),
        ("\ndynamic-net.example.org {", f"\nhttps://localhost:{own} {tls}"),
        ("\nexample.org {", f"\nhttps://localhost:{shared} {tls}"),
    )
    file.write_text(CADDY + sites)
    command = (program, "run", "--adapter", "caddyfile", "--config", file)
    with _running(folder, own, *command, XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)):
        yield Proxy(f"https://localhost:{own}", trust), Proxy(f"https://localhost:{shared}", trust)


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or pytest.skip(f"no {name}")


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _certificate(folder: Path) -> ssl.SSLContext:
    """Make fullchain.pem and privkey.pem, for localhost."""
    new = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout privkey.pem -out fullchain.pem"
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([_program("openssl"), *new.split(), *names.split()], cwd=folder, check=True, capture_output=True)
    return ssl.create_default_context(cafile=folder / "fullchain.pem")


@contextmanager
def _running(folder: Path, port: str, *command: str | Path, **variables: str) -> Iterator[None]:
    """Run a proxy, from when it listens at a port."""
    log = folder / "proxy.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stderr=file, env=os.environ | variables)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("localhost", port)).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)
