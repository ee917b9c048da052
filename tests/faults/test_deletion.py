"""A deleted device against a real broker that retains what it said."""

import secrets
from typing import Any

from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, System

DEVICE = "demo/kept"
TOPICS = {"status": b"online", "state": b'{"on":true}', "telemetry": b'{"t":1}', "telemetry/h": b"40"}


def retained(system: System) -> set[str]:
    """The topics of the device on which the broker retains something."""
    client, heard = system.mqtt(), set()
    for topic_filter in (f"devices/{DEVICE}/#", "end/of/it"):
        client.subscribe(topic_filter)
    system.publish("end/of/it", b"")
    while (one := client.expect()).topic != "end/of/it":
        heard |= {one.topic.removeprefix(f"devices/{DEVICE}/")} if one.retain else set()
    return heard


def test_case_a4_it_stays_deleted_over_a_new_session_and_what_is_retained_can_be_cleared(causeway: Factory) -> None:
    system = causeway(workers=1)
    api: Any = system.api()
    for suffix, payload in TOPICS.items():
        system.publish(f"devices/{DEVICE}/{suffix}", payload, retain=True)
    eventually(lambda: "h" in api("GET", f"/devices/{DEVICE}").json().get("metrics", {}))
    assert api("DELETE", f"/devices/{DEVICE}").status_code == 204
    system.gateway.terminate()
    system.gateway.settings |= {name: secrets.token_hex(8) for name in ("GATEWAY_NAME", "MQTT_CLIENT_ID")}
    system.gateway.start()
    eventually(lambda: api("GET", "/ledger").json()["reasons"]["rejected"].get("deleted", 0) >= len(TOPICS))
    assert api("GET", f"/devices/{DEVICE}").status_code == 404
    assert retained(system) == set(TOPICS)

    system.publish(f"devices/{DEVICE}/telemetry/h", b"41")
    eventually(lambda: api("GET", f"/devices/{DEVICE}").is_success, what="it is back, for it has spoken")
    system.publish(f"devices/{DEVICE}/telemetry", {"t": 2})
    eventually(lambda: "t" in api("GET", f"/devices/{DEVICE}").json()["metrics"])
    assert api("DELETE", f"/devices/{DEVICE}?retained=clear").status_code == 204
    eventually(lambda: not retained(system), what="the broker has forgotten it")
    assert api("GET", f"/devices/{DEVICE}").status_code == 404
