"""Sparkplug over a real broker: births, data, an outage with a lost birth, one rebirth, no wrong value, commands."""

from typing import Any

import pytest

from bridge.dialects.forms.protobuf import bytes_field, double_field, number_field
from bridge.dialects.sparkplug import payloads
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, System

pytestmark = pytest.mark.integration

NODE, MOTOR = "plant/works.line", "plant/works.line~motor"


class Edge:
    """An edge node with one device: it says what it is told to."""

    def __init__(self, system: System) -> None:
        self._system, self._seq = system, -1

    def _next(self) -> bytes:
        self._seq = (self._seq + 1) & 0xFF
        return number_field(3, self._seq)

    def born(self, temperature: int, power: int) -> None:
        """Births, with these aliases."""
        self._seq = -1
        node = [payloads.metric("bdSeq", 0, 8, 1), payloads.metric("Node Control/Rebirth", 0, 11, value=False)]
        node.append(payloads.metric("temperature", 0, 10, 20.0) + number_field(2, temperature))
        motor = [
            payloads.metric("power", 0, 10, 1.0) + number_field(2, power),
            payloads.metric("run", 0, 11, value=True),
        ]
        self._system.publish("spBv1.0/works/NBIRTH/line", payloads.encode(0, node) + self._next(), qos=0)
        self._system.publish("spBv1.0/works/DBIRTH/line/motor", payloads.encode(0, motor) + self._next(), qos=0)

    def says(self, alias: int, value: float, device: str = "") -> None:
        """A value by its alias."""
        kind, behind = ("DDATA", f"/{device}") if device else ("NDATA", "")
        metric = bytes_field(2, number_field(2, alias) + double_field(13, value))
        self._system.publish(f"spBv1.0/works/{kind}/line{behind}", metric + self._next(), qos=0)

    def runs(self, *, on: bool) -> None:
        """A value by its name."""
        metric = bytes_field(2, payloads.metric("run", 0, 11, value=on))
        self._system.publish("spBv1.0/works/DDATA/line/motor", metric + self._next(), qos=0)


def test_a_lost_birth_is_asked_for_once_and_no_value_is_wrong(causeway: Factory) -> None:
    system = causeway(workers=1, DIALECTS="native,sparkplug@plant", SPARKPLUG_HOST_ID="scada")
    edge, commands = Edge(system), system.mqtt()
    for topic_filter in ("spBv1.0/+/NCMD/#", "spBv1.0/+/DCMD/#"):
        commands.subscribe(topic_filter)
    host = system.mqtt()
    host.subscribe("spBv1.0/STATE/scada")
    assert host.expect().json()["online"] is True
    edge.born(1, 2)
    system.wait_registered([NODE, MOTOR])
    edge.says(1, 21.5)
    edge.says(2, 4.0, "motor")
    values_are(system, {"temperature": 21.5}, {"power": 4.0, "run": True})

    system.gateway.kill()
    assert host.expect().json()["online"] is False  # its will
    edge.born(7, 1)  # 1 is another metric from now on
    for _ in range(5):
        edge.says(7, 22.0)
    before = system.gateway.position()
    system.gateway.start()
    system.gateway.wait_for_line("broker link up", since=before)
    edge.says(1, 99.0, "motor")
    request = commands.expect()
    assert (request.topic, request.qos, request.retain) == ("spBv1.0/works/NCMD/line", 0, False)
    assert b"Node Control/Rebirth" in request.payload
    values_are(system, {"temperature": 21.5}, {"power": 4.0, "run": True})
    edge.born(7, 1)
    edge.says(1, 5.0, "motor")
    values_are(system, {"temperature": 20.0}, {"power": 5.0, "run": True})

    api = system.api(site="plant")
    asked = api("POST", f"/devices/{MOTOR}/commands", json={"name": "set", "args": {"run": False}})
    assert asked.status_code == 202, asked.text
    command = commands.expect()  # not another rebirth
    assert command.topic == "spBv1.0/works/DCMD/line/motor"
    edge.runs(on=False)
    command_of = f"/commands/{asked.json()['id']}"
    eventually(lambda: api("GET", command_of).json()["status"] == "done", 10, what="the echo ends the command")


def values_are(system: System, node: dict[str, Any], motor: dict[str, Any]) -> None:
    """Wait until these are the latest values."""
    api = system.api(site="plant")

    def latest(device: str) -> dict[str, Any]:
        metrics = api("GET", f"/devices/{device}").json()["metrics"]
        return {name: one["value"] for name, one in metrics.items()}

    eventually(lambda: (latest(NODE), latest(MOTOR)) == (node, motor), 10, what=f"{node} and {motor} are there")
