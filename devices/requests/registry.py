"""Which devices there are: the one place where devices and their twins are made.

A key that was used before goes on with its revs: the new twin begins one rev after the old one ended, and no stream
can lead from the old one to it, so that whoever still shows the old device gets a new snapshot.
"""

from collections.abc import Iterable

from django.conf import settings
from django.db import IntegrityError, transaction

from bridge.names import is_device_key
from bridge.shards import device_hash
from devices.models import Command, Device, Installation, RetiredKey, Site, Twin
from devices.models.registry import DELETED_PREFIX
from devices.rules.documents import Document
from devices.rules.twin import TwinState, dump


class RegistryFullError(Exception):
    """There are as many devices as MAX_DEVICES allows."""


def register_device(key: str) -> Device:
    """The device of this key, with its twin; made if there is none. Safe to repeat.

    Raises:
        ValueError: ``key`` is no ``site/device``.
        RegistryFullError: it would be one more than MAX_DEVICES.
    """
    devices = register_devices([key])
    if key not in devices:
        raise RegistryFullError(f"MAX_DEVICES: there are {settings.DEVICES.max_devices} devices already")
    return devices[key]


def register_devices(keys: Iterable[str]) -> dict[str, Device]:
    """The devices of these keys, with their twins; made where there are none. Safe to repeat, and beside others.

    Runs in a transaction of its own, or in a savepoint of the caller's.

    Returns:
        By key, in no order; those for which MAX_DEVICES leaves no room are missing.

    Raises:
        ValueError: a key is no ``site/device``.
    """
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        if not is_device_key(key):
            raise ValueError(f"{key!r} is not site/device, each 1 to 64 of A-Z a-z 0-9 _ - . :")
    try:
        with transaction.atomic():
            return _registered(wanted)
    except IntegrityError:  # somebody else made one of them meanwhile: now it is there
        with transaction.atomic():
            return _registered(wanted)


def new_twin(retired_rev: int | None) -> TwinState:
    """The twin of a new device whose key was last at ``retired_rev`` (None: never used).

    The desired state's version goes on from there, too: each of its changes took a rev, so it was no higher.
    """
    if retired_rev is None:
        return TwinState()
    rev = retired_rev + 1
    return TwinState(rev=rev, reported=Document(floor=rev), desired=Document(floor=rev), desired_version=rev)


def deleted_keys(keys: Iterable[str]) -> set[str]:
    """Those of these keys under which there was a device that was deleted. One query."""
    return set(RetiredKey.objects.filter(key__in=list(keys)).values_list("key", flat=True))


def retire_key(key: str, rev: int) -> None:
    """Remember where a deleted device's revs ended. For the caller's transaction that deletes it."""
    RetiredKey.objects.update_or_create(key=key, defaults={"rev": rev})


def forget_device(device_id: int, key: str, rev: int) -> None:
    """Delete a device as far as anybody can see. For the caller's transaction; takes no longer for a long history.

    What hangs on its row is removed in steps afterwards, and the row last: devices.worker.retention.purges.
    """
    retire_key(key, rev)
    Device.objects.filter(pk=device_id).update(key=f"{DELETED_PREFIX}{device_id}", mqtt_password="")
    Twin.objects.filter(pk=device_id).delete()
    Command.objects.filter(device_id=device_id).delete()


def _registered(keys: list[str]) -> dict[str, Device]:
    devices = {device.key: device for device in Device.objects.filter(key__in=keys)}
    missing = [key for key in keys if key not in devices]
    if missing:
        # One registers at a time until its transaction ends: two that counted at once would both use the same room.
        Installation.objects.select_for_update(no_key=True).first()
        room = max(0, settings.DEVICES.max_devices - Device.objects.count())
        devices.update(_made(missing[:room]))
    return devices


def _made(keys: list[str]) -> dict[str, Device]:
    sites = _sites({key.partition("/")[0] for key in keys})
    made = Device.objects.bulk_create(
        [Device(site=sites[key.partition("/")[0]], key=key, hash=device_hash(key)) for key in keys]
    )
    retired = dict(RetiredKey.objects.filter(key__in=keys).values_list("key", "rev"))
    Twin.objects.bulk_create(_twin_row(device, retired.get(device.key)) for device in made)
    return {device.key: device for device in made}


def _twin_row(device: Device, retired_rev: int | None) -> Twin:
    twin = new_twin(retired_rev)
    return Twin(device=device, doc=dump(twin), rev=twin.rev, status=twin.presence.status, tags=twin.tags)


def _sites(names: set[str]) -> dict[str, Site]:
    Site.objects.bulk_create([Site(name=name) for name in sorted(names)], ignore_conflicts=True)
    return {site.name: site for site in Site.objects.filter(name__in=names)}
