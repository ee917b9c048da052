"""The main journey in Firefox: sign in, fleet, device, live value, command, Back, sign out."""

from pathlib import Path

import pytest

from tests.browser.test_pages import PASSWORD, announced
from tests.support.clients.firefox import firefox
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

USER = "browser-operator"
KEY = "browser/firefox-pump"
LINK = f'a[href="/devices/{KEY}"]'


def test_from_the_fleet_to_a_device_and_back_and_out(shared_system: System, tmp_path: Path) -> None:
    system, device = shared_system, announced(shared_system, KEY)
    device.subscribe(f"devices/{KEY}/command/#")
    system.wait_registered([KEY])
    system.token(USER, "operator", "browser")
    system.set_password(USER, PASSWORD)
    with firefox(tmp_path) as tab:
        tab.open(f"{system.url}/?q=firefox")
        tab.click("#id_username")
        tab.type(USER)
        tab.click("#id_password")
        tab.type(PASSWORD)
        tab.click("button", "Sign in")
        tab.wait_text(".link-label", "^Live$")
        tab.evaluate("(globalThis.marked = true)")

        tab.click(LINK)
        tab.wait(f"document.title === '{KEY} · Causeway'")
        tab.wait_text(".metric-value", "20.5")
        device.publish(f"devices/{KEY}/telemetry", {"temperature": 21.75})
        tab.wait_text(".metric-value", "21.75")
        tab.wait("document.querySelector('.chart canvas').getClientRects().length > 0")
        tab.click(".commands button", "identify")
        command_id = device.expect(f"devices/{KEY}/command/+/identify").topic.split("/")[4]
        device.publish(f"devices/{KEY}/ack/{command_id}", {"status": "done"})
        tab.wait_text(".command .chip", "^done$")

        tab.back()
        tab.wait(f"location.href === '{system.url}/?q=firefox'")
        tab.wait(f"document.activeElement.matches('{LINK}')")
        tab.wait_text(".fleet-row", "Online.*21.75")
        assert tab.evaluate("globalThis.marked") is True, "one document"

        tab.click(".avatar")
        tab.click("button", "Sign out")
        tab.wait("document.querySelector('#id_username')")
        tab.open(f"{system.url}/devices/{KEY}")
        assert tab.evaluate("location.pathname") == "/login"
