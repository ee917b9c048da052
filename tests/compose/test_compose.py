"""`docker compose up` on a fresh checkout: everything runs, is driven from outside, and stays within its rights."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.compose.stack import Stack
from tests.support.clients.live import LiveSocket
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1_200)  # the first test waits for the images

RECOVERY_S = 15
BROKER_REREADS_S = 30  # it looks once a second; but each try of ours is a command in a container
SERVICES = ["mosquitto", "redis", "postgres", "gateway", "devices", "web"]
DEVICE = "demo/line-1"

Api = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.token()


@pytest.fixture(scope="module")
def api(stack: Stack, token: str) -> Api:
    return stack.api(token)


@pytest.fixture
def socket(stack: Stack, token: str) -> LiveSocket:
    return stack.socket(token)


def metric(api: Api, device: str, name: str) -> object:
    answer = api("GET", f"/devices/{device}")
    return answer.json()["metrics"].get(name, {}).get("value") if answer.is_success else None


def ledger(api: Api) -> dict[str, int]:
    account: dict[str, int] = api("GET", "/ledger").json()
    return account


def test_a_value_reaches_rest_and_a_browser(stack: Stack, api: Api, socket: LiveSocket) -> None:
    stack.mosquitto_pub("-t", f"devices/{DEVICE}/telemetry", "-m", '{"t": 21.5}')
    eventually(lambda: metric(api, DEVICE, "t") == 21.5, what="the value is in the API")
    socket.request("subscribe", devices={DEVICE: None})
    snapshot = socket.until_type("snapshot")
    assert snapshot["devices"][0]["metrics"]["t"]["value"] == 21.5

    stack.mosquitto_pub("-t", f"devices/{DEVICE}/telemetry", "-m", '{"t": 22.5}')
    (item,) = socket.until_type("delta")["items"]
    assert (item["device"], item["readings"][0]["metrics"]) == (DEVICE, {"t": 22.5})
    assert item["prev"] == snapshot["devices"][0]["rev"]


def test_a_command_reaches_the_device_and_its_ack_comes_back(stack: Stack, api: Api) -> None:
    stack.mosquitto_pub("-t", f"devices/{DEVICE}/status", "-m", "online")
    eventually(lambda: api("GET", f"/devices/{DEVICE}").is_success)
    first_received = stack.listen(f"devices/{DEVICE}/command/#")
    answer = api("POST", f"/devices/{DEVICE}/commands", json={"name": "set_led", "args": {"on": True}, "ttl_s": 60})
    assert answer.status_code == httpx.codes.ACCEPTED
    identity = answer.json()["id"]

    topic, payload = first_received()
    assert topic == f"devices/{DEVICE}/command/{identity}/set_led"
    assert json.loads(payload) == {"on": True}

    stack.mosquitto_pub("-t", f"devices/{DEVICE}/ack/{identity}", "-m", '{"status": "done"}')
    eventually(lambda: api("GET", f"/commands/{identity}").json()["status"] == "done", what="the command is done")


def test_the_printed_password_of_the_first_admin_opens_the_page(stack: Stack) -> None:
    found = re.search(r"the first user is admin, password (\S+)", stack.run("logs", "--no-color", "migrate"))
    assert found
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=15) as browser:
        form = {"username": "admin", "password": found[1]}
        browser.get("/login")
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        assert browser.post("/login", data=form).status_code == httpx.codes.FOUND
        page = browser.get("/")
        assert page.status_code == httpx.codes.OK
        for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
            assert browser.get(address).status_code == httpx.codes.OK, address


def test_a_provisioned_device_may_use_its_own_topics_only(stack: Stack, api: Api) -> None:
    device = "demo/aa:bb:cc"  # a colon ends the user name in Mosquitto's file; it is written differently there
    printed = stack.inside("web", "python", "manage.py", "provision_device", device)
    credentials = {name: value for name, _, value in (line.partition(" ") for line in printed.splitlines())}
    username, password = credentials["username"].strip(), credentials["password"].strip()
    publish = ["mosquitto", "mosquitto_pub", "-q", "1", "-u", username, "-P", password, "-m", "1"]

    eventually(
        lambda: stack.inside(*publish, "-t", f"devices/{device}/telemetry/t") is not None,
        BROKER_REREADS_S,
        what="the broker knows the device",
    )
    eventually(lambda: metric(api, device, "t") == 1, what="the device's value is in the API")
    stack.inside(*publish, "-t", "devices/demo/another/telemetry/t")  # confirmed and dropped, as MQTT has it
    stack.inside(*publish, "-t", f"devices/{device}/telemetry/after")
    eventually(lambda: metric(api, device, "after") == 1)
    assert api("GET", "/devices/demo/another").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("who", [[], ["-u", "gateway", "-P", "wrong"], ["-u", "fleet"]])
def test_nobody_comes_in_without_a_password(stack: Stack, who: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"[Nn]ot authori[sz]ed"):
        stack.inside("mosquitto", "mosquitto_pub", *who, "-t", "devices/demo/x/state", "-m", "{}")


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_healthy_and_unprivileged(stack: Stack, service: str) -> None:
    eventually(lambda: "(healthy)" in stack.run("ps", service), 30, what=f"{service} is healthy", pause_s=1)
    assert stack.inside(service, "id", "-u").strip() != "0"
    with pytest.raises(AssertionError, match="Read-only file system"):
        stack.inside(service, "touch", "/etc/x")


def test_only_web_and_broker_are_published(stack: Stack) -> None:
    published = stack.run("ps")
    assert sorted(re.findall(r"127\.0\.0\.1:(\d+)->(\d+)", published)) == sorted(
        [(str(stack.mqtts_port), "8883"), (str(stack.mqtt_port), "1884"), (str(stack.port), "8000")]
    )
    assert "0.0.0.0:" not in published


def test_case_g9_devices_come_in_by_tls_with_the_certificate_that_was_made(stack: Stack, api: Api) -> None:
    client = stack.mqtt("fleet", stack.secret("mqtt_fleet_password"), authority=stack.secret("ca.crt"))
    client.publish("devices/demo/by-tls/telemetry", {"n": 1})
    client.close()
    eventually(lambda: metric(api, "demo/by-tls", "n") == 1, what="the value is in the API")
    listed = stack.inside("mosquitto", "ls", "-ln", "/run/causeway")
    assert re.search(r"^-r-------- +1 +(\d+) .* server\.key$", listed, re.MULTILINE)
    assert "ca.key" not in listed


def test_a_burst_arrives_whole(stack: Stack, api: Api) -> None:
    count = 5_000
    before = ledger(api)["applied"]
    client = stack.mqtt("fleet", stack.secret("mqtt_fleet_password"))
    client.publish_all((f"devices/demo/burst-{n % 50}/telemetry", {"n": n}) for n in range(count))
    eventually(lambda: ledger(api)["applied"] >= before + count, 60, what="all are applied", pause_s=0.2)
    # The gateway's side of the account follows with its next beat; nothing else may be in it.
    eventually(lambda: ledger(api)["received"] == ledger(api)["applied"], what="both sides agree")
    account = ledger(api)
    assert account["rejected"] == account["quarantined"] == account["dropped"] == account["in_flight"] == 0


@pytest.mark.parametrize("service", ["mosquitto", "redis", "postgres"])
def test_a_restarted_server_stops_nothing_for_long(stack: Stack, api: Api, socket: LiveSocket, service: str) -> None:
    device = f"demo/after-{service}"
    stack.mosquitto_pub("-t", f"devices/{device}/telemetry", "-m", '{"n": 1}')
    eventually(lambda: metric(api, device, "n") == 1)
    socket.request("subscribe", devices={device: None})
    socket.until_type("snapshot")

    stack.run("restart", service)
    eventually(lambda: stack.inside("mosquitto", "sh", "/mosquitto/config/healthcheck") is not None, RECOVERY_S)
    stack.mosquitto_pub("-t", f"devices/{device}/telemetry", "-m", '{"n": 2}')
    socket.until(lambda frame: frame["type"] == "delta" and '"n": 2' in json.dumps(frame), RECOVERY_S)
    stack.wait_ready(RECOVERY_S)


def test_up_again_changes_no_secret(stack: Stack) -> None:
    before = stack.secret("secret_key")
    stack.run("up", "--detach", timeout_s=600)
    stack.wait_ready()
    assert stack.secret("secret_key") == before
    assert stack.run("logs", "--no-color", "migrate").count("the first user is") == 1
