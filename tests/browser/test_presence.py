"""A broker restart as the pages show it: 200 connected devices, none of them ever offline."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.worlds.living import LivingFleet
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

SITE, PASSWORD = "fleet", "over-the-causeway"
KEYS = [f"{SITE}/pump-{number:03}" for number in range(200)]
GONE_MS, BACK_MS = 40_000, 60_000

# Notes whatever is painted offline, if only for one frame; and that it has looked.
WITNESS = """
globalThis.seen = [];
globalThis.looks = 0;
const look = () => {
  globalThis.looks += 1;
  for (const found of document.querySelectorAll(".fleet-row.offline, .badge.offline, .count.offline"))
    if (!/^Offline\\s*0$/.test(found.textContent.trim())) globalThis.seen.push(found.textContent);
};
new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
"""


@pytest.fixture
def system(causeway: Callable[..., System]) -> Iterator[System]:
    system = causeway()
    with LivingFleet(system.parts.mosquitto.port, KEYS):
        yield system


def open_pages(fleet: Page, system: System) -> Page:
    """Log in on the way to the fleet page; the page of one device."""
    fleet.context.add_init_script(WITNESS)
    system.token("watcher", "viewer", SITE)
    system.set_password("watcher", PASSWORD)
    fleet.goto(system.url)
    fleet.get_by_label("User name").fill("watcher")
    fleet.get_by_label("Password").fill(PASSWORD)
    fleet.get_by_role("button", name="Sign in").click()
    expect(fleet.get_by_role("button", name=f"Online {len(KEYS)}")).to_be_visible()
    device = fleet.context.new_page()
    device.goto(f"{system.url}/devices/{KEYS[0]}")
    return device


def top(page: Page, selector: str) -> float:
    """Where the first of those elements begins, in pixels."""
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["y"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_restart_on_the_pages(page: Page, system: System, tmp_path: Path, how: str) -> None:
    device = open_pages(page, system)
    expect(device.locator(".badge")).to_contain_text("Online")

    assert top(page, ".fleet-body .name") == pytest.approx(top(page, ".fleet-body .status"), abs=20), "one line a row"

    getattr(system.parts.mosquitto, how)()
    expect(page.get_by_role("button", name="Unknown 200")).to_be_visible(timeout=GONE_MS)
    expect(device.locator(".badge")).to_contain_text("Unknown")
    expect(device.locator(".badge-why")).to_have_text(re.compile("^since .*: .*our (own )?link"))
    page.screenshot(path=tmp_path / "fleet-away.png")
    device.screenshot(path=tmp_path / "device-away.png")

    system.parts.mosquitto.start()
    expect(page.get_by_role("button", name="Online 200")).to_be_visible(timeout=BACK_MS)
    expect(device.locator(".badge")).to_contain_text("Online")
    device.screenshot(path=tmp_path / "device-back.png")
    for shown in (page, device):
        assert shown.evaluate("looks") > 3
        assert shown.evaluate("seen") == []
