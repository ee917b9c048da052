"""Through all processes: what must not be sent twice is sent once; what comes over HTTP counts once."""

import threading
import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from tests.support.dialects.rows import rows
from tests.support.servers.processes import manage, run_command
from tests.support.waiting import eventually
from tests.support.worlds.system import System

pytestmark = pytest.mark.timeout(300)

PLUG, TOGGLE = "home/tasmota~tasmota_A1B2C3", b"TOGGLE"
DISCOVERY = 18  # rows of the corpus, by which the plug is known
MESSAGES = 40


def test_a_toggle_is_published_once_although_its_worker_is_killed_right_after_and_ends_unconfirmed(
    causeway: Callable[..., System],
) -> None:
    system = causeway(workers=1, DIALECTS="native,tasmota@home")
    device = system.mqtt()
    device.subscribe("cmnd/#")
    for row in rows("tasmota")[:DISCOVERY]:
        system.publish(row.topic, row.payload, retain=row.retain)
    api = system.api(site=None)
    eventually(lambda: "actions" in api("GET", f"/devices/{PLUG}").json().get("description", {}), 30)
    assert api("POST", f"/devices/{PLUG}/commands", json={"name": "explode"}).status_code == 422
    command = api("POST", f"/devices/{PLUG}/commands", json={"name": "toggle", "args": {"relay": 1}}).json()

    heard: list[bytes] = []

    def toggles() -> int:
        heard.extend(bytes(one.payload) for one in device.received())
        return heard.count(TOGGLE)

    eventually(lambda: toggles() == 1, 20, what="the toggle is published")
    system.workers[0].kill()
    system.workers[0].start()
    system.wait_ready()

    def ended() -> bool:
        return bool(api("GET", f"/commands/{command['id']}").json()["status"] == "unconfirmed")

    eventually(ended, 120, what="nobody has answered", retry_on=(httpx.HTTPError,))
    assert toggles() == 1
    timeline = api("GET", f"/commands/{command['id']}").json()["timeline"]
    assert (timeline[0]["by"], timeline[-1]["by"]) == ("causeway", "causeway")


def test_each_message_over_http_takes_effect_once_although_web_and_worker_are_killed(
    causeway: Callable[..., System],
) -> None:
    system = causeway(workers=1)
    printed = run_command(manage("provision_device", "demo/meter", "--http"), system.settings)
    device = system.client(printed.stdout.split()[-1])
    done = threading.Event()

    def send() -> None:
        for number in range(MESSAGES):
            accepted = False
            while not accepted:  # as a device does: the same message until it is accepted
                try:
                    answer = device.post(
                        "/api/v1/ingest/demo/meter/telemetry",
                        json={"n": number},
                        headers={"Idempotency-Key": f"m{number}"},
                    )
                    accepted = answer.status_code == httpx.codes.ACCEPTED
                except httpx.HTTPError:
                    pass
                if not accepted:
                    time.sleep(0.2)
        done.set()

    api = system.api(site=None)
    sender = threading.Thread(target=send)
    sender.start()
    for process, after in ((system.workers[0], 10), (system.web, 20)):
        eventually(partial(has_sent, api, after), 60, retry_on=(httpx.HTTPError, KeyError))
        process.kill()
        process.start()
        system.wait_ready()
    assert done.wait(120)
    sender.join()
    found = api("GET", "/devices/demo/meter/readings", params={"limit": 500}).json()["items"]
    assert [one["metrics"]["n"] for one in found] == list(range(MESSAGES))
    ledger = api("GET", "/ledger").json()
    assert (ledger["balanced"], ledger["applied"]) == (True, MESSAGES)


def has_sent(api: Callable[..., httpx.Response], most: int) -> bool:
    return len(api("GET", "/devices/demo/meter/readings", params={"limit": 500}).json()["items"]) >= most
