"""What the pages' sockets receive is checked, too: a frame that docs/websocket.md does not have fails the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from websockets.sync.server import ServerConnection, serve

from tests.support.clients.browser import fresh_page

pytestmark = pytest.mark.browser

RIGHT = (
    '{"n":1,"type":"link","broker":"up","workers":"up","gateway":"up",'
    '"layer":"up","database":"up","fresh":true,"since":1}'
)
RECEIVED = """
url => new Promise((done) => {
  new WebSocket(url).addEventListener("message", () => setTimeout(done, 0));
})
"""


@contextmanager
def server_of(text: str) -> Iterator[str]:
    """The URL of a server that says one thing to everybody."""

    def say(socket: ServerConnection) -> None:
        socket.send(text)
        for _ in socket:
            pass

    with serve(say, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws/v1/"
        finally:
            server.shutdown()
            thread.join()


def receive(browser: Browser, directory: Path, text: str) -> None:
    with server_of(text) as url, fresh_page(browser, directory / "page.png") as page:
        page.evaluate(RECEIVED, url)


def test_a_right_frame_is_fine(browser: Browser, tmp_path: Path) -> None:
    receive(browser, tmp_path, RIGHT)


@pytest.mark.parametrize("wrong", [RIGHT.replace("since", "until"), "hello"])
def test_a_wrong_frame_fails_the_test(browser: Browser, tmp_path: Path, wrong: str) -> None:
    with pytest.raises(AssertionError, match="wrong frames"):
        receive(browser, tmp_path, wrong)
