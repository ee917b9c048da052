"""Chromium of this machine (Debian's package, as a rule), driven by Playwright."""

import contextlib
import functools
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from msgspec import DecodeError
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, WebSocket, expect, sync_playwright

from devices.web.live.stream.server_frames import decode
from tests.support.servers.installing import program
from tests.support.waiting import PATIENCE_S

# A browser under test talks to nobody but us.
_QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
_TIMEOUT_MS = PATIENCE_S * 1000


@functools.cache
def chromium_path() -> str:
    """Where Chromium is; installed on Debian as root if it is missing.

    Raises:
        MissingProgramError: it says what to install.
    """
    return program("chromium")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser process.

    While it lives, an event loop counts as running in this thread: asynchronous tests don't share it with a browser.
    """
    expect.set_options(timeout=_TIMEOUT_MS)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*_QUIET, *as_root])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def fresh_page(browser: Browser, screenshot: Path) -> Iterator[Page]:
    """A page without cookies or cache; `screenshot` shows its last state.

    A script error in it fails the test, and so does a frame of ``/ws/v1/`` that docs/websocket.md does not have.
    What its console and its requests complained of is printed, which pytest shows of a test that fails.
    """
    errors: list[str] = []
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as context:
        context.set_default_timeout(_TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("websocket", lambda socket: _listen(socket, errors))
        _print_complaints(page)
        try:
            yield page
        finally:
            page.screenshot(path=screenshot, full_page=True)
    assert not errors, f"script errors in the page, or wrong frames: {errors}"


def _print_complaints(page: Page) -> None:
    """Print what the page's console warns of, and each request that failed or was refused."""

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            print(f"console {message.type}: {message.text}")

    def answered(response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            print(f"answered {response.status}: {response.request.method} {response.url}")

    page.on("pageerror", lambda error: print(f"page error: {error}\n{error.stack}"))
    page.on("console", said)
    page.on("requestfailed", lambda asked: print(f"failed: {asked.method} {asked.url}: {asked.failure}"))
    page.on("response", answered)


def _listen(socket: WebSocket, errors: list[str]) -> None:
    """To our own; what apps' sockets say is theirs."""
    if "/ws/v1" in socket.url:
        socket.on("framereceived", lambda text: _check(text, errors))


def _check(text: str | bytes, errors: list[str]) -> None:
    try:
        decode(text)
    except DecodeError as error:
        errors.append(f"{error} in {text[:500]!r}")
