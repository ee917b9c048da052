"""An app's page and panel in the pages' document; what of it fails says so in its own place, and harms nobody else."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import announced, metric, sign_in
from tests.support.servers.processes import migrate
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

KEY = "browser/fern"


@pytest.fixture
def system(causeway: Callable[..., System]) -> System:
    system = causeway(workers=1, start=False, CAUSEWAY_APPS="tests.apps.plants")
    migrate(system.settings)
    return system.start()


def test_an_apps_page_and_panel_are_there_and_a_panel_that_throws_harms_no_other(page: Page, system: System) -> None:
    device = announced(system, KEY)
    device.publish(f"devices/{KEY}/telemetry", {"leaf": 30})
    sign_in(page, system, "/")
    page.evaluate("globalThis.marked = true")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Plants").click()
    expect(page.get_by_role("heading", name="Plants")).to_be_visible()
    expect(page.locator(".plants")).to_contain_text(KEY)
    expect(page).to_have_title("Plants · Causeway")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Fleet").click()
    page.get_by_role("link", name=KEY, exact=True).click()
    leaves = page.locator(".panel", has=page.get_by_role("heading", name="Leaves"))
    expect(leaves).to_contain_text("Leaves: 30 °C")
    device.publish(f"devices/{KEY}/telemetry", {"leaf": 101})
    expect(leaves).to_contain_text("no leaf is 101 degrees warm")
    device.publish(f"devices/{KEY}/telemetry", {"leaf": 20, "temperature": 24.25})
    expect(metric(page, "temperature")).to_have_text("24.25")
    expect(page.locator(".panel.broken")).to_have_count(1)
    leaves.get_by_role("button", name="Load it again").click()
    expect(leaves).to_contain_text("Leaves: 20 °C")
    expect(page.locator(".panel.broken")).to_have_count(0)
    assert page.evaluate("globalThis.marked") is True

    page.goto(f"{system.url}/plants/browser/map")
    device.publish(f"devices/{KEY}/telemetry", {"moisture": 41})
    spot = page.locator(".greenhouse li")
    expect(spot).to_have_text("41 %")
    device.publish(f"devices/{KEY}/telemetry", {"moisture": 12})
    expect(spot).to_have_text("12 %")
    system.web.wait_for_line(r"a page reported an error.*no leaf is 101 degrees warm")


def test_a_panel_whose_module_does_not_arrive_says_so(page: Page, system: System) -> None:
    announced(system, KEY)
    sign_in(page, system, "/ops")
    page.route("**/plants/panel.*", lambda route: route.abort("addressunreachable"))
    page.goto(f"{system.url}/devices/{KEY}")
    broken = page.locator(".panel.broken")
    expect(broken.get_by_role("heading")).to_have_text("Leaves")
    expect(metric(page, "temperature")).to_have_text("20.5")
    page.unroute("**/plants/panel.*")
    broken.get_by_role("button", name="Load it again").click()
    expect(page.locator(".panel", has=page.get_by_role("heading", name="Leaves"))).to_contain_text("No leaves.")
