"""The pages in a real browser on real parts: values move, commands are obeyed, nothing stale looks live."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from causeway_client import BlockingClient
from tests.support.clients.mqtt import MqttClient
from tests.support.waiting import eventually
from tests.support.worlds.system import Role, System

pytestmark = pytest.mark.browser

PASSWORD = "over-the-causeway"
_numbers = itertools.count(1)


@pytest.fixture
def key() -> str:
    """A device of this test's own."""
    return f"browser/pump-{next(_numbers)}"


@pytest.fixture
def device(shared_system: System, key: str) -> MqttClient:
    """The device, which has announced itself and reported what it can do."""
    return announced(shared_system, key)


def announced(system: System, key: str) -> MqttClient:
    client = system.mqtt()
    client.publish(f"devices/{key}/status", "online", retain=True)
    client.publish(f"devices/{key}/state", {"led": False, "commands": ["identify", "set_led"]})
    client.publish(f"devices/{key}/telemetry", {"temperature": 20.5})
    return client


def sign_in(page: Page, system: System, path: str, role: Role = "operator") -> None:
    """Log in by the form, as somebody with that role, on the way to `path`."""
    user = f"browser-{role}"
    system.token(user, role, "browser")
    system.set_password(user, PASSWORD)
    page.goto(f"{system.url}{path}")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".link-label")).to_have_text("Live")


def row(page: Page, key: str) -> Locator:
    return page.locator(".fleet-row", has=page.get_by_role("link", name=key, exact=True))


def metric(page: Page, name: str) -> Locator:
    return page.locator(".metrics tr", has_text=name).locator(".metric-value")


def test_the_fleet_moves_live(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    sign_in(page, shared_system, "/")
    expect(row(page, key)).to_contain_text("20.5")
    expect(row(page, key)).to_contain_text("Online")
    device.publish(f"devices/{key}/telemetry", {"temperature": 23.25})
    expect(row(page, key)).to_contain_text("23.25")
    device.publish(f"devices/{key}/status", "offline", retain=True)
    expect(row(page, key)).to_contain_text("Offline")
    newcomer = f"{key}-newcomer"
    device.publish(f"devices/{newcomer}/telemetry", {"temperature": 1})
    expect(row(page, newcomer)).to_be_visible()


def test_the_fleet_is_searched_and_filtered(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    device.publish(f"devices/{key}-gone/status", "offline", retain=True)
    sign_in(page, shared_system, "/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_visible()  # before, nobody minds the key
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type(key)
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Offline")).click()
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(1)
    page.reload()
    expect(page.locator(".fleet-body .fleet-row")).to_have_count(1)
    page.locator(".fleet-body a").press("Enter")
    expect(page).to_have_url(f"{shared_system.url}/devices/{key}-gone")


def test_a_value_changes_live_on_the_device_page(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    sign_in(page, shared_system, f"/devices/{key}")
    expect(metric(page, "temperature")).to_have_text("20.5")
    expect(page.locator(".badge")).to_contain_text("Online")
    device.publish(f"devices/{key}/telemetry", {"temperature": 21.75, "running": True})
    expect(metric(page, "temperature")).to_have_text("21.75")
    expect(metric(page, "running")).to_have_text("on")
    expect(page.locator(".chart canvas").first).to_be_visible()
    device.publish(f"devices/{key}/event/door", {"open": True})
    expect(page.locator(".event-list")).to_have_text(re.compile('door.*{"open": true}'))


def test_a_command_is_obeyed_and_its_way_is_shown(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    device.subscribe(f"devices/{key}/command/#")
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="identify", exact=True).click()
    got = device.expect(f"devices/{key}/command/+/identify")
    command_id = got.topic.split("/")[4]
    expect(page.locator(".command .chip")).to_have_text("sent")
    device.publish(f"devices/{key}/ack/{command_id}", {"status": "accepted"})
    expect(page.locator(".command .chip")).to_have_text("delivered")
    device.publish(f"devices/{key}/ack/{command_id}", {"status": "done", "result": {"blinked": 3}})
    expect(page.locator(".command .chip")).to_have_text("done")
    expect(page.locator(".step")).to_have_text([re.compile(step) for step in ("accepted", "sent", "delivered", "done")])
    expect(page.locator(".command-note")).to_have_text('{"blinked": 3}')
    page.reload()
    expect(page.locator(".command .chip")).to_have_text("done")


def test_a_command_with_arguments_is_typed(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    device.subscribe(f"devices/{key}/command/#")
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="set_led", exact=True).click()
    arguments = page.get_by_label("Arguments as a JSON object")
    arguments.fill("[1]")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".composer [role=alert]")).to_have_text("The arguments must be a JSON object.")
    arguments.fill('{"on": true}')
    shows_who_else_is_there(page, shared_system, key)
    page.get_by_role("button", name="Send").click()
    assert device.expect(f"devices/{key}/command/+/set_led").json() == {"on": True}


def shows_who_else_is_there(page: Page, system: System, key: str) -> None:
    """Somebody comes, sees that the page's user is about to send a command, and goes."""
    token = system.token("browser-viewer", "viewer", "browser")
    expect(page.locator(".people")).to_have_count(0)
    with (
        BlockingClient(f"ws://127.0.0.1:{system.port}/ws/v1/", token, proxy=None) as client,
        client.attend(key, "editing") as here,
    ):
        expect(page.locator(".people li")).to_have_text("browser-viewer is editing")
        everybody = {("browser-operator", "commanding"), ("browser-viewer", "editing")}
        eventually(lambda: {(one.user, one.doing) for one in here.people or ()} == everybody)
    expect(page.locator(".people")).to_have_count(0)


def test_desired_state_is_set_and_met(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    device.subscribe(f"devices/{key}/desired")
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="Set desired…").click()
    page.get_by_label("Merge patch on desired").fill('{"led": true}')
    page.locator(".editor button.primary").click()
    led = page.locator(".twin tbody tr", has=page.get_by_role("rowheader", name="led", exact=True))
    expect(led).to_have_class("pending")
    assert device.expect(f"devices/{key}/desired").json()["delta"] == {"led": True}
    device.publish(f"devices/{key}/state", {"led": True})
    expect(led).to_have_class("met")
    expect(page.locator(".editor")).to_have_count(0)


def test_a_viewer_has_no_controls(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    sign_in(page, shared_system, f"/devices/{key}", role="viewer")
    expect(metric(page, "temperature")).to_have_text("20.5")
    expect(page.locator(".composer")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("desired"))).to_have_count(0)
    device.publish(f"devices/{key}/telemetry", {"temperature": 30})
    expect(metric(page, "temperature")).to_have_text("30.0")


def test_the_operations_page_shows_where_every_message_went(page: Page, causeway: Callable[..., System]) -> None:
    system = causeway(workers=1)
    device = announced(system, "browser/pump")
    device.publish("devices/browser/pump/telemetry", "{")
    device.publish("devices/browser", "nobody's")
    sign_in(page, system, "/ops")
    expect(page.locator(".ledger [role=status]")).to_have_text("every message accounted for")
    for outcome, count in (("applied", "3"), ("quarantined", "1"), ("rejected", "1"), ("duplicate", "0")):
        found = page.locator(
            ".ledger-body > .short-table tr", has=page.get_by_role("rowheader", name=outcome, exact=True)
        )
        expect(found.locator("td.num b")).to_have_text(count)
    expect(page.locator(".chain")).to_contain_text(system.settings["GATEWAY_NAME"])
    expect(page.locator("body")).not_to_contain_text(system.settings["MQTT_CLIENT_ID"])
    expect(page.locator(".chain .chip", has_text="shard")).to_have_count(4)
    expect(page.locator(".incidents")).to_contain_text("None")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".quarantine [role=status]")).to_have_text("quarantined: bad_json")
    page.get_by_text("By shard and gateway").click()
    expect(page.locator(".by-shard")).to_be_visible()
    system.gateway.kill()
    expect(page.locator(".chain .panel-head .chip.bad")).to_have_text("MQTT gateway: down", timeout=20_000)


def test_what_is_missed_while_the_web_is_down_comes_after(page: Page, causeway: Callable[..., System]) -> None:
    system = causeway(workers=1)
    device = announced(system, "browser/pump")
    sign_in(page, system, "/devices/browser/pump")
    expect(metric(page, "temperature")).to_have_text("20.5")
    system.web.kill()
    expect(page.locator(".banner")).to_contain_text(re.compile(r"Reconnecting.*Showing values as of \d\d:\d\d:\d\d"))
    expect(page.locator("html")).to_have_attribute("data-fresh", "no")
    device.publish("devices/browser/pump/telemetry", {"temperature": 25.5})
    system.web.start()
    expect(page.locator(".link-label")).to_have_text("Live", timeout=40_000)
    expect(metric(page, "temperature")).to_have_text("25.5")
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("data-fresh", "yes")
