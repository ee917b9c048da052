"""Many connected devices on a real broker."""

from collections import Counter
from collections.abc import Iterator

import pytest

from bench.drive.tools import BenchError, Publisher
from bench.protocol.packets import Plan
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.ports import free_port
from tests.support.servers.service import Service

DEVICES = 120


@pytest.fixture
def plan(mosquitto: Service) -> Plan:
    return Plan(port=mosquitto.port, devices=DEVICES, size=120, site="fleet", stamp=True)


@pytest.fixture
def listener(mosquitto: Service) -> Iterator[MqttClient]:
    with MqttClient(mosquitto.port) as client:
        client.subscribe("devices/fleet/#", 1)
        yield client


def test_each_device_is_born_publishes_in_its_turn_and_leaves_in_order(plan: Plan, listener: MqttClient) -> None:
    with Publisher(plan, each=True) as fleet:
        fleet.limit(3 * DEVICES)
        outcome = fleet.run(0, 0.5)
        assert outcome.sent == outcome.confirmed == 3 * DEVICES
        assert fleet.run(3 * DEVICES, 0.1).sent == 0
    births: Counter[str] = Counter()
    numbers: dict[str, list[int]] = {}
    while len(births) < DEVICES or sum(map(len, numbers.values())) < 3 * DEVICES:
        message = listener.expect()
        name, kind = message.topic.split("/")[-2:]
        if kind == "status":
            births[name] += 1
            assert message.payload == b"online"
        else:
            numbers.setdefault(name, []).append(message.json()["n"])
    assert births == dict.fromkeys(plan.names, 1)
    assert numbers == {name: [0, 1, 2] for name in plan.names}
    listener.publish("devices/fleet/end/status", b"end")
    assert listener.expect().payload == b"end"  # no will before it


def test_a_rate_is_kept(plan: Plan) -> None:
    with Publisher(plan, each=True) as fleet:
        assert 100 < fleet.run(0, 1.0, 200.0).sent <= 200


def test_a_broker_that_is_not_there_is_told() -> None:
    with (
        pytest.raises(BenchError, match="the fleet has ended"),
        Publisher(Plan(port=free_port(), devices=1), each=True),
    ):
        pass
