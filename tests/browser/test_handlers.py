"""Handlers of apps on the operations page: how each is doing, and what admins of all sites may have it do."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_pages import sign_in
from tests.support.servers.processes import manage, run_command
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

# The name is unlike that of any handler that is run, so that nobody says that it is in no app.
MADE = """
from devices.models import *
one, _ = Handler.objects.update_or_create(name="plants.water", defaults=dict(
    version=2, since_ms=1, kind="Reading", on_failure="park", state="running"))
HandlerCursor.objects.create(handler=one, shard=0, handled=31, failures=2, failed_ms=5000, why="KeyError: 'x'")
for number in range(3):
    HandlerDevice.objects.create(handler=one, device=f"hall/fern-{number}", parked_ms=4000, retry_ms=2**42,
        attempts=3, why="KeyError: 'x'", left_out=number)
    HandlerItem.objects.create(handler=one, device=f"hall/fern-{number}", kind="Reading", item={}, at_ms=1)
"""
GONE = 'from devices.models import *; Handler.objects.filter(name="plants.water").delete()'


@pytest.fixture(autouse=True)
def _handler(shared_system: System) -> Iterator[None]:
    _shell(shared_system, MADE)
    yield
    _shell(shared_system, GONE)


def _shell(system: System, code: str) -> None:
    run_command(manage("shell", "-c", code), system.settings, timeout_s=60)


def test_they_are_shown_and_told_what_to_do(page: Page, shared_system: System) -> None:
    shared_system.token("browser-admin", "admin", None)
    sign_in(page, shared_system, "/ops", role="admin")
    row = page.locator("tr", has_text="plants.water")
    expect(row).to_contain_text("no process runs it")
    expect(row).to_contain_text("KeyError: 'x'")
    expect(row).to_contain_text("3 items left out")
    row.get_by_role("button", name="3 devices parked, 3 items").click()
    expect(page.get_by_role("link", name="hall/fern-2")).to_be_visible()
    assert list(complaints(page)) == []

    row.get_by_role("button", name="Pause").click()
    question = page.get_by_role("dialog", name="Pause plants.water?")
    question.get_by_role("button", name="Cancel").click()
    expect(row).not_to_contain_text("paused")
    row.get_by_role("button", name="Pause").click()
    assert list(complaints(page)) == []
    question.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("no process runs it")

    row.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog", name="Replay plants.water?").get_by_role("button", name="Replay").click()
    expect(page.locator("tr", has_text="hall/fern-2").locator(".cell-attempts")).to_have_text("0")
    row.get_by_role("button", name="Rebuild").click()
    page.get_by_role("dialog", name="Rebuild plants.water?").get_by_role("button", name="Rebuild").click()
    expect(row).to_contain_text(re.compile("nothing"))
    expect(page.get_by_role("link", name="hall/fern-2")).not_to_be_visible()


def test_others_do_not_see_them(page: Page, shared_system: System) -> None:
    sign_in(page, shared_system, "/ops")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    expect(page.get_by_text("plants.water")).to_have_count(0)
