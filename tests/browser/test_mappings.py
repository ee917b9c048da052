"""The page of mappings: what nobody takes is heard, becomes a mapping in three clicks, and then a device."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_pages import sign_in
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

TOPIC = "workshop/lathe/temperature"


def test_an_unknown_topic_becomes_a_device_in_three_clicks(page: Page, shared_system: System) -> None:
    shared_system.publish(TOPIC, "21,5", retain=True)
    shared_system.token("browser-admin", "admin", None)
    sign_in(page, shared_system, "/mappings", role="admin")
    page.get_by_label("Topic filter").fill("workshop/#/x")
    page.get_by_role("button", name="Listen").click()
    expect(page.get_by_label("Topic filter")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Topic filter").fill("workshop/#")

    page.get_by_role("button", name="Listen").click()
    heard = page.locator("tr", has_text=TOPIC)
    expect(heard).to_contain_text("21,5")
    expect(heard).to_contain_text("no dialect and no mapping has this topic")
    assert list(complaints(page)) == []
    page.get_by_role("button", name=f"Make a mapping of {TOPIC}").click()
    form = page.get_by_role("dialog", name="New mapping")
    expect(form.get_by_label("Topic pattern")).to_have_value("workshop/{device}/{metric}")
    expect(form.locator(".rule-values")).to_have_text(re.compile("temperature.*21.5"))
    assert list(complaints(page)) == []
    key = form.locator(".rule-preview td").nth(1).inner_text()
    form.get_by_role("button", name="Save").click()

    rule = page.locator("tr", has_text="workshop/{device}/{metric}")
    expect(rule).to_be_visible()
    shared_system.wait_registered([key])
    page.goto(f"{shared_system.url}/?q={key}")
    expect(page.locator(".fleet-row", has_text=key)).to_contain_text("21.5")


def test_what_is_wrong_stands_beside_its_field_and_a_mapping_is_deleted(page: Page, shared_system: System) -> None:
    shared_system.token("browser-admin", "admin", None)
    sign_in(page, shared_system, "/mappings", role="admin")
    page.get_by_role("button", name="New mapping").click()
    form = page.get_by_role("dialog", name="New mapping")
    form.get_by_label("Site").fill("browser")
    form.get_by_label("Topic pattern").fill("{device}/#")
    form.get_by_role("button", name="Save").click()
    pattern = form.get_by_label("Topic pattern")
    expect(pattern).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".kit-field", has_text="Topic pattern")).to_contain_text("its first level is a word")
    pattern.fill("shed/{device}/{metric}")
    expect(pattern).to_have_attribute("aria-invalid", "false")
    form.get_by_role("button", name="Save").press("Enter")
    expect(form).not_to_be_visible()
    page.get_by_role("button", name="Delete shed/{device}/{metric}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("tr", has_text="shed/")).to_have_count(0)
