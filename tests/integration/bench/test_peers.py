"""What Causeway is measured against does pass messages. (mqttasgi is left out: it would have to be installed first.)"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from bench.drive.driving import Rig
from bench.installations.installation import Effort, Installation
from bench.peers.ceilings import aiomqtt_alone, alone, mosquitto_sub, mqtt_over_websocket
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, plain_channels, wait_ready
from bench.scenarios import commands
from bench.scenarios.absence import absent
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.processes import Process
from tests.support.waiting import eventually

COUNT = 20


@contextmanager
def listening(directory: Path, layer: str = REDIS_LAYER) -> Iterator[tuple[Installation, Connection, MqttClient]]:
    """The plain way runs; a browser and a device."""
    with plain_channels(directory, name="plain", layer=layer) as plain:
        assert plain.endpoint
        with connect(plain.endpoint.url, proxy=None) as socket, MqttClient(plain.mqtt_port) as device:
            yield plain, socket, device


@pytest.mark.parametrize("layer", [REDIS_LAYER, PUBSUB_LAYER])
def test_the_plain_way_passes_messages_in_order(layer: str, tmp_path: Path) -> None:
    with listening(tmp_path, layer) as (plain, socket, device):
        device.publish_all([("devices/bench/d0/telemetry", {"n": number}) for number in range(COUNT)])
        frames = [json.loads(socket.recv(timeout=10)) for _ in range(COUNT)]
        assert frames == [{"device": "bench/d0", "payload": {"n": number}} for number in range(COUNT)]
        figures = commands.measure(2, plain, Effort(seconds=0.5)).figures
        assert figures["round_trips_per_s"] > 1
        assert 0 < figures["p50_ms"] <= figures["max_ms"]


def test_what_is_no_json_stops_nothing(tmp_path: Path) -> None:
    with listening(tmp_path) as (plain, socket, device):
        device.publish_all([("devices/bench/d0/telemetry", payload) for payload in (b"\xff{", b"{", {"n": 1})])
        assert json.loads(socket.recv(timeout=10)) == {"device": "bench/d0", "payload": {"n": 1}}
        (worker,) = plain.processes["workers"]
        assert isinstance(worker, Process)
        assert worker.count_lines("no JSON") == 2


@pytest.mark.parametrize("command", [mosquitto_sub, aiomqtt_alone])
def test_a_client_alone_counts_what_it_receives(command: Callable[[int], list[str]], tmp_path: Path) -> None:
    with alone(tmp_path, name="alone", command=command) as client, MqttClient(client.mqtt_port) as device:
        device.publish_all([("devices/bench/d0/telemetry", {"n": number}) for number in range(COUNT)])
        eventually(lambda: client.received == COUNT, what="all are counted")


def test_a_browser_that_speaks_mqtt_receives_everything_in_order(tmp_path: Path) -> None:
    with mqtt_over_websocket(tmp_path, "MQTT over WebSocket") as ceiling, Rig(ceiling, devices=2) as rig:
        trial = rig.trial(rate=100, seconds=0.5)
    assert trial.received == trial.sent >= COUNT
    assert (trial.repeated, trial.disordered) == (0, 0)


def test_the_worker_of_the_plain_way_is_gone_and_comes_back(tmp_path: Path) -> None:
    with plain_channels(tmp_path, name="plain", layer=REDIS_LAYER) as plain:
        (worker,) = plain.processes["workers"]
        former = worker.pid
        with absent([worker], 0, 0.1):
            eventually(lambda: worker.pid != former)
        wait_ready(plain)
