"""The listeners of mosquitto/mosquitto.conf on a real broker: a device can't be the gateway, or another device."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.mqtt import MqttClient
from tests.support.environment import ROOT
from tests.support.servers.mosquitto import client_program
from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process
from tests.support.waiting import eventually

SECRET_ID = "causeway-gateway-0123456789abcdef"
USERS = ("gateway", "sa/d1", "sa/d2")
MESSAGES = 450


class Broker:
    """Mosquitto with the production file, but for its paths and ports."""

    def __init__(self, directory: Path) -> None:
        self.gateway_port, self.devices_port, self.tls_port = free_port(), free_port(), free_port()
        self.directory = directory
        text = (ROOT / "mosquitto/mosquitto.conf").read_text().replace("/run/causeway", str(directory))
        self.make_certificate()
        for inner, port in ((1883, self.gateway_port), (1884, self.devices_port), (8883, self.tls_port)):
            text, found = re.subn(rf"^listener {inner}$", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
            assert found == 1
        text = text.replace("/tmp/mosquitto", str(directory)).replace("/mosquitto/data", str(directory))
        text = re.sub(r"^include_dir .*$", "user root" if os.geteuid() == 0 else "", text, flags=re.MULTILINE)
        (directory / "mosquitto.conf").write_text(text)
        (directory / "acl").write_text((ROOT / "mosquitto/acl").read_text())
        (directory / "passwords").touch(mode=0o600)
        for user in USERS:
            command = [
                client_program("mosquitto_passwd"),
                "-b",
                str(directory / "passwords"),
                user,
                f"password of {user}",
            ]
            subprocess.run(command, check=True, timeout=20, capture_output=True)
        arguments = [client_program("mosquitto"), "-c", str(directory / "mosquitto.conf")]
        self.process = Process("mosquitto", arguments, {}, directory / "broker.log").start()
        eventually(self._accepts, what="it accepts", retry_on=(OSError, AssertionError))

    def make_certificate(self, **settings: str) -> None:
        """As the service `secrets` does."""
        command = [sys.executable, str(ROOT / "scripts/compose-certificates"), str(self.directory)]
        subprocess.run(command, check=True, timeout=20, capture_output=True, env=settings)

    def _accepts(self) -> bool:
        self.gateway().close()
        return True

    def gateway(self) -> MqttClient:
        """The gateway's session."""
        return MqttClient(
            self.gateway_port, client_id=SECRET_ID, username="gateway", password="password of gateway",
            clean=False, session_expiry_s=3600,
        )  # fmt: skip

    def device(self, name: str, client_id: str, *, by: str = "TCP") -> MqttClient:
        """A device that calls itself whatever it likes, and wants the session that is there."""
        authority = (self.directory / "ca.crt").read_text() if by == "TLS" else ""
        return MqttClient(
            self.tls_port if by == "TLS" else self.devices_port, client_id=client_id, username=name,
            password=f"password of {name}", clean=False, session_expiry_s=3600, authority=authority,
        )  # fmt: skip


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Running."""
    made = Broker(tmp_path)
    yield made
    made.process.terminate()


@pytest.mark.parametrize("by", ["TCP", "TLS"])
def test_case_e1_a_device_that_knows_the_gateways_id_gets_nothing_of_its_session(broker: Broker, by: str) -> None:
    with broker.gateway() as gateway:
        gateway.subscribe("devices/#")
    with broker.device("sa/d2", "d2") as other:
        other.publish_all([("devices/sa/d2/telemetry", b"%d" % number) for number in range(MESSAGES // 2)])
        with broker.device("sa/d1", SECRET_ID, by=by) as thief:
            thief.publish("devices/sa/d1/telemetry", b"1")  # all that the broker had for it is before its PUBACK
            other.publish_all([("devices/sa/d2/telemetry", b"%d" % n) for n in range(MESSAGES // 2, MESSAGES)])
            thief.publish("devices/sa/d1/telemetry", b"2")
            assert thief.received() == []
    with broker.gateway() as gateway:
        topic = "devices/sa/d2/telemetry"
        assert [int(gateway.expect(topic).payload) for _ in range(MESSAGES)] == list(range(MESSAGES))


def test_case_e1_a_device_cant_throw_the_gateway_or_another_device_off(broker: Broker) -> None:
    with broker.gateway() as gateway, broker.device("sa/d2", "whatever") as other:
        gateway.subscribe("devices/#")
        other.subscribe("devices/sa/d2/command/+/+")
        for name in (SECRET_ID, "whatever", "sa/d2"):
            with broker.device("sa/d1", name) as thief:
                thief.publish("devices/sa/d1/telemetry", name)
            assert gateway.expect("devices/sa/d1/telemetry").payload == name.encode()
        gateway.publish("devices/sa/d2/command/1/blink", b"{}")
        assert other.expect("devices/sa/d2/command/+/+").payload == b"{}"
    assert "already connected" not in broker.process.log(), "nobody took anybody's session"


def test_case_g9_a_certificate_that_is_made_anew_is_shown_once_the_broker_is_told(broker: Broker) -> None:
    context = ssl.create_default_context(cafile=broker.directory / "ca.crt")

    def shown() -> set[str]:
        with (
            socket.create_connection(("127.0.0.1", broker.tls_port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            certificate: Any = secured.getpeercert()
            return {name for _, name in certificate["subjectAltName"]}

    assert "broker.example.org" not in shown()
    broker.make_certificate(MQTT_HOSTS="broker.example.org")
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: "broker.example.org" in shown(), retry_on=(OSError,))
