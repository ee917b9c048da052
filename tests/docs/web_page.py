"""A page of one's own, shown by a real browser as the demo's user."""

import contextlib
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import BrowserContext, Page, Route

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


def show(context: BrowserContext, origin: str, html: str) -> list[str]:
    """Serve `html` from an origin that has a server already, and wait until it has printed something; what that is.

    Raises:
        AssertionError: it printed nothing, or a script failed.
    """

    def serve(route: Route) -> None:
        route.fulfill(body=f"<!doctype html><title>mine</title>{html}", content_type="text/html")

    with context.new_page() as page:
        page.route(f"**{PATH}", serve)
        return visit(page, f"{origin}{PATH}")


def visit(page: Page, url: str) -> list[str]:
    """Open an address, and wait until what is there has printed something on the console; what that is."""
    said: list[str] = []
    errors: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)

    def printed() -> bool:
        page.wait_for_timeout(20)  # Playwright hands over events meanwhile
        return bool(said or errors)

    eventually(printed, 20, what="the page prints something")
    assert not errors, errors
    return said
