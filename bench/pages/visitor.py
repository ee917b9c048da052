"""Somebody at an installation's pages: a signed-in page in Chromium, whose line and cache can be told."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from playwright.sync_api import Browser, Page

from tests.support.waiting import eventually
from tests.support.worlds.system import System

ROLE: Final = "admin"
_USER, _PASSWORD = "visitor", "over-the-causeway"
_SIZE: Final = {"width": 1280, "height": 900}
_SCRIPTS: Final = Path(__file__).parent
_FAST_3G: Final = {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
_PATIENCE_S: Final = 120.0
_PAUSE_S: Final = 0.1  # between two looks, which take the page's time


class Visitor:
    """One page, signed in. Made by :func:`visiting`.

    Args:
        page: as long as its context is open.
        url: of the web process, without a slash at the end.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self._devtools = page.context.new_cdp_session(page)

    def sign_in(self) -> Self:
        """By the form; the page that is shown next is none of the installation's."""
        page = self.page
        page.goto(f"{self._url}/ops")
        page.get_by_label("User name").fill(_USER)
        page.get_by_label("Password").fill(_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self._url}/ops")
        page.goto("about:blank")
        return self

    def prepare(self, script: str) -> None:
        """Have a script of this folder run in each document, before its own."""
        self.page.add_init_script((_SCRIPTS / script).read_text())

    def forget_files(self) -> None:
        """Come as if for the first time: the browser's cache is empty."""
        self._devtools.send("Network.clearBrowserCache")

    def use_fast_3g(self) -> None:
        """Have 1.6 Mbit/s down, 750 kbit/s up and 150 ms a round trip, as Chromium emulates it."""
        self._devtools.send("Network.enable")
        self._devtools.send("Network.emulateNetworkConditions", {"offline": False, **_FAST_3G})

    def open(self, path: str) -> None:
        """Go to a page of the installation; returns when its document begins to arrive."""
        self.page.goto(f"{self._url}{path}", wait_until="commit")

    def wait(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true.

        Raises:
            AssertionError: it never was.
        """
        eventually(lambda: self.page.evaluate(condition), _PATIENCE_S, what=condition, pause_s=_PAUSE_S)

    def probe(self, expression: str) -> Any:
        """What ``probe.js`` tells: ``probe("first_ms")``, ``probe("longest_ms")``."""
        return self.page.evaluate(f"benchProbe.{expression}")


@contextlib.contextmanager
def visiting(browser: Browser, system: System) -> Iterator[Visitor]:
    """A visitor with nothing in their cache, who may do everything."""
    system.token(_USER, ROLE, None)
    system.set_password(_USER, _PASSWORD)
    with browser.new_context(viewport=_SIZE, reduced_motion="reduce") as context:  # type: ignore[arg-type]
        context.set_default_timeout(_PATIENCE_S * 1000)
        yield Visitor(context.new_page(), system.url).sign_in()
