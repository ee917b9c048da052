"""mosquitto/entrypoint with a real broker, its paths and ports moved: TLS as long as there is a certificate."""

import asyncio
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.dialects.builtin import parse_dialects
from devices.requests.broker_rights import compose_acl, login_lines
from devices.requests.credentials import mosquitto_hash
from mqtt_gateway.connection.rights_check import rights
from mqtt_gateway.options import GatewayOptions
from tests.support.clients.mqtt import MqttClient
from tests.support.environment import ROOT, environment
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import Process, manage
from tests.support.waiting import eventually

MOVED = ("/mosquitto/config", "/mosquitto/data", "/run/causeway", "/var/lib/causeway/mosquitto", "/tmp/mosquitto")
ON_ROOT = "user root\n" if os.geteuid() == 0 else ""  # else it would drop to a user who can't read here


class Broker:
    """The files of mosquitto/ in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.secrets, self.config = directory / "run/causeway", directory / "mosquitto/config"
        self.gateway, self.devices, self.tls = free_port(), free_port(), free_port()
        for moved in MOVED:
            (directory / moved[1:]).mkdir(parents=True, exist_ok=True)
        (self.config / "conf.d").mkdir()
        for name in ("mosquitto.conf", "acl", "entrypoint"):
            text = (ROOT / "mosquitto" / name).read_text()
            for path in MOVED:
                text = text.replace(path, f"{directory}{path}")
            for inner, port in ((1883, self.gateway), (1884, self.devices), (8883, self.tls)):
                text = re.sub(rf"(listener ){inner}\b", rf"\g<1>{port}", text)
            (self.config / name).write_text(text)
        (self.config / "conf.d/root.conf").write_text(ON_ROOT)
        (self.secrets / "mqtt_gateway_password").write_text("secret")
        self.process = Process("entrypoint", ["sh", str(self.config / "entrypoint")], {}, directory / "log")

    def make_certificate(self, folder: Path, **settings: str) -> None:
        """As the service `secrets` does."""
        command = [sys.executable, str(ROOT / "scripts/compose-certificates"), str(folder)]
        subprocess.run(command, check=True, timeout=20, capture_output=True, env=settings)

    def start(self) -> None:
        """Start it; the gateway's listener is there."""
        self.process.start()
        eventually(lambda: is_listening(self.gateway), what="it listens")

    def shown(self, authority: Path) -> set[str]:
        """The names in the certificate that it shows, which this authority vouches for."""
        context = ssl.create_default_context(cafile=authority)
        with (
            socket.create_connection(("127.0.0.1", self.tls), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            certificate: Any = secured.getpeercert()
            return {name for _, name in certificate["subjectAltName"]}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Not started; ended with the test."""
    made = Broker(tmp_path)
    yield made
    made.process.terminate()


def test_case_g9_a_certificate_that_is_made_anew_is_shown_by_itself(broker: Broker) -> None:
    broker.make_certificate(broker.secrets)
    broker.start()
    authority = broker.secrets / "ca.crt"
    assert "broker.example.org" not in broker.shown(authority)
    broker.make_certificate(broker.secrets, MQTT_HOSTS="broker.example.org")
    eventually(
        lambda: "broker.example.org" in broker.shown(authority), what="the new one is shown", retry_on=(OSError,)
    )


def test_case_g9_without_a_certificate_there_is_no_tls_and_all_else_works(broker: Broker) -> None:
    broker.start()
    assert is_listening(broker.devices)
    assert not is_listening(broker.tls)


def test_case_g9_a_listener_of_ones_own_takes_the_place(broker: Broker, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    broker.make_certificate(own, MQTT_HOSTS="own.example.org")
    broker.make_certificate(broker.secrets)
    text = f"listener {broker.tls}\ncertfile {own}/server.crt\nkeyfile {own}/server.key\n"
    (broker.config / "conf.d/tls.conf").write_text(text)
    broker.start()
    assert "own.example.org" in broker.shown(own / "ca.crt")


# ---- dialects

DIALECTS = "native,tasmota@home,homie@home"


def check(broker: Broker) -> "subprocess.CompletedProcess[str]":
    """``manage.py check_broker`` with the gateway's login."""
    settings = {
        "DIALECTS": DIALECTS,
        "DEBUG": "true",
        "REDIS_URL": "redis://127.0.0.1:1",
        "MQTT_URL": f"mqtt://gateway:secret@127.0.0.1:{broker.gateway}",
    }
    command = manage("check_broker")
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False, timeout=60)


def test_a_broker_whose_acl_lacks_lines_is_told_apart_from_one_that_has_them(broker: Broker) -> None:
    broker.start()
    lacks = check(broker)
    assert lacks.returncode == 1, lacks.stdout + lacks.stderr
    assert lacks.stderr.strip().endswith(f"rights lack at 127.0.0.1:{broker.gateway}")
    missing = lacks.stdout[lacks.stdout.index("user gateway\n") :]
    assert "topic write homie/+/+/+/set\n" in missing
    assert "topic read homie/#\n" in missing
    assert "devices/" not in missing
    broker.process.terminate()

    (broker.secrets / "acl.dialects").write_text(compose_acl(parse_dialects(DIALECTS), "devices"))
    broker.start()
    options = GatewayOptions(
        port=broker.gateway, username="gateway", password="secret", spoken=parse_dialects(DIALECTS)
    )
    found = {one.line: one.verdict for one in asyncio.run(rights(options))}
    assert found["topic read homie/#"] == found["topic read devices/#"] == "yes"
    assert found["topic write cmnd/+/#"] == "yes"
    assert "no" not in found.values()


def test_a_login_for_one_dialect_may_use_its_base_only(broker: Broker, tmp_path: Path) -> None:
    devices = tmp_path / "var/lib/causeway/mosquitto/passwords"
    lines = login_lines(parse_dialects(DIALECTS), "homie", "home", "devices")
    (broker.secrets / "acl.dialects").write_text(compose_acl(parse_dialects(DIALECTS), "devices"))
    broker.start()
    devices.with_name("passwords.rights").write_text(
        "\n".join(["topic read #", "user gateway", "topic read #", "user home/pumps", *lines, ""])
    )
    devices.write_text(f"home/pumps:{mosquitto_hash('p')}\n")
    acl = tmp_path / "tmp/mosquitto/acl"
    eventually(lambda: "user home/pumps" in acl.read_text(), what="it has the login")
    assert "topic read #" not in acl.read_text()
    login = eventually(lambda: _login(broker), what="the login is let in", retry_on=(AssertionError,))
    with MqttClient(broker.gateway, username="gateway", password="secret") as gateway, login:
        login.subscribe("devices/#")
        gateway.subscribe("devices/#")
        gateway.subscribe("homie/#")
        login.publish("devices/home/pumps/telemetry", b"1")
        login.publish("homie/a/b/c", b"2")
        assert gateway.expect().topic == "homie/a/b/c"
        gateway.publish("devices/home/pumps/desired", b"{}")
        gateway.publish("homie/a/b/c/set", b"3")
        assert login.expect().topic == "homie/a/b/c/set"


def _login(broker: Broker) -> MqttClient:
    """Let in once the broker has read its files anew."""
    client = MqttClient(broker.devices, username="home/pumps", password="p", comes_back=False)
    client.subscribe("homie/#")
    return client
