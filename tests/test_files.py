"""How browsers get the page's own files: compressed, and kept for as long as they stay what they are."""

import re
import shutil

from server.http.files import Files
from server.settings import STATIC


def test_everything_in_the_page_is_kept_for_ever_under_a_name_that_changes(http):
    page = http.get("/").text
    linked = re.findall(r'(?:href|src|data-source)="(static/[^"]+)"', page)
    assert {name.rpartition(".")[2] for name in linked} == {"css", "js", "jpg", "svg"}
    for name in linked:
        assert "immutable" in http.get(f"/{name}").headers["cache-control"], name
    (version,) = {name.split("/")[1] for name in linked}
    first = http.get("/models").json()["models"][0]["thumbnail"]
    assert f'href="{first}"' in page  # fetched before a script asks for it
    assert "immutable" in http.get(f"/{first}").headers["cache-control"]
    script = (STATIC / "js/main.js").read_text()
    assert set(re.findall(r'from "\./(\w+\.js)"', script)) <= {name.rpartition("/")[2] for name in linked}

    known = http.get("/static/js/session.js")  # as pages of others have it
    assert known.content == http.get(f"/static/{version}/js/session.js").content
    assert known.headers["cache-control"] == "no-cache"
    assert http.get("/static/js/session.js", headers={"If-None-Match": known.headers["etag"]}).status_code == 304


def test_the_name_changes_with_any_file(tmp_path):
    folder = shutil.copytree(STATIC, tmp_path / "static")
    before = Files(folder).version
    assert before == Files(STATIC).version
    (folder / "lock.svg").write_text("<svg/>")
    assert Files(folder).version != before


def test_one_stylesheet_holds_all(http):
    whole = http.get("/static/css/page.css").text
    for file in (STATIC / "css").iterdir():
        assert file.read_text() in whole, file.name
    assert http.post("/static/css/page.css").status_code == 405


def test_text_is_compressed_and_pictures_are_not(http, photo):
    for path in ("/", "/models", "/openapi.json", "/static/js/main.js", "/static/css/page.css"):
        assert http.get(path).headers.get("content-encoding") == "gzip", path
    sent = {"files": {"image": photo.read_bytes()}, "data": {"max_side": "64", "format": "webp"}}
    for picture in (http.get("/static/samples/coffee.jpg"), http.post("/infer", **sent)):
        assert "content-encoding" not in picture.headers
