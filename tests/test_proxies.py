"""The server behind real nginx and real Caddy, as clients and pages find it there."""

import json
from urllib.parse import urljoin

import httpx
import pytest
from proxies import DEPLOY, Proxy, caddy, nginx
from websockets.sync.client import connect

from server.settings import ROOT


def serves(proxy: Proxy, path: str, photo: bytes) -> None:
    """All that clients ask for is there, by what replies say of where it is."""
    base = proxy.url + path
    with httpx.Client(verify=proxy.trust, follow_redirects=True, timeout=60) as client:
        page = client.get(base.rstrip("/"))  # leads to where the page finds its files
        assert (page.status_code, page.url.path) == (200, path)
        for where in page.history:
            assert where.headers["location"] == path
        listed = client.get(f"{base}models")
        thumbnail = client.get(urljoin(str(listed.url), listed.json()["models"][0]["thumbnail"]))
        assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/jpeg")
        form = {"max_side": "64", "format": "jpeg"}
        assert client.post(f"{base}infer", files={"image": photo}, data=form).status_code == 200
        large = client.post(f"{base}infer", files={"image": b"\0" * 64_000_001})
        assert large.json()["code"] == "upload-too-large"
    address = f"{base.replace('https', 'wss')}ws"
    with connect(address, ssl=proxy.trust, origin=proxy.url, max_size=None) as session:
        session.send(json.dumps({"type": "open", "max_side": 64}))
        session.send(photo * (1 + 1_500_000 // len(photo)))  # what follows the picture is of no account
        assert json.loads(session.recv(timeout=60))["type"] == "ready"


@pytest.mark.parametrize("path", ["/", "/dynamic-net/"])
def test_everything_works_behind_nginx(server, tmp_path, photo, path):
    with nginx(tmp_path, server, path) as proxy:
        serves(proxy, path, photo.read_bytes())


def test_everything_works_behind_caddy(server, tmp_path, photo):
    with caddy(tmp_path, server) as (own, shared):
        serves(own, "/", photo.read_bytes())
        serves(shared, "/dynamic-net/", photo.read_bytes())


def test_the_documentation_shows_the_files_that_are_tested():
    documented = (ROOT / "docs" / "operations.md").read_text()
    files = [file for file in DEPLOY.rglob("*") if file.is_file()]
    assert len(files) == 3
    for file in files:
        assert file.read_text() in documented, file
