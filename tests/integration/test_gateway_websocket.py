"""The gateway by ``ws://`` and ``wss://`` at a real broker's WebSocket listeners: nothing lost, nothing twice."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gateway_rig import SHARDS, Rig, gateway_rig, numbered
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import manage, run_command
from tests.support.servers.service import LocalRunner, Service
from tests.support.waiting import eventually, eventually_async
from tests.support.worlds import downlinks

# The plain one comes first: mosquitto 2.0.11 ends when all of its listeners are for WebSockets.
_CONFIGURATION = """\
user root
allow_anonymous true
max_queued_messages 5000
max_inflight_messages 12288
listener {port} 127.0.0.1
listener {ws}
protocol websockets
listener {wss}
protocol websockets
certfile {directory}/server.pem
keyfile {directory}/server.key
"""
_LARGE = 150_000  # bytes: more than a WebSocket frame's short lengths, and than one read


@dataclass(frozen=True)
class Broker:
    """Its listeners; `port` is the plain one."""

    port: int
    ws: int
    wss: int
    authority: Path

    @property
    def url(self) -> str:
        """Of the plain listener."""
        return f"mqtt://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Running."""
    directory = tmp_path_factory.mktemp("websockets")
    made = Broker(free_port(), free_port(), free_port(), directory / "server.pem")
    files = ["-keyout", "server.key", "-out", "server.pem", "-days", "2", "-addext", "subjectAltName=DNS:localhost"]
    certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", *files]
    subprocess.run([program("openssl"), *certificate], cwd=directory, check=True, capture_output=True)
    text = _CONFIGURATION.format(port=made.port, ws=made.ws, wss=made.wss, directory=directory)
    (directory / "mosquitto.conf").write_text(text)
    runner = LocalRunner("websockets", lambda _: [program("mosquitto"), "-c", str(directory / "mosquitto.conf")])
    runner.start()
    eventually(lambda: all(is_listening(port) for port in (made.port, made.ws, made.wss)))
    yield made
    runner.stop()
    runner.wipe()


def _settings(broker: Broker, scheme: str, path: str = "") -> dict[str, str]:
    port = {"ws": broker.ws, "wss": broker.wss}[scheme]
    return {"MQTT_URL": f"{scheme}://localhost:{port}{path}", "MQTT_CA_CERTIFICATES": str(broker.authority)}


@pytest.fixture(params=["ws", "wss"])
async def rig(broker: Broker, redis: Service, tmp_path: Path, request: Any) -> AsyncIterator[Rig]:
    """A gateway with a worker; messages are published at the plain listener."""
    plain: Any = broker
    async with gateway_rig(plain, redis, tmp_path, **_settings(broker, request.param)) as made:
        made.work()
        await made.start()
        yield made


async def test_case_e6_a_thousand_messages_by_websocket_arrive_once(rig: Rig) -> None:
    def anew() -> list[bytes]:  # not what a killed gateway had not confirmed yet, and gets again
        return [one.payload for one in rig.worker.deliveries if not one.dup]

    await rig.publish(numbered(500))
    await rig.applied(500)
    await asyncio.to_thread(rig.gateway.kill)
    await rig.publish(numbered(500, start=500))
    await rig.start()
    await eventually_async(lambda: len(anew()) >= 1_000, 20)
    assert sorted(anew(), key=int) == [b"%d" % n for n in range(1_000)]
    large = b"x" * _LARGE
    await rig.publish([("devices/demo/large/telemetry", large)])
    await eventually_async(lambda: rig.payloads("demo/large"))
    assert rig.payloads("demo/large") == [large]
    assert len(anew()) == 1_001


async def test_case_e6_commands_go_out_by_websocket(rig: Rig) -> None:
    due_ms = int(time.time() * 1000) + 60_000
    orders = [
        downlinks.command(1, "demo/d1", f"c{n}", "set_text", b'"%s"' % (b"y" * size), due_ms)
        for n, size in enumerate((0, 200, 70_000))
    ]
    for order in orders:
        await rig.order(order)
    await eventually_async(lambda: len(rig.worker.published) == len(orders), what="the answers")
    assert all(answer.ok for answer in rig.worker.published)


def test_case_e6_the_simulator_goes_by_websocket_too(broker: Broker) -> None:
    for scheme in ("ws", "wss"):
        settings = {"BRIDGE_SHARDS": str(SHARDS), "DEBUG": "true", **_settings(broker, scheme, "/mqtt")}
        run_command(manage("simulate", "--devices", "3", "--seconds", "0.5"), settings)
