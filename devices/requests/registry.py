"""Which devices there are: the one place where devices and their twins are made.

A key that was used before goes on with its revs: the new twin begins one rev after the old one ended, and no stream
can lead from the old one to it, so that whoever still shows the old device gets a new snapshot.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import CharField, Count, Value
from django.db.models.functions import Cast, Concat

from bridge.names import is_device_key
from bridge.shards import device_hash
from devices.models import Command, Description, Device, DeviceTag, Installation, Request, RetiredKey, Site, Twin
from devices.models.registry import DELETED_PREFIX
from devices.rules.documents import Document
from devices.rules.twin import TwinState, dump

_MADE: Final = {"made": True}  # of a request to register: the device is there by now


class RegistryFullError(Exception):
    """There are as many devices as MAX_DEVICES or MAX_DEVICES_PER_SITE allows."""


def register_device(key: str, asked_by: str = "") -> Device:
    """The device of this key, with its twin; made if there is none. Safe to repeat.

    Args:
        key: ``site/device``.
        asked_by: an actor, if it is not the worker of its shard who makes it: that one is to take it down.

    Raises:
        ValueError: ``key`` is no ``site/device``.
        RegistryFullError: it would be one more than MAX_DEVICES, or MAX_DEVICES_PER_SITE.
    """
    devices = register_devices([key], asked_by)
    if key not in devices:
        raise RegistryFullError(_full(key))
    return devices[key]


def _full(key: str) -> str:
    count, limit = Device.objects.count(), settings.DEVICES.max_devices
    if count >= limit:
        return f"MAX_DEVICES: there are {limit} devices already"
    return f"MAX_DEVICES_PER_SITE: there are {settings.DEVICES.max_devices_per_site} devices at {key.partition('/')[0]}"


def register_devices(keys: Iterable[str], asked_by: str = "") -> dict[str, Device]:
    """The devices of these keys, with their twins; made where there are none. Safe to repeat, and beside others.

    Runs in a transaction of its own, or in a savepoint of the caller's.

    Args:
        keys: of devices.
        asked_by: as of :func:`register_device`.

    Returns:
        By key, in no order; those for which MAX_DEVICES or MAX_DEVICES_PER_SITE leaves no room are missing.

    Raises:
        ValueError: a key is no ``site/device``.
    """
    return find_or_make(keys, asked_by).devices


class FoundOrMade(NamedTuple):
    """Devices by key, and the keys of those that were not there before."""

    devices: dict[str, Device]
    made: set[str]


def find_or_make(keys: Iterable[str], asked_by: str = "") -> FoundOrMade:
    """The same as :func:`register_devices`, for who is to know which of them are new."""
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        if not is_device_key(key):
            raise ValueError(f"{key!r} is not site/device, each 1 to 64 of A-Z a-z 0-9 _ - . :")
    try:
        with transaction.atomic():
            return _registered(wanted, asked_by)
    except IntegrityError:  # somebody else made one of them meanwhile: now it is there
        with transaction.atomic():
            return _registered(wanted, asked_by)


def new_twin(retired_rev: int | None) -> TwinState:
    """The twin of a new device whose key was last at ``retired_rev`` (None: never used).

    The versions of the desired state and the description go on from there, too: each of their changes took a rev, so
    they were no higher.
    """
    if retired_rev is None:
        return TwinState()
    rev = retired_rev + 1
    reported, desired = Document(floor=rev), Document(floor=rev)
    return TwinState(rev=rev, reported=reported, desired=desired, desired_version=rev, described_rev=rev)


def deleted_keys(keys: Iterable[str]) -> set[str]:
    """Those of these keys under which there was a device that was deleted. One query."""
    return set(RetiredKey.objects.filter(key__in=list(keys)).values_list("key", flat=True))


def retire_keys(revs: Mapping[str, int]) -> None:
    """Remember where deleted devices' revs ended, by key. For the caller's transaction that deletes them."""
    rows = [RetiredKey(key=key, rev=rev) for key, rev in revs.items()]
    RetiredKey.objects.bulk_create(rows, update_conflicts=True, unique_fields=["key"], update_fields=["rev"])


def forget_devices(devices: Mapping[int, tuple[str, int]]) -> None:
    """Delete devices as far as anybody can see. For the caller's transaction; takes no longer for a long history.

    What hangs on their rows is removed in steps afterwards, and the rows last: devices.worker.retention.purges.

    Args:
        devices: key and rev by primary key.
    """
    retire_keys(dict(devices.values()))
    key = Concat(Value(DELETED_PREFIX), Cast("pk", CharField()))
    Device.objects.filter(pk__in=devices).update(key=key, mqtt_password="", http_token="")
    Twin.objects.filter(pk__in=devices).delete()
    Description.objects.filter(pk__in=devices).delete()
    DeviceTag.objects.filter(device_id__in=devices).delete()
    Command.objects.filter(device_id__in=devices).delete()


def _registered(keys: list[str], asked_by: str) -> FoundOrMade:
    devices = {device.key: device for device in Device.objects.filter(key__in=keys)}
    made = dict[str, Device]()
    if missing := [key for key in keys if key not in devices]:
        # One registers at a time until its transaction ends: two that counted at once would both use the same room.
        Installation.objects.select_for_update(no_key=True).first()
        room = max(0, settings.DEVICES.max_devices - Device.objects.count())
        made = _made(_within_sites(missing)[:room])
        devices.update(made)
        if asked_by:
            Request.objects.bulk_create(_news_of(device, asked_by) for device in made.values())
    return FoundOrMade(devices, set(made))


def _within_sites(keys: list[str]) -> list[str]:
    """Those for which their sites have room."""
    if settings.DEVICES.max_devices_per_site >= settings.DEVICES.max_devices:
        return keys
    sites = {key.partition("/")[0] for key in keys}
    counts = Device.objects.filter(site__name__in=sites).order_by().values_list("site__name").annotate(Count("pk"))
    room = dict.fromkeys(sites, settings.DEVICES.max_devices_per_site)
    room |= {site: room[site] - count for site, count in counts}
    within = []
    for key in keys:
        site = key.partition("/")[0]
        if room[site] > 0:
            room[site] -= 1
            within.append(key)
    return within


def _made(keys: list[str]) -> dict[str, Device]:
    sites = _sites({key.partition("/")[0] for key in keys})
    made = Device.objects.bulk_create(
        [Device(site=sites[key.partition("/")[0]], key=key, hash=device_hash(key)) for key in keys]
    )
    retired = dict(RetiredKey.objects.filter(key__in=keys).values_list("key", "rev"))
    Twin.objects.bulk_create(_twin_row(device, retired.get(device.key)) for device in made)
    return {device.key: device for device in made}


def _news_of(device: Device, asked_by: str) -> Request:
    """Has the worker of its shard take down that there is a new device; so it has its place among the changes."""
    return Request(device_key=device.key, hash=device.hash, kind="register", body=_MADE, created_by=asked_by)


def take_news(keys: Iterable[str]) -> dict[str, str]:
    """Devices of these keys whose news wait for the worker (:func:`register_device`): who asked for each, by key.

    They don't wait any more: whoever calls takes them down, in the present transaction.
    """
    waiting = Request.objects.filter(device_key__in=list(keys), kind="register", status=Request.Status.PENDING)
    news = {row.device_key: row for row in waiting if row.body == _MADE}
    Request.objects.filter(pk__in=[row.pk for row in news.values()]).update(status=Request.Status.SETTLED, result={})
    return {key: row.created_by for key, row in news.items()}


def _twin_row(device: Device, retired_rev: int | None) -> Twin:
    twin = new_twin(retired_rev)
    return Twin(device=device, doc=dump(twin), rev=twin.rev, status=twin.presence.status, tags=twin.tags)


def _sites(names: set[str]) -> dict[str, Site]:
    Site.objects.bulk_create([Site(name=name) for name in sorted(names)], ignore_conflicts=True)
    return {site.name: site for site in Site.objects.filter(name__in=names)}


def set_tags_of(tags: Mapping[int, Collection[str]]) -> None:
    """Let devices be found by these tags, by primary key, and no others. For the caller's transaction."""
    DeviceTag.objects.filter(device_id__in=tags).delete()
    DeviceTag.objects.bulk_create(DeviceTag(device_id=device, tag=tag) for device, its in tags.items() for tag in its)
