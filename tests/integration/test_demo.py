"""``make demo``: everything in one process, with a fleet that moves; Ctrl-C leaves nothing."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.support.clients.mqtt import MqttClient
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import Process
from tests.support.waiting import eventually

FLEET = 25
UP_S = 60


@pytest.fixture
def ports() -> tuple[int, int]:
    """Of the page, of the broker."""
    return free_port(), free_port()


@pytest.fixture
def demo(ports: tuple[int, int], tmp_path: Path) -> Iterator[Process]:
    process = start(ports, tmp_path)
    yield process
    process.interrupt()


def start(ports: tuple[int, int], directory: Path) -> Process:
    settings = {"DATABASE_URL": f"sqlite:///{directory}/demo.sqlite3"}
    arguments = ["make", "demo", f"PORT={ports[0]}", f"MQTT_PORT={ports[1]}"]
    return Process("demo", arguments, settings, directory / "demo.log").start()


@pytest.fixture
def browser_of_the_demo(demo: Process, ports: tuple[int, int]) -> Iterator[httpx.Client]:
    """Logged in by the page's form, as the banner says."""
    banner = demo.wait_for_line(r"Login\s+(\S+) / (\S+)", UP_S)
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", trust_env=False, follow_redirects=True) as client:
        form = client.get("/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token is not None, form
        fields = {"username": banner[1], "password": banner[2], "csrfmiddlewaretoken": token[1]}
        answer = client.post("/login?next=/", data=fields)
        assert answer.url.path == "/", answer.text
        yield client


def test_the_demo_shows_a_moving_fleet_and_takes_devices(
    browser_of_the_demo: httpx.Client, ports: tuple[int, int]
) -> None:
    def revs() -> dict[str, int]:
        devices = browser_of_the_demo.get("/api/v1/devices", params={"site": "demo", "limit": 100}).json()["items"]
        return {device["device"]: device["rev"] for device in devices}

    before = eventually(lambda: len(seen := revs()) == FLEET and seen, UP_S)
    assert before
    eventually(lambda: all(revs()[key] > rev for key, rev in before.items()), UP_S, what="every device moves")
    with MqttClient(ports[1], version=MQTTProtocolVersion.MQTTv311) as mine:
        mine.publish("devices/demo/mine/telemetry", {"temperature": 21.5})
    twin = eventually(lambda: browser_of_the_demo.get("/api/v1/devices/demo/mine").raise_for_status().json())
    assert twin["metrics"]["temperature"]["value"] == 21.5


def test_ctrl_c_leaves_nothing_running(demo: Process, ports: tuple[int, int]) -> None:
    demo.wait_for_line("Ctrl-C stops everything", UP_S)
    assert all(map(is_listening, ports))
    demo.interrupt()
    assert not demo.has_left_something()
    assert not any(map(is_listening, ports))
    assert "Traceback" not in demo.log()


def test_a_taken_port_is_named(ports: tuple[int, int], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", ports[1])):
        process = start(ports, tmp_path)
        process.wait_for_line(rf"MQTT_PORT: port {ports[1]} can't be used", UP_S)
        assert eventually(lambda: process.returncode)
    process.terminate()
