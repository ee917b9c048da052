"""A device and a chart of it in a page of another site, by a token behind the address's ``#``."""

import contextlib
import html
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.worlds.system import System

pytestmark = pytest.mark.browser


class Dashboards:
    """Another site, whose only page has something in a frame."""

    def __init__(self) -> None:
        self.framed = ""
        dashboards = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                frame = (
                    f'<iframe title="Panel" width="600" height="400" src="{html.escape(dashboards.framed)}"></iframe>'
                )
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f"<!doctype html><title>Dashboards</title>{frame}".encode())

            def log_message(self, *_arguments: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def show(self, page: Page, address: str) -> None:
        """Open the page with this in its frame."""
        self.framed = address
        page.goto(f"{self.origin}/?{len(address)}")


@pytest.fixture
def site() -> Iterator[Callable[[], Dashboards]]:
    with contextlib.ExitStack() as stack:

        def make() -> Dashboards:
            made = Dashboards()
            stack.callback(made.server.server_close)
            stack.callback(made.server.shutdown)
            threading.Thread(target=made.server.serve_forever, daemon=True).start()
            return made

        yield make


def test_a_site_that_is_named_shows_a_device_live_and_others_show_nothing(
    page: Page, causeway: Callable[..., System], site: Callable[[], Dashboards]
) -> None:
    ours, another = site(), site()
    system = causeway(workers=1, FRAME_ANCESTORS=ours.origin)
    for number in range(3):
        system.publish("devices/demo/tank/telemetry", {"level": 40 + number, "on": True})
    system.wait_registered(["demo/tank"])
    token = system.token("panel", "viewer", "demo")
    address = f"{system.url}/embed#token={token}&device=demo/tank"
    ours.show(page, address)
    panel = page.frame_locator("iframe")
    expect(panel.locator(".embed-metrics")).to_contain_text(re.compile("level.*42"))
    system.publish("devices/demo/tank/telemetry", {"level": 77})
    expect(panel.locator(".embed-metrics")).to_contain_text(re.compile("level.*77"))

    ours.show(page, f"{address}&metric=level")
    expect(panel.locator(".embed-value")).to_have_text("level 77")
    chart = panel.get_by_role("img", name="level over 1 h")
    expect(chart).to_be_visible()
    drawn, holder = chart.locator("canvas").bounding_box(), chart.bounding_box()
    assert drawn
    assert holder
    assert holder["y"] <= drawn["y"] <= drawn["y"] + drawn["height"] <= holder["y"] + holder["height"] + 1
    system.publish("devices/demo/tank/telemetry", {"level": 78})
    expect(panel.locator(".embed-value")).to_have_text("level 78")

    ours.show(page, f"{system.url}/embed#token=wrong&device=demo/tank")
    expect(panel.get_by_role("status")).to_be_visible()
    ours.show(page, f"{system.url}/embed#device=demo/tank")
    expect(panel.locator(".embed-problem")).to_contain_text("incomplete")

    another.show(page, address)
    expect(page.get_by_title("Panel")).to_be_visible()
    expect(panel.locator("#embed")).to_have_count(0)
