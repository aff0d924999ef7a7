"""How soon the page without a server shows its first picture: ``python -m bench.web``, after ``make web``."""

import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread

from PIL import Image
from playwright.sync_api import sync_playwright

from bench.browser import chromium
from bench.targets import at_most

MODEL, SIDE, ROUNDS = "starry-night", 256, 5


class Files(SimpleHTTPRequestHandler):
    """A host of files, as docs/web.md asks for."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Isolating(Files):
    """One that lets WebAssembly have threads."""

    def end_headers(self) -> None:
        """Send what a page must have to share memory between threads."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def main() -> None:
    """Open it in a browser that has not seen it, several times, and print the median."""
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run([sys.executable, "-m", "web", folder, MODEL], check=True)
        for sample in Path(folder).rglob("samples/*.jpg"):
            with Image.open(sample) as opened:
                small = opened.convert("RGB").resize((SIDE, SIDE))
            small.save(sample)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Isolating, directory=folder))
        Thread(target=server.serve_forever, daemon=True).start()
        browser = chromium(playwright)
        seen = []
        for _ in range(ROUNDS):
            page = browser.new_context().new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            painted = "document.querySelector('#picture:not(.unrendered)') && performance.now()"
            seen.append(page.wait_for_function(painted, timeout=120_000).json_value())
            page.context.close()
        browser.close()
        server.shutdown()
    took = median(seen) / 1000
    print(f"first picture, {SIDE}×{SIDE}, {MODEL}: {took:.1f} s of {[round(ms) for ms in seen]} ms at load {load:.1f}")
    print(at_most(took, 3, " s"))


if __name__ == "__main__":
    main()
