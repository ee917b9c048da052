"""Devices are made in one place, with their twins, once."""

import pytest
from django.conf import settings
from django.db import IntegrityError

from devices.models import Device, Site, Twin
from devices.requests import registry
from devices.requests.registry import RegistryFullError, new_twin, register_device, register_devices, retire_keys
from devices.rules.stream import can_replay
from devices.rules.twin import load_value

pytestmark = pytest.mark.django_db


def full_at(monkeypatch: pytest.MonkeyPatch, devices: int) -> None:
    import dataclasses

    monkeypatch.setattr(settings, "DEVICES", dataclasses.replace(settings.DEVICES, max_devices=devices))


def test_a_device_comes_with_its_site_and_an_empty_twin() -> None:
    device = register_device("demo/lamp")
    twin = Twin.objects.get(device=device)
    assert (device.site.name, device.name, twin.rev, twin.status, twin.tags) == ("demo", "lamp", 0, "unknown", [])
    assert load_value(twin.doc) == new_twin(None)


def test_registering_again_changes_nothing() -> None:
    assert register_device("demo/lamp").pk == register_device("demo/lamp").pk
    assert (Device.objects.count(), Twin.objects.count(), Site.objects.count()) == (1, 1, 1)


def test_many_at_once() -> None:
    register_device("a/1")
    made = register_devices(["b/1", "a/1", "b/2", "b/1", "c/1"])
    assert sorted(made) == ["a/1", "b/1", "b/2", "c/1"]
    assert Twin.objects.count() == 4


@pytest.mark.parametrize("key", ["", "demo", "demo/", "a/b/c", "a b/c", "x" * 65 + "/a", "a/\n"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is not site/device"):
        register_device(key)
    assert not Site.objects.exists()


def test_beyond_the_limit_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    full_at(monkeypatch, 2)
    assert sorted(register_devices(["a/1", "a/2", "a/3"])) == ["a/1", "a/2"]
    with pytest.raises(RegistryFullError, match="MAX_DEVICES: there are 2 devices"):
        register_device("a/4")
    assert register_device("a/1").key == "a/1"
    full_at(monkeypatch, 1)
    assert sorted(register_devices(["a/2", "a/5"])) == ["a/2"]


def test_a_key_used_before_goes_on_with_its_revs_and_nothing_leads_there() -> None:
    device = register_device("demo/lamp")
    retire_keys({device.key: 17})
    device.delete()
    twin = load_value(Twin.objects.get(device=register_device("demo/lamp")).doc)
    assert twin.rev == 18
    assert can_replay(twin, 18)
    assert not any(can_replay(twin, since) for since in (0, 5, 17, 19))
    retire_keys({"demo/lamp": 40})
    Device.objects.all().delete()
    assert Twin.objects.get(device=register_device("demo/lamp")).rev == 41


def test_somebody_else_registering_the_same_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = registry._made, []

    def beaten(keys: list[str]) -> dict[str, Device]:
        calls.append(keys)
        if len(calls) == 1:
            raise IntegrityError("somebody was quicker")
        return real(keys)

    monkeypatch.setattr(registry, "_made", beaten)
    assert register_device("demo/lamp").key == "demo/lamp"
    assert calls == [["demo/lamp"], ["demo/lamp"]]


@pytest.mark.django_db
def test_case_g13_the_desired_version_of_a_key_never_restarts() -> None:
    twin = new_twin(17)  # so the version was at most 17
    assert twin.desired_version >= 17
    assert new_twin(None).desired_version == 0
