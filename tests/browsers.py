"""A real Chromium for tests, and pages of any origin for it to open."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
expect.set_options(timeout=30_000)  # what is expected of a page comes when the machine comes to it
CALL = """async ([url, options]) => {
  try {
    const answer = await fetch(url, { credentials: "include", ...options });
    const text = await answer.text();
    return { status: answer.status, type: answer.type, content: text ? JSON.parse(text) : null };
  } catch (error) { return { status: "blocked" }; }
}"""


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def serving_page() -> Iterator[int]:
    """An empty page at every path; the port, and with it an origin of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium; the test is skipped where there is none."""
    with sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        try:
            # As root, Chromium's own sandbox refuses to start; what is opened here is ours.
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error:
            pytest.skip("no Chromium is installed")
        yield browser
        browser.close()


def call(page: Page, url: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
    """What a page's ``fetch`` with credentials comes to: ``{status, type, content}``."""
    options: dict[str, Any] = {"method": method, "headers": headers}
    if body is not None:
        options |= {"body": json.dumps(body), "headers": {**headers, "Content-Type": "application/json"}}
    return page.evaluate(CALL, [url, options])
