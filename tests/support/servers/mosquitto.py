"""Mosquitto for tests: as in production (``mosquitto/mosquitto.conf``), but anonymous and on the loopback."""

import os
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.environment import ROOT
from tests.support.servers.docker import ContainerRunner
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port
from tests.support.servers.service import Kind, LocalRunner, Service, choose

IMAGE = os.environ.get("CAUSEWAY_TEST_MOSQUITTO_IMAGE", "eclipse-mosquitto:2")
_CONTAINER_PORT = 1883

# What the production file says about who may come, and where from: not so in the tests.
_LEFT_OUT = (
    "acl_file",
    "allow_anonymous",
    "certfile",
    "include_dir",
    "keyfile",
    "listener",
    "log_dest",
    "password_file",
    "persistence_location",
    "use_username_as_clientid",
)
_OURS = """\
listener {listener}
allow_anonymous true
persistence_location {data}/
log_dest stderr
sys_interval 1
"""


def _configuration(listener: str, data: str, /, **limits: int | str) -> str:
    """The production file's limits, for anonymous clients."""
    production = (ROOT / "mosquitto/mosquitto.conf").read_text().splitlines()
    kept = [line for line in production if line.partition(" ")[0] not in {*_LEFT_OUT, *limits}]
    others = [f"{name} {value}" for name, value in limits.items()]
    return _OURS.format(listener=listener, data=data) + "\n".join([*kept, *others]) + "\n"


def mosquitto_service(kind: Kind | None = None, **limits: int | str) -> Service:
    """A broker that speaks MQTT 5 and 3.1.1; not started yet.

    `limits`, and what else the configuration knows, take the place of the production file's; in that order.
    """
    port = free_port()
    kind, origin = choose(IMAGE, kind)
    return Service(
        name="mosquitto",
        runner=_local(port, **limits) if kind == "local" else _container(port, **limits),
        port=port,
        url=f"mqtt://127.0.0.1:{port}",
        probe=lambda: _connect_once(port),
        origin=origin,
    )


def _local(port: int, **limits: int | str) -> LocalRunner:
    path = program("mosquitto")

    def prepare(directory: Path) -> None:
        text = _configuration(f"{port} 127.0.0.1", str(directory), **limits)
        as_root = "user root\n" if os.geteuid() == 0 else ""  # else it would drop to a user who can't write here
        (directory / "mosquitto.conf").write_text(text + as_root)

    return LocalRunner("mosquitto", lambda directory: [path, "-c", f"{directory}/mosquitto.conf"], prepare)


def _container(port: int, **limits: int | str) -> ContainerRunner:
    text = _configuration(str(_CONTAINER_PORT), "/mosquitto/data", **limits)
    return ContainerRunner(IMAGE, _CONTAINER_PORT, port, files={"/mosquitto/config/mosquitto.conf": text})


def _connect_once(port: int) -> None:
    """Raise unless the broker accepts a client."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    try:
        while not client.is_connected():
            code = client.loop(timeout=1)
            if code:
                raise ConnectionError(f"mosquitto answered with {code!r}")
    finally:
        client.disconnect()


def client_program(name: str) -> str:
    """The path of ``mosquitto_pub`` or ``mosquitto_sub``."""
    return program(name)
