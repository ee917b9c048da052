"""Credentials for devices, and the broker's file of them."""

import dataclasses
import stat
import time
from pathlib import Path

import pytest
from django.conf import settings

from bridge.dialects.builtin import parse_dialects
from devices.models import Device, ShardState
from devices.requests.credentials import matches
from devices.requests.provisioning import provision, provision_login, write_password_file
from devices.rules.actors import Actor
from tests.support.worlds.fake_worker import install

pytestmark = pytest.mark.django_db

OPERATOR = Actor("system", "provision_device")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "broker" / "passwords"
    path.parent.mkdir()
    monkeypatch.setattr(settings, "DEVICES", dataclasses.replace(settings.DEVICES, mosquitto_passwords=str(path)))
    return path


def lines(file: Path) -> dict[str, str]:
    return dict(line.split(":", 1) for line in file.read_text().splitlines())


def test_every_provisioned_device_has_a_line(file: Path) -> None:
    first, second = provision("demo/b", OPERATOR), provision("demo/a:1", OPERATOR)
    kept = lines(file)
    assert list(kept) == ["demo/a%3A1", "demo/b"]
    assert matches(first, kept["demo/b"])
    assert matches(second, kept["demo/a%3A1"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o644, "the broker runs as another user"
    assert sorted(path.name for path in file.parent.iterdir()) == [".passwords.lock", "passwords"]


def test_again_gives_a_new_password_and_ends_the_old_one(file: Path) -> None:
    old, new = provision("demo/a", OPERATOR), provision("demo/a", OPERATOR)
    assert not matches(old, lines(file)["demo/a"])
    assert matches(new, lines(file)["demo/a"])
    assert Device.objects.count() == 1


def test_a_deleted_device_loses_its_line(file: Path) -> None:
    provision("demo/a", OPERATOR)
    provision("demo/b", OPERATOR)
    Device.objects.get(key="demo/a").delete()
    write_password_file()
    assert list(lines(file)) == ["demo/b"]


def test_a_file_that_cannot_be_written_stays_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provision("demo/a", OPERATOR)
    before = file.read_text()

    def no_space(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("devices.requests.provisioning.os.fsync", no_space)
    with pytest.raises(OSError, match="no space"):
        provision("demo/b", OPERATOR)
    assert file.read_text() == before
    assert len(list(file.parent.iterdir())) == 2, "no temporary file is left"


def test_a_worker_that_is_there_registers_it_so_that_browsers_see_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    async def ask(key: str, kind: str, _body: object, *, actor: Actor) -> dict[str, object]:
        asked.append((key, kind, str(actor)))
        return {}

    monkeypatch.setattr("devices.requests.provisioning.ask", ask)
    install()
    ShardState.objects.update(beat_ms=int(time.time() * 1000))
    provision("demo/a", OPERATOR)
    assert asked == [("demo/a", "register", "system:provision_device")]
    ShardState.objects.update(beat_ms=0)
    provision("demo/b", OPERATOR)
    assert asked == [("demo/a", "register", "system:provision_device")]
    assert Device.objects.count() == 2


def test_without_a_file_only_the_database_knows() -> None:
    assert matches(provision("demo/a", OPERATOR), Device.objects.get().mqtt_password)


# ---- logins for one dialect


@pytest.fixture
def house(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two dialects are spoken; the broker's file of rights."""
    spoken = parse_dialects("native,homie=home/homie@home,zigbee2mqtt@attic")
    monkeypatch.setattr(settings, "DEVICES", dataclasses.replace(settings.DEVICES, spoken=spoken))
    return file.with_name("passwords.rights")


def test_a_login_gets_a_line_and_its_rights_and_is_no_device(file: Path, house: Path) -> None:
    provision("home/lamp", OPERATOR)
    password = provision_login("home/pumps:1", "homie")
    assert matches(password, lines(file)["home/pumps%3A1"])
    assert list(lines(file)) == ["home/lamp", "home/pumps%3A1"]
    rights = house.read_text().splitlines()
    assert rights[:2] == ["user home/pumps%3A1", "topic deny devices/#"]
    assert "topic write home/homie/#" in rights
    assert not [line for line in rights if "zigbee2mqtt" in line]
    assert [device.key for device in Device.objects.all()] == ["home/lamp"]


def test_a_login_ends_when_its_name_becomes_a_devices(file: Path, house: Path) -> None:
    provision_login("home/pumps", "homie")
    provision("home/pumps", OPERATOR)
    assert house.read_text() == ""
    assert list(lines(file)) == ["home/pumps"]
    with pytest.raises(ValueError, match="credentials of its own"):
        provision_login("home/pumps", "homie")


@pytest.mark.parametrize(("key", "dialect"), [("attic/x", "homie"), ("home/x", "native"), ("home", "homie")])
def test_a_login_for_what_is_not_spoken_there_is_refused(house: Path, key: str, dialect: str) -> None:
    with pytest.raises(ValueError, match=r"DIALECTS|--dialect|site/device"):
        provision_login(key, dialect)
    assert not house.exists()
