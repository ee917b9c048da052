"""axe-core on every page: four widths, light, dark, forced colours; values, commands, quarantine, an open question.

No page scrolls sideways meanwhile.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import announced, sign_in
from tests.support.environment import ROOT
from tests.support.worlds.system import Factory, System

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
KEY = "browser/accessible"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [
    *((width, scheme, "none") for width in (320, 768, 1440, 2560) for scheme in ("light", "dark")),
    *((width, "light", "active") for width in (320, 1440)),
]


def complaints(page: Page) -> Iterator[str]:
    """What axe finds, in all looks."""
    page.evaluate(AXE.read_text())
    for width, scheme, forced in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, forced_colors=forced, reduced_motion="reduce")  # type: ignore[arg-type]
        expect(page.locator("html")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{width} {scheme} {forced}: scrolls sideways, to {wide}"
        found: list[dict[str, Any]] = page.evaluate(
            "async (tags) => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations", RULES
        )
        for violation in found:
            for node in violation["nodes"]:
                yield f"{width} {scheme} {forced} {violation['id']}: {node['target']} {node['failureSummary']!r}"


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


def test_the_login_page_is_accessible(page: Page, system: System) -> None:
    page.goto(f"{system.url}/login")
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
