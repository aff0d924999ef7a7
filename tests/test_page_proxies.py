"""The page behind real nginx, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from pages import NEEDED, changed, far_end, jpeg, ready, slider, until
from playwright.sync_api import Browser, Page, expect
from proxies import SNIPPET, nginx, with_words

pytestmark = NEEDED
pytest_plugins = ["pages"]  # its fixtures

PLAIN = "proxy_pass http://127.0.0.1:8000/;"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A page to which the certificates of tests are good enough."""
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.long
def test_page_works_under_a_path_and_says_what_limits_an_upload(visitor, server, tmp_path):
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url))
    with nginx(tmp_path, server, "/dynamic-net/", with_words(SNIPPET, ("80m", "10k"))) as proxy:
        visitor.goto(f"{proxy.url}/dynamic-net")
        shown = changed(visitor, [])
        slider(visitor).fill(str(far_end(visitor)))
        changed(visitor, shown)
        ready(visitor)
        thumbnail = visitor.locator("#models img").first
        until(visitor, lambda: thumbnail.evaluate("(image) => image.naturalWidth"), "there is no thumbnail")
        visitor.get_by_role("button", name="Save", exact=True).click()
        expect(visitor.locator("#status.failed")).to_have_text(re.compile("limits the size of uploads"))
        visitor.goto(f"{proxy.url}/dynamic-net/docs")
        visitor.locator(".opblock-summary", has_text="/infer").click()
        photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": jpeg(64, 64)}
        visitor.locator("input[type=file]").first.set_input_files(photo)
        visitor.get_by_role("button", name="Execute").click()
        expect(visitor.locator(".live-responses-table img")).to_be_visible()
    below = (f"{proxy.url}/dynamic-net", f"blob:{proxy.url}")
    assert not [url for url in asked if not url.startswith(below)]
    expect(visitor.locator(".astray")).to_be_hidden()


def test_page_says_why_it_has_no_session_and_goes_on_when_it_has_one(visitor, server, tmp_path):
    with nginx(tmp_path, server, snippet=PLAIN) as proxy:
        visitor.goto(proxy.url)
        said, host = visitor.locator("#status.failed"), server.removeprefix("http://")
        expect(said).to_contain_text(f"Pages of {proxy.url} may not open sessions on {host}.")
        expect(said).to_contain_text(f"set DYNAMICNET_ORIGINS={proxy.url}.")
    with nginx(tmp_path, server, port=proxy.url.rpartition(":")[2]):
        ready(visitor)
        expect(said).to_have_count(0)


def test_page_without_its_files_says_so(visitor, server, tmp_path):
    with nginx(tmp_path, server, "= /dynamic-net", PLAIN) as proxy:
        visitor.goto(f"{proxy.url}/dynamic-net")
        expect(visitor.locator(".astray")).to_be_visible()
