"""`docker compose up` as a user does it, under a project name and on ports of our own; taken down with its volumes."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.clients.live import LiveSocket
from tests.support.clients.mqtt import MqttClient
from tests.support.environment import ROOT, clean_environment
from tests.support.servers import standins
from tests.support.servers.docker_cli import compose_command, daemon_answers
from tests.support.servers.ports import free_port
from tests.support.waiting import eventually

BUILD_TIMEOUT_S = 900  # the first time: Debian, Python and npm packages over the network
READY_TIMEOUT_S = 90
_COMMAND_TIMEOUT_S = 120
_BROKER_CLIENT_TIMEOUT_S = "20"
_HOLDERS = {
    "mqtt_fleet_password": "mosquitto",
    "ca.crt": "mosquitto",
}  # the service that has a secret, where it isn't web


@contextlib.contextmanager
def images() -> Iterator[dict[str, str]]:
    """The image variables of the compose file: the caller's, else stand-ins where they are needed, else none."""
    given = {name: value for name, value in os.environ.items() if name.endswith("_IMAGE")}
    with standins.building() as ready:
        yield {**given, **ready()}


def _compose_here() -> list[str]:
    command = compose_command()
    assert command, "the compose tests need Compose: `make prerequisites`"
    assert daemon_answers(), "the compose tests need a Docker daemon: `make prerequisites`"
    return command


@dataclass
class Stack:
    """One project of the compose file, running. `settings` are variables of .env."""

    settings: dict[str, str]
    empty_env_file: Path  # in the place of a developer's own .env
    project: str = field(default_factory=lambda: f"causeway-test-{secrets.token_hex(4)}")
    port: int = field(default_factory=free_port)
    mqtt_port: int = field(default_factory=free_port)
    mqtts_port: int = field(default_factory=free_port)
    _compose: list[str] = field(default_factory=_compose_here)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def run(self, *arguments: str, timeout_s: float = _COMMAND_TIMEOUT_S) -> str:
        """``docker compose ARGUMENTS``; returns its standard output.

        Raises:
            AssertionError: it failed; the message has its output.
        """
        return _checked(self.command(*arguments), self.environment(), timeout_s)

    def command(self, *arguments: str) -> list[str]:
        """``docker compose ARGUMENTS`` of this project."""
        options = ["--env-file", str(self.empty_env_file), "--project-name", self.project]
        return [*self._compose, *options, *arguments]

    def environment(self) -> dict[str, str]:
        """What `command` runs in."""
        numbers = {"PORT": self.port, "MQTT_PORT": self.mqtt_port, "MQTTS_PORT": self.mqtts_port}
        ports = {name: f"127.0.0.1:{number}" for name, number in numbers.items()}
        given = {"CAUSEWAY_IMAGE": "causeway:test", "MQTT_FLEET": "shared"}
        return {**clean_environment(), **given, **self.settings, **ports}

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container; returns its standard output."""
        return self.run("exec", "-T", service, *command)

    def up(self) -> None:
        """Build and start everything, wait until ``/readyz`` is content."""
        self.run("build", timeout_s=BUILD_TIMEOUT_S)
        self.port, self.mqtt_port, self.mqtts_port = free_port(), free_port(), free_port()  # minutes later: still free
        self.run("up", "--detach")
        self.wait_ready()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until ``/readyz`` answers 200."""
        eventually(
            lambda: httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).raise_for_status().is_success,
            timeout_s,
            what="/readyz answers 200",
            retry_on=(httpx.HTTPError,),
        )

    def down(self) -> None:
        """End everything and remove what it kept."""
        self._open.close()
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def logs(self) -> str:
        """The end of every service's log, without requests that went well."""
        lines = self.run("logs", "--no-color", "--tail", "200").splitlines(keepends=True)
        return "".join(line for line in lines if '" 200 ' not in line)

    # ---- clients

    @property
    def url(self) -> str:
        """Of the web service, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def token(self) -> str:
        """The API token of an admin of the site ``demo``."""
        command = ["create_token", "tester", "--role", "admin", "--site", "demo"]
        return self.inside("web", "python", "manage.py", *command).split()[-1]

    def api(self, token: str) -> Callable[..., httpx.Response]:
        """A function that asks the REST API: ``api("GET", "/devices")``."""
        headers = {"Authorization": f"Bearer {token}"}
        client = self._open.enter_context(httpx.Client(base_url=self.url, headers=headers, timeout=15, trust_env=False))
        return lambda method, path, **options: client.request(method, f"/api/v1{path}", **options)

    def socket(self, token: str) -> LiveSocket:
        """A WebSocket."""
        return self._open.enter_context(LiveSocket(f"ws://127.0.0.1:{self.port}/ws/v1/", token))

    def mqtt(self, username: str, password: str, authority: str = "") -> MqttClient:
        """An MQTT client on the published port; with an authority (PEM) on that of TLS."""
        port = self.mqtts_port if authority else self.mqtt_port
        return self._open.enter_context(MqttClient(port, username=username, password=password, authority=authority))

    def secret(self, name: str) -> str:
        """One of the secrets that the stack made up."""
        return self.inside(_HOLDERS.get(name, "web"), "cat", f"/run/causeway/{name}")

    def mosquitto_pub(self, *arguments: str) -> None:
        """``mosquitto_pub`` at QoS 1 as the user ``fleet``, in the broker's container."""
        self.inside("mosquitto", "mosquitto_pub", *self._fleet(), *arguments)

    def listen(self, topic_filter: str) -> Callable[[], tuple[str, str]]:
        """Subscribe with ``mosquitto_sub`` as the user ``fleet``; the broker keeps what comes.

        Returns:
            A function that waits for the first message: its topic name and payload.
        """
        session = f"listener-{secrets.token_hex(4)}"
        command = ["mosquitto_sub", *self._fleet(), "-i", session, "-c", "-t", topic_filter, "-v"]
        self.inside("mosquitto", *command, "-E")  # ends at the SUBACK

        def first() -> tuple[str, str]:
            printed = self.inside("mosquitto", *command, "-C", "1", "-W", _BROKER_CLIENT_TIMEOUT_S)
            topic, _, payload = printed.rstrip("\n").partition(" ")
            return topic, payload

        return first

    def _fleet(self) -> list[str]:
        return ["-q", "1", "-u", "fleet", "-P", self.secret("mqtt_fleet_password")]


def _checked(command: Sequence[str], environment: dict[str, str], timeout_s: float) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    output = f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
    assert done.returncode == 0, f"{' '.join(command)} exited with {done.returncode}:\n{output}"
    return done.stdout
