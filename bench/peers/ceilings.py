"""What no bridge can pass: clients that do nothing with what they receive, and a browser's own MQTT over WebSocket."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from bench.installations.installation import Endpoint
from bench.peers.servers import started
from tests.support.environment import environment
from tests.support.servers.mosquitto import client_program, mosquitto_service
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.service import Service
from tests.support.waiting import eventually

_EVERYTHING: Final = "devices/#"
_STOP_S: Final = 10


class Alone:
    """One MQTT client that receives everything at QoS 1 from a broker of its own.

    Args:
        name: of the installation.
        command: from the broker's port to a command line that takes over the session ``alone``, and prints a line for
            each message. It may keep a few hundred lines to itself until more come.

    Attributes:
        received: so many messages, as far as the client has told.
    """

    mosquitto: Service

    def __init__(self, name: str, command: Callable[[int], list[str]]) -> None:
        self.name = name
        self.received = 0
        self._command = command
        self._pid = 0

    @contextmanager
    def running(self, directory: Path) -> Iterator[Self]:  # noqa: ARG002  as every installation
        """Subscribed and idle, until the context ends."""
        with ExitStack() as stack:
            self.mosquitto = started(mosquitto_service(), stack)
            _run(self._session())
            client = subprocess.Popen(
                self._command(self.mosquitto.port),
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then end it in order
            )
            self._pid = client.pid
            thread = threading.Thread(target=self._count, args=(client,), name=self.name)
            thread.start()
            stack.callback(_end, client, thread)
            yield self

    def _session(self) -> list[str]:
        return [*mosquitto_sub(self.mosquitto.port), "-E"]  # ends as soon as it is subscribed

    def _count(self, client: "subprocess.Popen[bytes]") -> None:
        assert client.stdout is not None
        while data := os.read(client.stdout.fileno(), 1 << 16):
            self.received += data.count(b"\n")

    def mqtt_port(self) -> int:
        """Of the broker."""
        return self.mosquitto.port

    def endpoint(self) -> Endpoint:
        """There is none: nothing can be recorded."""
        raise NotImplementedError(f"{self.name} has no WebSocket")

    def pids(self) -> dict[str, list[int]]:
        """Gateway: the client."""
        return {"gateway": [self._pid], "mosquitto": [self.mosquitto.pid]}


def mosquitto_sub(port: int) -> list[str]:
    """Its command line: the session ``alone``, everything at QoS 1, a topic a line."""
    options = ["-c", "-i", "alone", "-q", "1", "-t", _EVERYTHING, "-F", "%t"]
    return [client_program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), *options]


def aiomqtt_alone(port: int) -> list[str]:
    """The command line of ``bench.peers.aiomqtt_alone``."""
    return [sys.executable, "-m", "bench.peers.aiomqtt_alone", str(port)]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_STOP_S, stdin=subprocess.DEVNULL)


def _end(client: "subprocess.Popen[bytes]", thread: threading.Thread) -> None:
    client.terminate()
    try:
        client.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait(_STOP_S)
    thread.join()
    assert client.stdout is not None
    client.stdout.close()


class MqttOverWebSocket:
    """Mosquitto's WebSocket listener: the browser speaks MQTT itself, and nothing is between.

    The broker is a process of this machine even where the others are containers, which have no such listener.
    """

    mosquitto: Service

    def __init__(self, name: str) -> None:
        self.name = name
        self._port = 0

    @contextmanager
    def running(self, directory: Path) -> Iterator[Self]:  # noqa: ARG002  as every installation
        """Idle, until the context ends."""
        self._port = free_port()
        # Without socket_domain, Mosquitto 2.0.11 listens on every address.
        listener = {"listener": f"{self._port} 127.0.0.1", "protocol": "websockets", "socket_domain": "ipv4"}
        with ExitStack() as stack:
            self.mosquitto = started(mosquitto_service("local", **listener), stack)
            eventually(lambda: is_listening(self._port), what="the WebSocket listener answers")
            yield self

    def mqtt_port(self) -> int:
        """Of the broker's plain listener."""
        return self.mosquitto.port

    def endpoint(self) -> Endpoint:
        """The broker's WebSocket listener."""
        return Endpoint(f"ws://127.0.0.1:{self._port}/mqtt", first=_EVERYTHING, dialect="mqtt")

    def pids(self) -> dict[str, list[int]]:
        """There is but the broker."""
        return {"mosquitto": [self.mosquitto.pid]}
