"""Prints what a person at a browser sees of it: ``python -m bench.browser``. Needs Chromium and the extra ``dev``."""

import os
import shutil
import time
from itertools import pairwise

from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from bench import service

SECONDS = 10
WATCH = """
window.drawn = [];
window.shifted = 0;
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...all) {
  draw.apply(this, all);
  if (this.canvas.id === "rendered") window.drawn.push(performance.now());
};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def drag(page: Page) -> tuple[float, float]:
    """Move the slider there and back for a while: frames a second, and the longest time without one, in ms."""
    box = page.locator("#axes input[type=range]").first.bounding_box()
    row = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, row)
    page.mouse.down()
    begun = time.perf_counter()
    first = page.evaluate("performance.now()")
    event = 0
    while (passed := time.perf_counter() - begun) < SECONDS:
        share = abs((passed / 2) % 2 - 1)  # two seconds each way
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.9 * share), row)
        event += 1
        page.wait_for_timeout(max(0.0, (begun + event / service.RATE - time.perf_counter()) * 1000))
    last = page.evaluate("performance.now()")
    page.mouse.up()
    times = [moment for moment in page.evaluate("window.drawn") if first <= moment <= last]
    return len(times) / SECONDS, max(after - before for before, after in pairwise(times))


def chromium(playwright: Playwright) -> Browser:
    """The browser that is installed, or Playwright's own."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def main() -> None:
    """Open the page of a warm server, drag, and print the table."""
    port = service.free_port()
    table = Table("the page, in Chromium", "", title=f"load {os.getloadavg()[0]:.1f} at the start")
    with service.running(["server"], port, DYNAMICNET_PORT=str(port)), sync_playwright() as playwright:
        browser = chromium(playwright)
        for warm in (False, True):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.add_init_script(WATCH)
            sizes: dict[str, int] = {}
            page.on("requestfinished", lambda request, sizes=sizes: sizes.update({request.url: _weight(request)}))
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#picture:not(.unrendered)").wait_for()
            page.wait_for_load_state("networkidle")
            if warm:
                table.add_row("first picture on screen after the page was asked for", f"{_first(page):.0f} ms")
                table.add_row("weight of the page without pictures", f"{sum(sizes.values()) / 1000:.1f} kB")
                rate, longest = drag(page)
                table.add_row(f"frames drawn in a drag of {SECONDS} s", f"{rate:.1f} a second")
                table.add_row("longest time without one", f"{longest:.0f} ms")
                table.add_row("cumulative layout shift", f"{page.evaluate('window.shifted'):.4f}")
            page.context.close()
        browser.close()
    Console(width=110).print(table)


def _first(page: Page) -> float:
    return page.evaluate("window.drawn[0]")


def _weight(request) -> int:
    """Bytes of a reply's body, as sent; pictures are not counted."""
    return 0 if "image/" in request.response().header_value("content-type") else request.sizes()["responseBodySize"]


if __name__ == "__main__":
    main()
