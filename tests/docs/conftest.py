"""What the tests of the docs start from: the demo, once for all pages, and a reader for each."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Demo, Reader
from tests.docs.web_page import logged_in
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, manage


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """``make demo`` as docs/devices.md opens it to the house, but with fewer devices, on a database of its own."""
    directory = tmp_path_factory.mktemp("demo")
    neighbour = f"http://localhost:{free_port()}"
    found = Demo(free_port(), free_port(), f"sqlite:///{directory}/demo.sqlite3", neighbour)
    command = next(block.code for block in blocks(ROOT / "docs" / "devices.md") if block.language == "sh")
    opened = dict(re.findall(r"(MQTT_\w+)=(\S+)", command))
    ports = {"PORT": str(found.port), "MQTT_PORT": str(found.mqtt_port)}
    settings = {"DATABASE_URL": found.database, "CSRF_TRUSTED_ORIGINS": neighbour, **opened, **ports}
    process = Process("demo", manage("demo", "--devices", "6"), settings, directory / "demo.log").start()
    try:
        process.wait_for_line("Ctrl-C stops everything", 60)
        assert f"MQTT     {opened['MQTT_HOST']}:{found.mqtt_port}" in process.log()
        yield found
    finally:
        process.interrupt()


@pytest.fixture
def reader(demo: Demo, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody who follows a page."""
    directory = tmp_path / "causeway"
    directory.mkdir()
    return Reader(demo, directory, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")  # no longer: while it lives, nothing else may start a browser in this process
def visitor(demo: Demo) -> Iterator[Callable[[], BrowserContext]]:
    """A Chromium in which the demo's user is logged in, started for the first page that asks for it."""
    with contextlib.ExitStack() as open_now:
        yield functools.cache(lambda: open_now.enter_context(logged_in(demo)))
