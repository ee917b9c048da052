"""A page of one's own, shown by a real browser as the demo's user."""

import contextlib
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import BrowserContext, Route

from tests.docs.reader import Demo
from tests.support.clients.browser import chromium
from tests.support.waiting import eventually

PATH: Final = "/a-page-of-my-own.html"


@contextlib.contextmanager
def logged_in(demo: Demo) -> Iterator[BrowserContext]:
    """A browser, with the session of whoever the demo's banner names."""
    with chromium() as browser, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{demo.url}/login")
        page.fill("[name=username]", "demo")
        page.fill("[name=password]", "demo")
        page.click("button[type=submit]")
        page.wait_for_url(f"{demo.url}/")
        page.close()
        yield context


def show(context: BrowserContext, demo: Demo, html: str) -> None:
    """Serve `html` from the demo's origin, and wait until it has printed something on the console.

    Raises:
        AssertionError: it printed nothing, or a script failed.
    """
    said: list[str] = []
    errors: list[str] = []

    def serve(route: Route) -> None:
        route.fulfill(body=f"<!doctype html><title>mine</title>{html}", content_type="text/html")

    with context.new_page() as page:
        page.route(f"**{PATH}", serve)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{demo.url}{PATH}")

        def printed() -> bool:
            page.wait_for_timeout(20)  # Playwright hands over events meanwhile
            return bool(said or errors)

        eventually(printed, 20, what="the page prints something")
    assert not errors, errors
