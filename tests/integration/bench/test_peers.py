"""What Causeway is measured against does pass messages. (mqttasgi is left out: it would have to be installed first.)"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from bench.drive.driving import Rig
from bench.peers.ceilings import Alone, MqttOverWebSocket, aiomqtt_alone, mosquitto_sub
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, PlainChannels
from bench.scenarios.absence import absent
from tests.support.clients.mqtt import MqttClient
from tests.support.waiting import eventually

COUNT = 20


@contextmanager
def listening(plain: PlainChannels, directory: Path) -> Iterator[tuple[Connection, MqttClient]]:
    """It runs; a browser and a device."""
    with (
        plain.running(directory),
        connect(plain.endpoint().url, proxy=None) as socket,
        MqttClient(plain.mqtt_port()) as device,
    ):
        yield socket, device


@pytest.mark.parametrize("layer", [REDIS_LAYER, PUBSUB_LAYER])
def test_the_plain_way_passes_messages_in_order_and_commands_both_ways(layer: str, tmp_path: Path) -> None:
    plain = PlainChannels("plain", layer)
    with listening(plain, tmp_path) as (socket, device):
        device.publish_all([("devices/bench/d0/telemetry", {"n": number}) for number in range(COUNT)])
        frames = [json.loads(socket.recv(timeout=10)) for _ in range(COUNT)]
        assert frames == [{"device": "bench/d0", "payload": {"n": number}} for number in range(COUNT)]

        device.subscribe("devices/bench/d0/command/#")
        url = f"{plain.http_url}/devices/bench/d0/commands"
        answer = httpx.post(url, json={"name": "set", "args": {"on": True}}, trust_env=False)
        number = answer.raise_for_status().json()["id"]
        order = device.expect(f"devices/bench/d0/command/{number}/set")
        assert order.json() == {"on": True}
        device.publish(f"devices/bench/d0/ack/{number}", {"status": "done"})
        ack = json.loads(socket.recv(timeout=10))
        assert ack == {"device": "bench/d0", "command": number, "payload": {"status": "done"}}


def test_what_is_no_json_stops_nothing(tmp_path: Path) -> None:
    plain = PlainChannels("plain", REDIS_LAYER)
    with listening(plain, tmp_path) as (socket, device):
        device.publish_all([("devices/bench/d0/telemetry", payload) for payload in (b"\xff{", b"{", {"n": 1})])
        assert json.loads(socket.recv(timeout=10)) == {"device": "bench/d0", "payload": {"n": 1}}
    assert plain.workers[0].count_lines("no JSON") == 2


@pytest.mark.parametrize("command", [mosquitto_sub, aiomqtt_alone])
def test_a_client_alone_counts_what_it_receives(command: Callable[[int], list[str]], tmp_path: Path) -> None:
    alone = Alone("alone", command)
    with alone.running(tmp_path), MqttClient(alone.mqtt_port()) as device:
        device.publish_all([("devices/bench/d0/telemetry", {"n": number}) for number in range(COUNT)])
        eventually(lambda: alone.received == COUNT, what="all are counted")


def test_a_browser_that_speaks_mqtt_receives_everything_in_order(tmp_path: Path) -> None:
    with MqttOverWebSocket("MQTT over WebSocket").running(tmp_path) as ceiling, Rig(ceiling, devices=2) as rig:
        trial = rig.trial(rate=100, seconds=0.5)
    assert trial.received == trial.sent >= COUNT
    assert (trial.repeated, trial.disordered) == (0, 0)


def test_the_worker_of_the_plain_way_is_gone_and_comes_back(tmp_path: Path) -> None:
    plain = PlainChannels("plain", REDIS_LAYER)
    with plain.running(tmp_path):
        former = plain.workers[0].pid
        with absent(plain.workers, 0, 0.1):
            eventually(lambda: plain.workers[0].pid != former)
        plain.wait_ready()
