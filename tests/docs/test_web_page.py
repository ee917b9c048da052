"""docs/javascript-client.md, "A page of your own": which pages may follow the stream by the browser's session."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext

from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Demo
from tests.docs.web_page import visit
from tests.support.servers.ports import free_port

EXAMPLE = next(block.code for block in blocks(ROOT / "docs" / "javascript-client.md") if block.language == "html")


class Quiet(SimpleHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def web_server(port: int, demo: Demo, directory: Path) -> Iterator[str]:
    """Somebody's web server that has the page's example, with whole addresses; the example's address."""
    code = demo.here(EXAMPLE).replace('"/static/', f'"{demo.url}/static/')
    code = code.replace('"/ws/v1/"', f'"{demo.url.replace("http", "ws")}/ws/v1/"')
    (directory / "mine.html").write_text(f"<!doctype html><link rel=icon href=data:,><title>mine</title>{code}")
    server = ThreadingHTTPServer(("127.0.0.1", port), lambda *given: Quiet(*given, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{port}/mine.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_another_host_of_the_same_site_may_if_it_is_named(
    visitor: Callable[[], BrowserContext], demo: Demo, tmp_path: Path
) -> None:
    with web_server(urlsplit(demo.neighbour).port or 0, demo, tmp_path) as url, visitor().new_page() as page:
        said = visit(page, url)
    assert re.match(r"\w+/\S+ \{", said[0]), said


def test_one_that_is_not_named_may_not(visitor: Callable[[], BrowserContext], demo: Demo, tmp_path: Path) -> None:
    with web_server(free_port(), demo, tmp_path) as url, visitor().new_page() as page:
        said = visit(page, url)
    assert "403" in said[0], said
