"""A broker per site: two gateways, one shard in common. What goes down goes to the broker at which the device is."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.clients.mqtt import MqttClient, Received
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.processes import manage
from tests.support.servers.service import Service
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, System

NORTH, SOUTH = "north/pump", "south/pump"


@dataclass
class Site:
    """A site's device, and all that its broker publishes down."""

    key: str
    client: MqttClient
    seen: dict[str, Received] = field(default_factory=dict)

    def down(self) -> dict[str, Received]:
        """All that came down so far, of whichever device, by topic."""
        self.seen |= {message.topic: message for message in self.client.received()}
        return self.seen


@pytest.fixture
def southern() -> Iterator[Service]:
    """The broker of the other site."""
    service = mosquitto_service()
    service.start()
    yield service
    service.close()


@pytest.fixture
def system(causeway: Factory, southern: Service) -> System:
    """Two gateways, each at a broker of its own, and one worker with the one shard."""
    system = causeway(shards=1, workers=1, MQTT_CLIENT_ID="gateway-north", GATEWAY_TOPIC_FILTERS="devices/north/#")
    other = {
        "GATEWAY_NAME": "gateway-south",
        "MQTT_CLIENT_ID": "gateway-south",
        "MQTT_URL": southern.url,
        "GATEWAY_TOPIC_FILTERS": "devices/south/#",
    }
    gateway = system.process("gateway-south", manage("run_gateway"), **other)
    gateway.start()
    gateway.wait_for_line("broker link up", 30)
    return system


@pytest.fixture
def sites(system: System, southern: Service) -> Iterator[dict[str, Site]]:
    with MqttClient(southern.port) as client:
        sites = {NORTH: Site(NORTH, system.mqtt()), SOUTH: Site(SOUTH, client)}
        for site in sites.values():
            site.client.subscribe("devices/+/+/command/#")
            site.client.subscribe("devices/+/+/desired")
        yield sites


def test_commands_and_desired_go_to_the_devices_broker(system: System, sites: dict[str, Site]) -> None:
    api = system.api("admin", "admin", None)

    def step(command: str) -> str:
        return str(api("GET", f"/commands/{command}").json()["status"])

    def goes_down(key: str, name: str) -> None:
        """A command reaches the device, and is shown as sent."""
        command = api("POST", f"/devices/{key}/commands", json={"name": name, "args": {}}).json()["id"]
        topic = f"devices/{key}/command/{command}/{name}"
        eventually(lambda: topic in sites[key].down(), what=f"{name} reaches {key}")
        eventually(lambda: step(command) == "sent", what="it is sent")
        assert [site.key for site in sites.values() if topic in site.down()] == [key]
        sites[key].client.publish(f"devices/{key}/ack/{command}", {"status": "done"})
        eventually(lambda: step(command) == "done", what="it is done")

    def speaks(key: str, number: int) -> None:
        """And is heard."""
        sites[key].client.publish(f"devices/{key}/telemetry", {"n": number})
        system.wait_registered([key])
        eventually(lambda: api("GET", f"/devices/{key}").json()["metrics"]["n"]["value"] == number)

    def is_desired(key: str) -> None:
        """What reported lacks reaches the device."""
        assert api("PATCH", f"/devices/{key}/desired", json={"speed": 5}).is_success
        topic = f"devices/{key}/desired"
        eventually(lambda: topic in sites[key].down(), what=f"desired reaches {key}")
        assert sites[key].seen[topic].json() == {"version": 1, "delta": {"speed": 5}}

    for rounds, (speaker, listener) in enumerate([(SOUTH, NORTH), (NORTH, SOUTH)]):  # the speaker has the last word
        speaks(listener, 2 * rounds)
        speaks(speaker, 2 * rounds + 1)
        goes_down(listener, "early")
    for key in (NORTH, SOUTH):
        is_desired(key)

    (worker,) = system.workers
    worker.kill()
    worker.start()
    system.wait_ready()
    for key in (NORTH, SOUTH):
        goes_down(key, "after-restart")
        assert {topic.split("/")[1] for topic in sites[key].down()} == {key.split("/")[0]}, "nothing of the other site"
