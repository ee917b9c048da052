"""``manage.py run_gateway`` and ``simulate`` as commands: bad settings, signals, TLS and passwords."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.gateway_rig import SHARDS
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import Process, manage, run_command
from tests.support.servers.service import LocalRunner, Service
from tests.support.waiting import eventually

Start = Callable[..., Process]
SETTINGS = {"BRIDGE_SHARDS": str(SHARDS), "DEBUG": "true"}
NOBODY = "redis://127.0.0.1:1/0"  # nothing listens there; run_gateway waits for it


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``manage.py`` commands, which end with the test: ``start({"MQTT_URL": …}, "run_gateway")``."""
    started: list[Process] = []

    def begin(settings: dict[str, str], *arguments: str) -> Process:
        started.append(Process(arguments[0], manage(*arguments), settings, tmp_path / f"{arguments[0]}.log"))
        return started[-1].start()

    yield begin
    for process in started:
        process.kill()


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({}, "REDIS_URL"),
        ({"REDIS_URL": NOBODY, "MQTT_URL": "http://x"}, "MQTT_URL"),
        ({"REDIS_URL": NOBODY, "MQTT_VERSION": "4"}, "MQTT_VERSION"),
        ({"REDIS_URL": NOBODY, "BRIDGE_TOPIC_ROOT": "a/b"}, "BRIDGE_TOPIC_ROOT"),
        ({"REDIS_URL": NOBODY, "GATEWAY_TOPIC_FILTERS": "devices/#,devices/demo/#"}, "GATEWAY_TOPIC_FILTERS"),
        ({"REDIS_URL": NOBODY, "MQTT_CA_CERTIFICATES": "/nowhere.pem"}, "MQTT_CA_CERTIFICATES"),
    ],
)
def test_bad_settings_end_the_gateway_with_one_line(settings: dict[str, str], variable: str, tmp_path: Path) -> None:
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/unused.sqlite3"}
    done = run_command(manage("run_gateway"), {**SETTINGS, **database, **settings}, check=False)
    assert done.returncode != 0
    assert variable in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["run_gateway", "simulate"])
def test_help(command: str) -> None:
    assert "MQTT_URL" in run_command(manage(command, "--help"), SETTINGS).stdout


def test_the_gateway_waits_for_everything_and_stops_when_asked(start: Start, tmp_path: Path) -> None:
    """Neither broker nor Redis nor tables are there."""
    settings = {
        **SETTINGS,
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "MQTT_URL": "mqtt://127.0.0.1:1",
        "REDIS_URL": NOBODY,
    }
    gateway = start(settings, "run_gateway")
    gateway.wait_for_line("database down")
    assert gateway.terminate() == 0


# ---- simulate


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--devices", "0"], "--devices"),
        (["--rate", "-1"], "--rate"),
        (["--site", "a/b"], "--site"),
        ([], "Connection refused"),
    ],
)
def test_a_simulation_that_cannot_start_says_why_in_one_line(arguments: list[str], reason: str) -> None:
    settings = {**SETTINGS, "MQTT_URL": f"mqtt://127.0.0.1:{free_port()}"}
    done = run_command(manage("simulate", *arguments), settings, check=False)
    assert done.returncode != 0
    assert reason in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_simulated_devices_live_and_leave(mosquitto: Service, start: Start, version: str) -> None:
    settings = {**SETTINGS, "MQTT_URL": mosquitto.url, "MQTT_VERSION": version}
    with MqttClient(mosquitto.port) as watcher:
        watcher.subscribe("devices/demo/thermostat-001/#")
        simulation = start(settings, "simulate", "--devices", "12", "--rate", "5", "--seed", "1")
        assert watcher.expect("devices/demo/thermostat-001/status").payload == b"online"
        assert "set_led" in watcher.expect("devices/demo/thermostat-001/state").json()["commands"]
        assert "temperature" in watcher.expect("devices/demo/thermostat-001/telemetry").json()
        for _ in range(2):  # the second is a repeat: nothing happens but the same answer
            watcher.publish("devices/demo/thermostat-001/command/c1/set_led", {"on": True})
        acks = [watcher.expect("devices/demo/thermostat-001/ack/c1").json()["status"] for _ in range(3)]
        assert sorted(acks) in (["accepted", "accepted", "done"], ["accepted", "done", "done"])
        watcher.publish("devices/demo/thermostat-001/desired", {"version": 1, "delta": {"target": 18}}, retain=True)
        eventually(lambda: watcher.expect("devices/demo/thermostat-001/state").json() == {"target": 18.0})
        assert simulation.terminate() == 0
        assert watcher.expect("devices/demo/thermostat-001/status").payload == b"offline"


def test_a_simulation_ends_by_itself(mosquitto: Service) -> None:
    settings = {**SETTINGS, "MQTT_URL": mosquitto.url}
    run_command(manage("simulate", "--devices", "3", "--seconds", "0.5"), settings)


# ---- TLS and passwords

_GUARDED = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {directory}/passwords
cafile {directory}/ca.pem
certfile {directory}/server.pem
keyfile {directory}/server.key
"""


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run([program("openssl"), *arguments], cwd=directory, check=True, capture_output=True)


def _make_certificates(directory: Path) -> None:
    key = ("-newkey", "rsa:2048", "-nodes")
    _openssl(
        directory, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA"
    )
    _openssl(directory, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (directory / "names").write_text("subjectAltName=DNS:localhost")
    _openssl(
        directory, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "server.pem", "-days", "2", "-extfile", "names",
    )  # fmt: skip


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A broker with TLS and a password (``gateway`` / ``right``): its port, and the CA's file."""
    port, directory = free_port(), tmp_path / "broker"
    directory.mkdir()
    _make_certificates(directory)
    passwords = directory / "passwords"
    passwords.touch()
    tool = program("mosquitto_passwd")
    subprocess.run([tool, "-b", str(passwords), "gateway", "right"], check=True, capture_output=True)
    (directory / "m.conf").write_text(_GUARDED.format(port=port, directory=directory) + "user root\n")
    broker = LocalRunner("guarded", lambda _: [program("mosquitto"), "-c", str(directory / "m.conf")])
    broker.start()
    eventually(lambda: is_listening(port))
    yield port, directory / "ca.pem"
    broker.stop()
    broker.wipe()


@pytest.fixture
def trusting(guarded: tuple[int, Path], redis: Service, tmp_path: Path) -> dict[str, str]:
    """Settings of a gateway that may use the guarded broker."""
    port, ca_file = guarded
    settings = {
        **SETTINGS,
        "DATABASE_URL": f"sqlite:///{tmp_path}/gateway.sqlite3",
        "LOG_FORMAT": "json",
        "MQTT_CA_CERTIFICATES": str(ca_file),
        "MQTT_PASSWORD": "right",
        "MQTT_URL": f"mqtts://localhost:{port}",
        "MQTT_USERNAME": "gateway",
        "REDIS_URL": redis.url,
    }
    run_command(manage("migrate", "--verbosity", "0"), settings)
    return settings


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_tls_and_password(trusting: dict[str, str], start: Start, version: str) -> None:
    gateway = start({**trusting, "MQTT_VERSION": version}, "run_gateway")
    gateway.wait_for_line("broker link up")
    assert gateway.terminate() == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MQTT_PASSWORD": "wrong"}, "not authori[sz]ed|bad user"),
        ({"MQTT_CA_CERTIFICATES": ""}, "certificate verify failed"),
    ],
)
def test_a_refusal_is_told_once_in_words(
    trusting: dict[str, str], start: Start, change: dict[str, str], reason: str
) -> None:
    gateway = start({**trusting, **change}, "run_gateway")
    gateway.wait_for_line(f"(?i){reason}")
    lines = [json.loads(line) for line in gateway.log().splitlines()]
    assert [line["event"] for line in lines if line["level"] == "warning"] == ["broker link down"]
    assert "right" not in gateway.log()
    assert gateway.terminate() == 0


# ---- what brokers do with certificates


def test_case_j7_an_authority_that_is_renewed_is_read_without_a_restart_and_tls_says_what_is_wrong_until_then(
    trusting: dict[str, str], start: Start, tmp_path: Path
) -> None:
    authority = Path(trusting["MQTT_CA_CERTIFICATES"])
    right = authority.read_bytes()
    _openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "other.pem",
             "-days", "2", "-subj", "/CN=Former CA")  # fmt: skip
    authority.write_bytes((tmp_path / "other.pem").read_bytes())
    gateway = start(trusting, "run_gateway")
    gateway.wait_for_line("certificate verify failed")
    authority.write_bytes(right)
    gateway.wait_for_line("broker link up")
    assert gateway.terminate() == 0


def test_case_e6_and_case_j7_a_client_certificate_is_shown_and_one_that_is_renewed_is_read_without_a_restart(
    guarded: tuple[int, Path], trusting: dict[str, str], start: Start, tmp_path: Path
) -> None:
    directory, port = guarded[1].parent, free_port()
    text = _GUARDED.format(port=port, directory=directory) + "user root\nrequire_certificate true\n"
    (directory / "strict.conf").write_text(text)
    broker = LocalRunner("strict", lambda _: [program("mosquitto"), "-c", str(directory / "strict.conf")])
    broker.start()
    eventually(lambda: is_listening(port))
    try:
        settings = {**trusting, "MQTT_URL": f"mqtts://localhost:{port}"}
        without = start(settings, "run_gateway")
        without.wait_for_line("(?i)TLS.*certificate required|handshake failure")
        assert without.terminate() == 0
        _openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "mine.key", "-out", "mine.pem",
                 "-days", "2", "-subj", "/CN=stranger")  # fmt: skip
        files = {"MQTT_CLIENT_CERTIFICATE": "mine.pem", "MQTT_CLIENT_KEY": "mine.key"}
        gateway = start({**settings, **{name: str(directory / file) for name, file in files.items()}}, "run_gateway")
        gateway.wait_for_line("(?i)TLS.*unknown ca")
        for new, old in (("server.key", "mine.key"), ("server.pem", "mine.pem")):
            (directory / old).write_bytes((directory / new).read_bytes())
        gateway.wait_for_line("broker link up")
        assert gateway.terminate() == 0
    finally:
        broker.stop()
        broker.wipe()
