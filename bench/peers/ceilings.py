"""What no bridge can pass: clients that do nothing with what they receive, and a browser's own MQTT over WebSocket."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.installations.installation import Installation, Processes, started
from bench.protocol.dialects import Endpoint
from tests.support.servers.mosquitto import client_program, mosquitto_service
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import Process, end_all
from tests.support.waiting import eventually

_EVERYTHING: Final = "devices/#"
_SESSION_S: Final = 10


@dataclass(frozen=True, kw_only=True)
class Alone(Installation):
    """One MQTT client that receives everything at QoS 1 from a broker of its own."""

    client: Process

    @property
    def received(self) -> int:
        """So many messages, as far as the client has told. Its log is a line each, of one byte."""
        return self.client.log_path.stat().st_size


@contextmanager
def alone(directory: Path, name: str, *, command: Callable[[int], list[str]]) -> Iterator[Alone]:
    """Subscribed and idle, until the context ends.

    Args:
        directory: for the client's log.
        name: of the installation.
        command: from the broker's port to a command line that takes over the session ``alone``, and prints an empty
            line for each message. It may keep a few hundred lines to itself until more come.
    """
    with ExitStack() as stack:
        mosquitto = started(mosquitto_service(), stack)
        session = [*mosquitto_sub(mosquitto.port), "-E"]  # ends as soon as it is subscribed
        subprocess.run(session, check=True, timeout=_SESSION_S, stdin=subprocess.DEVNULL)
        client = Process(name, command(mosquitto.port), {}, directory / "client.log").start()
        stack.callback(end_all, [client])
        processes: Processes = {"gateway": [client], "mosquitto": [mosquitto]}
        yield Alone(name=name, mqtt_port=mosquitto.port, endpoint=None, processes=processes, client=client)


def mosquitto_sub(port: int) -> list[str]:
    """Its command line: the session ``alone``, everything at QoS 1, an empty line each."""
    options = ["-c", "-i", "alone", "-q", "1", "-t", _EVERYTHING, "-F", ""]
    return [client_program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), *options]


def aiomqtt_alone(port: int) -> list[str]:
    """The command line of ``bench.peers.aiomqtt_alone``."""
    return [sys.executable, "-m", "bench.peers.aiomqtt_alone", str(port)]


@contextmanager
def mqtt_over_websocket(directory: Path, name: str) -> Iterator[Installation]:  # noqa: ARG001  it writes nothing
    """Mosquitto's WebSocket listener: the browser speaks MQTT itself, and nothing is between.

    The broker is a process of this machine even where the others are containers, which have no such listener.
    """
    port = free_port()
    # Without socket_domain, Mosquitto 2.0.11 listens on every address.
    listener = {"listener": f"{port} 127.0.0.1", "protocol": "websockets", "socket_domain": "ipv4"}
    with ExitStack() as stack:
        mosquitto = started(mosquitto_service("local", **listener), stack)
        eventually(lambda: is_listening(port), what="the WebSocket listener answers")
        endpoint, processes = (
            Endpoint(f"ws://127.0.0.1:{port}/mqtt", {}, _EVERYTHING, "mqtt"),
            {"mosquitto": [mosquitto]},
        )
        yield Installation(name=name, mqtt_port=mosquitto.port, endpoint=endpoint, processes=processes)
