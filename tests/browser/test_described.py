"""A device that says what it is: its values are set by controls, its actions sent by forms."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_pages import announced, metric, sign_in
from tests.support.clients.mqtt import MqttClient
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser

KEY = "browser/described-shed"
MODEL = {
    "name": "Shed",
    "properties": [
        {"metric": "temperature", "label": "Warmth", "kind": "number", "unit": "°C"},
        {"metric": "lamp", "label": "Lamp", "kind": "boolean", "settable": True},
        {"metric": "level", "kind": "number", "unit": "%", "low": 0, "high": 100, "step": 5, "settable": True},
        {"metric": "mode", "kind": "enum", "values": ["off", "heat_cool"], "settable": True},
        {"metric": "target", "kind": "number", "unit": "°C", "settable": True},
    ],
    "actions": [
        {"name": "identify", "label": "Blink", "args": [{"metric": "seconds", "kind": "number", "low": 1, "high": 60}]}
    ],
}


@pytest.fixture
def device(shared_system: System) -> MqttClient:
    device = announced(shared_system, KEY)
    device.subscribe(f"devices/{KEY}/command/#")
    device.publish(f"devices/{KEY}/model", MODEL, retain=True)
    device.publish(f"devices/{KEY}/telemetry", {"lamp": False, "level": 40, "mode": "off", "target": 19})
    shared_system.wait_registered([KEY])
    return device


def test_values_are_set_by_controls_and_actions_sent_by_forms(
    page: Page, shared_system: System, device: MqttClient
) -> None:
    sign_in(page, shared_system, f"/devices/{KEY}")
    expect(metric(page, "Warmth")).to_have_text("20.5 °C")
    assert list(complaints(page)) == []

    lamp = page.get_by_role("switch", name="Lamp")
    lamp.click()
    assert device.expect(f"devices/{KEY}/command/+/set").json() == {"lamp": True}
    note = page.get_by_role("group", name="Lamp").get_by_role("status")
    expect(note).to_have_text("on is set, and not reported yet")
    device.publish(f"devices/{KEY}/telemetry", {"lamp": True})
    expect(note).to_be_empty()
    expect(lamp).to_be_checked()

    page.get_by_role("slider", name="level").press("ArrowRight")
    assert device.expect(f"devices/{KEY}/command/+/set").json() == {"level": 45}
    page.get_by_role("combobox", name="mode").select_option(label="heat cool")
    assert device.expect(f"devices/{KEY}/command/+/set").json() == {"mode": "heat_cool"}
    target = page.get_by_role("group", name="target")
    target.get_by_role("textbox").fill("warm")
    target.get_by_role("button", name="Set").click()
    expect(target.get_by_role("alert")).to_have_text("That is nothing that can be set here.")
    target.get_by_role("textbox").fill("21,5")
    target.get_by_role("button", name="Set").click()
    asked = device.expect(f"devices/{KEY}/command/+/set")
    assert asked.json() == {"target": 21.5}
    device.publish(f"devices/{KEY}/ack/{asked.topic.split('/')[4]}", {"status": "rejected", "reason": "too warm"})
    expect(target.get_by_role("status")).to_contain_text("The device refused 21.5 °C: too warm")

    page.get_by_text("Blink…").click()
    form = page.locator("details.action")
    form.get_by_role("textbox").fill("90")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    assert list(complaints(page)) == []
    form.get_by_role("textbox").fill("9")
    form.get_by_role("button", name="Send").click()
    assert device.expect(f"devices/{KEY}/command/+/identify").json() == {"seconds": 9}
