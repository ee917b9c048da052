"""Fixtures of the browser tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.clients.browser import chromium, fresh_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A fresh page. Its last state is kept as ``page.png`` in the test's temp directory."""
    with fresh_page(browser, tmp_path / "page.png") as page:
        yield page
