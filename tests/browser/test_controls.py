"""What somebody does on the device page, and what of a device was refused: each shown for what it is."""

import re
import threading

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_pages import announced, sign_in
from tests.support.clients.mqtt import MqttClient
from tests.support.worlds.system import System

pytestmark = pytest.mark.browser


def commands_of(system: System, key: str) -> list[str]:
    found = system.api("browser-operator", "operator", "browser")("GET", f"/devices/{key}/commands").json()["items"]
    return [command["name"] for command in found]


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return "browser/" + re.sub(r"[^a-z0-9]+", "-", request.node.name)[5:50]


@pytest.fixture
def device(shared_system: System, key: str) -> MqttClient:
    client = announced(shared_system, key)
    client.publish(f"devices/{key}/state", {"commands": ["identify", "reboot"]})
    return client


def test_case_i10_a_grave_command_is_confirmed_once_whichever_way_it_is_sent(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    sign_in(page, shared_system, f"/devices/{key}")
    question, yes = page.get_by_role("dialog"), page.get_by_role("button", name="Send reboot")
    page.get_by_label("Command name").fill("reboot")
    page.get_by_label("Command name").press("Enter")
    expect(question).to_contain_text(f"Send reboot to {key}?")
    page.keyboard.press("Enter")  # on what has the focus: Cancel
    expect(question).to_have_count(0)
    expect(page.get_by_label("Command name")).to_be_focused()
    quick = page.get_by_role("button", name="reboot", exact=True)
    quick.click(click_count=6, delay=20)
    expect(question).to_be_visible()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert commands_of(shared_system, key) == []
    quick.click()
    yes.click(click_count=6, delay=20)
    expect(page.locator(".command")).to_have_count(1)
    expect(quick).to_be_disabled()  # the device has not answered yet
    page.get_by_label("Command name").press("Enter")
    expect(question).to_have_count(0)
    assert commands_of(shared_system, key) == ["reboot"]


def test_case_i10_who_clicks_twice_means_one(page: Page, shared_system: System, device: MqttClient, key: str) -> None:
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="identify", exact=True).click(click_count=6, delay=20)
    expect(page.locator(".command")).to_have_count(1)
    assert commands_of(shared_system, key) == ["identify"]


def test_case_b5_a_metric_is_removed_once_that_is_confirmed(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    device.publish(f"devices/{key}/telemetry", {"gone": 1, "kept": 2})
    sign_in(page, shared_system, f"/devices/{key}", "admin")
    row, question = page.locator(".metric-name", has_text="gone"), page.get_by_role("dialog")
    expect(row).to_be_visible()
    page.get_by_text("Remove a metric").click()
    page.get_by_label("Metric to remove").select_option("gone")
    page.get_by_role("button", name="Remove…").click()
    expect(question).to_contain_text(f"Remove gone from {key}?")
    page.keyboard.press("Enter")  # on what has the focus: Cancel
    expect(question).to_have_count(0)
    expect(row).to_be_visible()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove gone").click()
    expect(row).to_have_count(0)
    metrics = shared_system.api("browser-admin", "admin", "browser")("GET", f"/devices/{key}").json()["metrics"]
    assert "gone" not in metrics
    assert metrics["kept"]["value"] == 2


def test_case_i7_events_are_there_after_a_reload(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    for nth in range(3):
        device.publish(f"devices/{key}/event/door", {"nth": nth})
    sign_in(page, shared_system, f"/devices/{key}")
    texts = [re.compile(f'door.*{{"nth": {nth}}}') for nth in (2, 1, 0)]
    expect(page.locator(".event")).to_have_text(texts)
    device.publish(f"devices/{key}/event/bell", {"nth": 3})
    expect(page.locator(".event")).to_have_text([re.compile("bell"), *texts])
    page.reload()
    expect(page.locator(".event")).to_have_text([re.compile("bell"), *texts])


def test_case_i7_an_event_between_a_look_at_the_past_and_the_snapshot_is_shown(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    shown = threading.Event()

    def hold_snapshots(socket: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if '"type":"snapshot"' in str(message) and not shown.is_set():
                held.append((socket, message))
            else:
                socket.send(message)

        socket.connect_to_server().on_message(pass_on)

    def answer_as_before(route: Route) -> None:
        """What an earlier look would have found: nothing, until the snapshot is there."""
        route.continue_() if shown.is_set() else route.fulfill(json={"items": [], "next": None})

    device.publish(f"devices/{key}/event/bell", None)
    page.route_web_socket("**/ws/v1/", hold_snapshots)
    page.route(f"**/devices/{key}/events*", answer_as_before)
    with page.expect_request(f"**/devices/{key}/commands*"):  # asked for as soon as the server has taken us up
        sign_in(page, shared_system, f"/devices/{key}")
    shown.set()
    for socket, message in held:
        socket.send(message)
    expect(page.locator(".event")).to_have_text([re.compile("bell")])


def test_case_i8_a_device_that_is_not_understood_says_so(page: Page, shared_system: System, key: str) -> None:
    mute = shared_system.mqtt()
    mute.publish(f"devices/{key}/telemetry", '{"temp": 21.5,')
    shared_system.wait_registered([key])
    sign_in(page, shared_system, f"/devices/{key}")
    expect(page.get_by_role("link", name="not understood")).to_be_visible()
    expect(page.locator(".refused-all")).to_have_text("No message of this device could be understood so far.")
    for text in (f"devices/{key}/telemetry", "bad_json", "at 14", '{"temp": 21.5,'):
        expect(page.locator(".refused")).to_contain_text(text)
    page.get_by_role("link", name="Its whole quarantine").click()
    expect(page.locator(".quarantine tbody tr")).to_have_count(1)
    page.go_back()
    mute.publish(f"devices/{key}/telemetry", '{"temp": 21.5, "hum": NaN}')
    expect(page.locator(".metrics")).to_contain_text("21.5")
    expect(page.get_by_role("link", name="not understood")).to_have_count(0)
    expect(page.locator(".refused")).to_contain_text(re.compile("hum.*not_finite"))


def test_case_j9_a_proxy_without_the_upgrade_lines_is_named_and_no_panel_claims_anything(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    sign_in(page, shared_system, "/ops")
    page.route_web_socket("**/ws/v1/", lambda socket: socket.close())
    page.route("**/api/v1/devices/**", lambda route: route.abort("addressunreachable"))
    page.goto(f"{shared_system.url}/devices/{key}")
    expect(page.locator(".banner")).to_contain_text("lacks 'Upgrade: websocket' and 'Connection: Upgrade'")
    expect(page.locator("html")).to_have_attribute("data-fresh", "no")
    for claim in ("Nothing reported", "No commands yet", "None yet", "No telemetry yet", "Online"):
        expect(page.locator("main")).not_to_contain_text(claim)


def test_its_messages_are_shown_as_they_come_with_what_became_of_them(
    page: Page, shared_system: System, device: MqttClient, key: str
) -> None:
    sign_in(page, shared_system, f"/devices/{key}")
    speaks = page.get_by_role("region", name="How this device speaks")
    expect(speaks).to_contain_text(f"devices/{key}/#")
    speaks.get_by_role("button", name="Look at its messages").click()
    retained = speaks.locator("tr", has_text=f"devices/{key}/status")
    expect(retained).to_contain_text("applied")
    device.publish(f"devices/{key}/telemetry", {"depth": 3.5})
    device.publish(f"devices/{key}/telemetry", "{")
    expect(speaks.locator("tr", has_text='{"depth": 3.5}')).to_contain_text("depth 3.5")
    expect(speaks.locator("tbody tr").first).to_contain_text("bad_json")
    assert list(complaints(page)) == []


def test_a_patch_of_desired_is_kept_and_shows_what_others_changed(page: Page, shared_system: System) -> None:
    key = "browser/drafted"
    device = announced(shared_system, key)
    device.publish(f"devices/{key}/status", "offline", retain=True)
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="Set desired…").click()
    patch, editor = page.get_by_label("Merge patch on desired"), page.locator(".editor")
    patch.fill('{\n  "led": tru\n}')
    expect(editor.get_by_role("alert")).to_contain_text("Line 2, column 10: a value is expected")
    patch.fill('{"led": true}')
    expect(editor.get_by_role("note")).to_contain_text("The device is offline since")
    page.reload()
    expect(patch).to_have_value('{"led": true}')
    expect(editor.locator("button.primary")).to_be_enabled()
    api = shared_system.api("browser-operator", "operator", "browser")
    assert api("PATCH", f"/devices/{key}/desired", json={"led": False, "level": 3}).is_success
    expect(editor.get_by_role("status").locator("li")).to_have_text(
        [re.compile("led.*false.*in your patch, too"), re.compile("level.*3 *$")]
    )
    expect(editor.locator("button.primary")).to_be_disabled()
    page.get_by_role("button", name="Seen").click()
    editor.locator("button.primary").click()
    expect(editor).to_have_count(0)
    led = page.locator(".twin tbody tr", has=page.get_by_role("rowheader", name="led", exact=True))
    expect(led.locator(".desired")).to_contain_text("true")


def test_arguments_say_where_they_are_wrong(page: Page, shared_system: System) -> None:
    key = "browser/argued"
    announced(shared_system, key)
    sign_in(page, shared_system, f"/devices/{key}")
    page.get_by_role("button", name="Edit the arguments of set_led").click()
    arguments = page.get_by_label("Arguments as a JSON object")
    arguments.fill('{\n  "on": true\n  "level": 3\n}')
    arguments.press("Control+Enter")
    expect(page.locator(".composer [role=alert]")).to_contain_text("Line 3, column 3: a comma")
    assert arguments.evaluate("field => field.value.slice(field.selectionStart)") == '"level": 3\n}'
