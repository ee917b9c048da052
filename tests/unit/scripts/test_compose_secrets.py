"""Secrets of the compose file: made up once, given ones win, nobody's directory is written to needlessly."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.environment import ROOT

MADE_UP = ["mqtt_gateway_password", "postgres_password", "secret_key"]


def run(directory: Path, *others: Path, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "compose-secrets"), str(directory), *map(str, others)]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=30)


def contents(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(directory.iterdir())}


def test_all_are_made_up_differently_and_stay(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    first = contents(tmp_path)
    assert list(first) == sorted([*MADE_UP, "database_url", "mqtt_fleet"])
    assert len({first[name] for name in MADE_UP}) == len(MADE_UP)
    assert all(len(first[name]) >= 50 for name in MADE_UP)

    again = run(tmp_path)
    assert (again.returncode, again.stdout, contents(tmp_path)) == (0, "", first)


def test_values_are_never_printed(tmp_path: Path) -> None:
    done = run(tmp_path)
    values = [value for name, value in contents(tmp_path).items() if name != "mqtt_fleet"]
    assert not any(value in done.stdout + done.stderr for value in values)


def test_given_ones_win_and_stay(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, SECRET_KEY="given", POSTGRES_PASSWORD="")
    run(tmp_path)
    assert contents(tmp_path)["secret_key"] == "given"


def test_the_database_url_has_the_password_whatever_it_consists_of(tmp_path: Path) -> None:
    password = "p@ss:w/rd? #é%"
    run(tmp_path, POSTGRES_PASSWORD=password)
    url = urlsplit(contents(tmp_path)["database_url"])
    assert (unquote(url.password or ""), url.hostname, url.path) == (password, "postgres", "/causeway")

    run(tmp_path, POSTGRES_PASSWORD="another")
    assert ":another@" in contents(tmp_path)["database_url"]


def test_a_database_elsewhere_stays(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, DATABASE_URL="postgres://me@elsewhere/db")
    run(tmp_path)
    assert contents(tmp_path)["database_url"] == "postgres://me@elsewhere/db"


def test_a_directory_that_it_may_not_write_to(tmp_path: Path) -> None:
    missing = run(tmp_path / "nowhere")
    assert missing.returncode == 1
    assert missing.stderr.startswith("compose-secrets DIRECTORY: ")
    assert missing.stderr.count("\n") == 1

    run(tmp_path)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    tmp_path.chmod(0o500)
    try:
        assert run(tmp_path).returncode == 0
    finally:
        tmp_path.chmod(0o700)
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert not any(os.access(file, os.X_OK) for file in tmp_path.iterdir())


def test_each_service_has_its_own_and_nobody_else_reads_them(tmp_path: Path) -> None:
    master, services = tmp_path / "master", tmp_path / "services"
    master.mkdir()
    services.mkdir()
    assert run(master, services).returncode == 0
    found = {folder.name: sorted(contents(folder)) for folder in services.iterdir()}
    assert found == {
        "app": ["database_url", "secret_key"],
        "gateway": ["database_url", "mqtt_fleet", "mqtt_gateway_password", "secret_key"],
        "mosquitto": ["mqtt_fleet", "mqtt_gateway_password"],
        "postgres": ["postgres_password"],
        "simulate": [],
    }
    files = [file for folder in (master, *services.iterdir()) for file in folder.iterdir()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o400}


def test_devices_share_a_user_only_where_they_did_or_where_it_is_asked_for(tmp_path: Path) -> None:
    master, services = tmp_path / "master", tmp_path / "services"
    for folder in (master, services):
        folder.mkdir()
    run(master, services)
    assert (master / "mqtt_fleet").read_text() == "off"
    run(master, services, MQTT_FLEET="own")
    run(master, services)
    assert (services / "mosquitto" / "mqtt_fleet").read_text() == "own"
    assert (services / "simulate" / "mqtt_fleet_password").exists()
    run(master, services, MQTT_FLEET="off")
    assert not (services / "mosquitto" / "mqtt_fleet_password").exists()
    assert run(master, MQTT_FLEET="on").stderr.startswith("MQTT_FLEET: ")


def test_an_installation_from_before_keeps_its_shared_user(tmp_path: Path) -> None:
    (tmp_path / "mqtt_fleet_password").write_text("as it was")
    run(tmp_path)
    assert contents(tmp_path)["mqtt_fleet"] == "shared"
    assert contents(tmp_path)["mqtt_fleet_password"] == "as it was"


def test_case_g9_the_broker_alone_has_its_certificate_and_nobody_the_authoritys_key(tmp_path: Path) -> None:
    master, services, tls = (tmp_path / name for name in ("master", "services", "tls"))
    for folder in (master, services, tls):
        folder.mkdir()
    for name in ("ca.crt", "ca.key", "server.crt", "server.key"):
        (tls / name).write_text(name)
    assert run(master, services, tls).returncode == 0
    files = {"ca.crt", "ca.key", "server.crt", "server.key"}
    with_them = {folder.name: files & set(contents(folder)) for folder in services.iterdir()}
    assert with_them.pop("mosquitto") == {"ca.crt", "server.crt", "server.key"}
    assert not any(with_them.values())
    assert {file.stat().st_mode & 0o777 for file in (services / "mosquitto").iterdir()} == {0o400}
    for name in ("ca.crt", "ca.key"):
        (tls / name).unlink()
    run(master, services, tls)
    assert "ca.crt" not in contents(services / "mosquitto"), "somebody's own has another authority"


def test_the_broker_is_told_what_the_dialects_need_and_nobody_else(tmp_path: Path) -> None:
    directory, services = tmp_path / "secrets", tmp_path / "services"
    directory.mkdir()
    services.mkdir()
    assert run(directory, services, DIALECTS="native,homie@home", BRIDGE_TOPIC_ROOT="plant").returncode == 0
    acl = contents(services / "mosquitto")["acl.dialects"]
    assert acl.startswith("user gateway\ntopic read homie/#\n")
    assert [folder.name for folder in services.iterdir() if (folder / "acl.dialects").exists()] == ["mosquitto"]
    assert run(directory, services, DIALECTS="native").returncode == 0
    assert "acl.dialects" not in contents(services / "mosquitto")
    bad = run(directory, services, DIALECTS="native,p4ssw0rd")
    assert bad.returncode != 0
    assert bad.stderr.startswith("DIALECTS: ")
    assert "p4ssw0rd" not in bad.stderr
