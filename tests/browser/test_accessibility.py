"""axe-core on every page: four widths, light, dark, forced colours; values, commands, quarantine, an open question.

No page scrolls sideways meanwhile. Other modules look at more states by :func:`complaints`: mappings, views, controls.
"""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import announced, sign_in
from tests.support.environment import ROOT
from tests.support.worlds.system import Factory, System

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
KEY = "browser/accessible"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 768, 1440, 2560)
ALL_RULES = {"type": "tag", "values": RULES}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# What else there is to find, colours have no part in: all rules in the first look of each width, in the others these.
LOOKS: list[tuple[Literal["light", "dark"], Literal["none", "active"], dict[str, Any]]] = [
    ("light", "none", ALL_RULES),
    ("dark", "none", COLOURS),
    ("light", "active", COLOURS),
]
RUN = "async (rules) => (await axe.run({runOnly: rules, resultTypes: ['violations']})).violations"


def complaints(page: Page) -> Iterator[str]:
    """What axe finds, at all widths and in all looks."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE.read_text())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("scrollTo(0, 0)")  # else the bar at the top lies over whatever happens to be beneath it
        for scheme, forced, rules in LOOKS:
            page.emulate_media(color_scheme=scheme, forced_colors=forced, reduced_motion="reduce")
            for found in page.evaluate(RUN, rules):
                for node in found["nodes"]:
                    yield f"{width} {scheme} {forced} {found['id']}: {node['target']} {node['failureSummary']!r}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{width}: scrolls sideways, to {wide}"


@pytest.fixture
def system(shared_system: System) -> System:
    device = announced(shared_system, KEY)
    device.publish(f"devices/{KEY}/telemetry", {"temperature": 21.5, "humidity": 40, "running": True, "hum": "NaN"})
    device.publish(f"devices/{KEY}/telemetry", '{"a": NaN}')
    device.publish(f"devices/{KEY}/telemetry", "{")
    device.publish(f"devices/{KEY}/event/door", {"open": True})
    device.publish("devices/browser", "nobody's")
    device.publish(f"devices/{KEY}/state", {"led": True, "commands": ["identify", "reboot"]})
    shared_system.wait_registered([KEY])
    return shared_system


def test_where_nobody_is_let_in_is_accessible(page: Page, system: System) -> None:
    page.goto(f"{system.url}/login")
    assert list(complaints(page)) == []
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("nothing")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert list(complaints(page)) == []
    page.goto(f"{system.url}/board")
    expect(page.get_by_text("A board's link ends with its token")).to_be_visible()
    assert list(complaints(page)) == []
    sign_in(page, system, "/", role="viewer")
    page.goto(f"{system.url}/mappings")
    expect(page.get_by_role("heading", name="You may not do that")).to_be_visible()
    assert list(complaints(page)) == []
    page.goto(f"{system.url}/devices/{KEY}-that-is-not")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert list(complaints(page)) == []


def test_what_is_lost_or_not_there_is_accessible(page: Page, system: System) -> None:
    sign_in(page, system, f"/?q={KEY}-that-is-not")
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(0)
    page.get_by_text("Columns").click()
    assert list(complaints(page)) == []
    page.goto(f"{system.url}/devices/{KEY}?kiosk")
    expect(page.locator(".topbar")).to_be_hidden()
    page.context.set_offline(True)
    expect(page.locator(".banner")).to_be_visible()
    assert list(complaints(page)) == []


def test_the_administration_is_accessible(page: Page, system: System) -> None:
    sign_in(page, system, "/", role="admin")
    page.goto(f"{system.url}/admin/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert list(complaints(page)) == []


def test_the_reference_of_the_api_is_accessible_and_leads_back(page: Page, system: System) -> None:
    sign_in(page, system, "/")
    page.goto(f"{system.url}/api/v1/docs")
    assert list(complaints(page)) == []
    page.get_by_role("link", name="Back to the fleet").click()
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_visible()


def test_the_fleet_page_is_accessible(page: Page, system: System) -> None:
    sign_in(page, system, "/")
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_visible()
    assert list(complaints(page)) == []


def test_the_device_page_is_accessible(page: Page, system: System) -> None:
    sign_in(page, system, f"/devices/{KEY}")
    expect(page.locator(".refused")).to_contain_text("bad_json")
    page.get_by_role("button", name="identify", exact=True).click()
    expect(page.locator(".command")).to_have_count(1)
    page.get_by_role("button", name="Set desired…").click()
    assert list(complaints(page)) == []
    page.get_by_role("button", name="reboot", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert list(complaints(page)) == []


def test_a_device_of_the_past_and_dates_to_choose_are_accessible(page: Page, system: System) -> None:
    sign_in(page, system, f"/devices/{KEY}")
    page.get_by_role("button", name="From… to…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert list(complaints(page)) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="As of…").click()
    expect(page.locator(".past .badge")).to_be_visible()
    assert list(complaints(page)) == []


def test_the_operations_page_is_accessible(page: Page, system: System) -> None:
    sign_in(page, system, "/ops")
    expect(page.locator(".quarantine")).to_contain_text("bad_json")
    expect(page.locator(".rejected")).to_contain_text("odd_levels")
    page.get_by_text("By shard and gateway").click()
    assert list(complaints(page)) == []


def test_palette_keys_and_account_are_accessible(page: Page, system: System) -> None:
    sign_in(page, system, "/")
    expect(page.get_by_role("link", name=KEY, exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("accessible")
    expect(page.locator(".palette [aria-selected=true]")).to_contain_text(KEY)
    assert list(complaints(page)) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert list(complaints(page)) == []
    page.keyboard.press("Escape")
    page.locator(".avatar").click()
    expect(page.get_by_label("Time zone")).to_be_visible()
    assert list(complaints(page)) == []


def test_the_kit_is_accessible_in_all_its_states(page: Page, causeway: Factory) -> None:
    sign_in(page, causeway(workers=1, database="sqlite", DEBUG="true"), "/kit")
    table = page.get_by_role("table", name="Devices of the kit")
    table.locator("thead").scroll_into_view_if_needed()
    expect(table).to_contain_text("demo/pump-9")
    assert page.locator(".kit-table tbody tr").count() < 100  # of 300
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("menuitem", name="Tell an error").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("must be given").first).to_be_visible()
    assert list(complaints(page)) == []
    page.get_by_role("button", name="Menu").click()
    assert list(complaints(page)) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Ask first").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert list(complaints(page)) == []
