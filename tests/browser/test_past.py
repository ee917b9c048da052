"""A device's page at another time: as it was then, and what happened when."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import sign_in
from tests.support.waiting import eventually
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser


def changed(system: System, key: str, count: int) -> None:
    """Wait until so many changes are on record."""
    api = system.api("charts", "viewer", None)
    eventually(lambda: len(api("GET", f"/devices/{key}/changes").json()["items"]) >= count)


def test_a_device_is_shown_as_of_a_time(page: Page, shared_system: System) -> None:
    key = "browser/once"
    shared_system.publish(f"devices/{key}/state", {"rate": 5})
    shared_system.wait_registered([key])
    changed(shared_system, key, 3)  # registered, presence, reported
    api = shared_system.api("browser-operator", "operator", "browser")
    assert api("PATCH", f"/devices/{key}/desired", json={"rate": 9}).status_code == 200
    shared_system.publish(f"devices/{key}/state", {"rate": 7})
    changed(shared_system, key, 5)
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="As of…").click()
    past = page.locator(".past")
    expect(past).to_contain_text("the past")
    expect(page).to_have_url(re.compile(r"at=\d+"))
    expect(past.locator(".twin")).to_contain_text("7")
    expect(page.locator(".state, .commands, .controls, .metrics")).to_have_count(0)
    past.get_by_role("button", name="Earlier change").click()
    expect(past.locator(".twin td").first).to_have_text("5")
    expect(past.locator(".desired")).to_have_text("9")
    expect(past).to_contain_text("by token browser-operator")
    page.reload()
    expect(past.locator(".twin td").first).to_have_text("5")
    past.get_by_role("button", name="Later change").click()
    expect(past.locator(".twin td").first).to_have_text("7")
    past.get_by_role("slider").focus()
    page.keyboard.press("Home")
    expect(past.get_by_role("alert")).to_contain_text(f"there was no device {key} then")
    past.get_by_role("button", name="Back to now").click()
    expect(page).not_to_have_url(re.compile("at="))
    expect(page.locator(".state")).to_be_visible()


def test_what_happened_is_marked_at_its_time(page: Page, shared_system: System) -> None:
    key = "browser/marked"
    shared_system.publish(f"devices/{key}/telemetry", {"t": 1})
    shared_system.wait_registered([key])
    shared_system.publish(f"devices/{key}/event/door", {"open": True})
    shared_system.publish(f"devices/{key}/status", "offline")
    changed(shared_system, key, 3)
    sign_in(page, shared_system, f"/devices/{key}?minutes=60")  # a mark is over a minute wide
    marks = page.get_by_role("toolbar", name="What happened")
    expect(marks.locator(".mark")).to_have_count(1)
    expect(page.locator(".spell.offline")).to_have_count(1)
    marks.locator(".mark").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".marks-said")).to_contain_text('event door {"open": true}')
    shared_system.publish(f"devices/{key}/event/door", {"open": False})
    expect(page.locator(".marks-said")).to_contain_text('event door {"open": false}')
