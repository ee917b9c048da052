"""Saved views: what the fleet shows is kept under a name, for the user alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_pages import announced, sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

KEYS = ["browser/views-one", "browser/views-two"]


def test_a_view_is_saved_opened_renamed_replaced_and_deleted(page: Page, shared_system: System) -> None:
    for key in KEYS:
        announced(shared_system, key)
    shared_system.wait_registered(KEYS)
    sign_in(page, shared_system, "/?q=views-o")
    rows, menu = page.locator(".fleet-body .fleet-row"), page.locator("details.views")
    expect(rows).to_have_count(1)
    menu.locator("summary").click()
    expect(menu).to_contain_text("None saved yet.")
    menu.get_by_label("Name of the view").fill("Only one")
    menu.get_by_role("button", name="Save").click()
    saved = menu.get_by_role("link", name="Only one")
    expect(saved).to_have_attribute("aria-current", "true")
    assert list(complaints(page)) == []

    page.get_by_label("Search name or tag").fill("views-")
    expect(rows).to_have_count(2)
    expect(saved).not_to_have_attribute("aria-current", "true")
    page.reload()  # it is the server that has them
    menu.locator("summary").click()
    saved.click()
    expect(page.get_by_label("Search name or tag")).to_have_value("views-o")
    expect(rows).to_have_count(1)

    menu.locator("summary").click()
    menu.get_by_role("button", name="Rename Only one").click()
    menu.get_by_label("Name of the view").first.fill("One")
    menu.get_by_label("Name of the view").first.press("Enter")
    renamed = menu.get_by_role("link", name="One", exact=True)
    expect(renamed).to_be_visible()
    page.get_by_label("Search name or tag").fill("views-t")
    menu.get_by_label("Name of the view").fill("One")
    menu.get_by_role("button", name="Replace").click()
    expect(renamed).to_have_attribute("aria-current", "true")
    menu.get_by_role("button", name="Delete One").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(renamed).to_have_count(0)
