"""Each part of the chain is killed with a page open: named within 5 s, nothing looks live, whole again within 5 s."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.clients.browser import chromium, fresh_page
from tests.support.servers.processes import Process
from tests.support.servers.service import Service
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.system import System

KEY, PASSWORD = "faults/pump", "over-the-causeway"
NAMED_MS = WHOLE_MS = 5_000
WEB_AWAY_S = 30 if LONG else 10  # case I3: 30 s, of which pages try again every 2 s after the first few
LIVE_AGAIN_MS = 3_000

# How the banner names each part, and what its process logs when it is back (None: its start waits for that).
PARTS = {
    "redis": ("The channel layer \\(Redis\\) carries no messages", None),
    "gateway": ("No MQTT gateway is running", "gateway started"),
    "worker": ("The device workers don't commit", "device workers started"),
    "broker": ("The MQTT broker can't be reached", None),
    "postgres": ("The database can't be read or written", None),
}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with chromium() as browser, fresh_page(browser, tmp_path / "page.png") as page:
        yield page


@pytest.fixture
def system(causeway: Callable[..., System]) -> System:
    system = causeway(workers=1)
    system.publish(f"devices/{KEY}/telemetry", {"t": 1})
    system.wait_registered([KEY])
    system.token("watcher", "operator", "faults")
    system.set_password("watcher", PASSWORD)
    return system


def open_page(page: Page, system: System) -> None:
    page.goto(f"{system.url}/devices/{KEY}")
    page.get_by_label("User name").fill("watcher")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("html")).to_have_attribute("data-fresh", "yes")


def told(page: Page, words: str) -> float:
    """How many seconds it takes until the page names the part; by then it shows nothing as live."""
    begun = time.monotonic()
    expect(page.locator(".banner")).to_contain_text(re.compile(words), timeout=NAMED_MS)
    assert page.locator("html").get_attribute("data-fresh") == "no"
    assert page.locator(".link-label").inner_text() != "Live"
    return time.monotonic() - begun


def whole(page: Page, within_ms: int) -> float:
    """How many seconds it takes until all is shown as live."""
    begun = time.monotonic()
    expect(page.locator("html")).to_have_attribute("data-fresh", "yes", timeout=within_ms)
    expect(page.locator(".link-label")).to_have_text("Live")
    expect(page.locator(".banner")).to_have_count(0)
    return time.monotonic() - begun


@pytest.mark.timeout(300)
def test_case_i1_case_i2_each_part_is_named_and_nothing_looks_live_meanwhile(page: Page, system: System) -> None:
    parts = system.parts
    things: dict[str, Service | Process] = {
        "redis": parts.redis,
        "gateway": system.gateway,
        "worker": system.workers[0],
        "broker": parts.mosquitto,
        "postgres": parts.postgres,
    }
    open_page(page, system)
    for value, (name, (words, started)) in enumerate(PARTS.items(), 2):
        thing = things[name]
        thing.kill()
        named_s = told(page, words)
        if name != "broker":
            system.publish(f"devices/{KEY}/telemetry", {"t": value})
        mark = thing.position() if isinstance(thing, Process) else 0
        thing.start()
        if isinstance(thing, Process) and started:
            thing.wait_for_line(started, 30, since=mark)
        whole_s = whole(page, WHOLE_MS)
        if name != "broker":
            expect(page.locator(".metrics")).to_contain_text(str(value))
        print(f"{name}: named after {named_s:.1f} s, whole {whole_s:.1f} s after its return")


def _answers(system: System) -> bool:
    try:
        return httpx.get(f"{system.url}/healthz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(120)
def test_case_i3_a_page_is_live_within_three_seconds_of_the_webs_return(page: Page, system: System) -> None:
    open_page(page, system)
    system.web.kill()
    named_s = told(page, "Reconnecting.*Showing values as of")
    away_from = time.monotonic()
    system.publish(f"devices/{KEY}/telemetry", {"t": 42})
    eventually(lambda: time.monotonic() - away_from >= WEB_AWAY_S, WEB_AWAY_S + 5)
    system.web.start()
    eventually(lambda: _answers(system), 30, what="the web answers")
    whole_s = whole(page, LIVE_AGAIN_MS)
    expect(page.locator(".metrics")).to_contain_text("42")
    print(f"web: named after {named_s:.1f} s, live {whole_s:.1f} s after its return")
