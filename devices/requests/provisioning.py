"""Giving devices their own credentials at the broker, and keeping Mosquitto's file of them.

The database has the truth; the file (``settings.DEVICES.mosquitto_passwords``) is written anew from it, whole, whenever
it changes. Mosquitto's entrypoint notices (mosquitto/entrypoint). Only hashes are kept anywhere.
"""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction

from bridge.names import is_source_key
from bridge.shards import shard_of
from devices.models import Device
from devices.requests.ask import ask
from devices.requests.credentials import mosquitto_hash, new_password, password_file
from devices.requests.refusals import UnavailableError
from devices.requests.registry import register_device
from devices.requests.shard_owners import unowned_shards
from devices.rules.actors import Actor

_READABLE = 0o644  # the broker runs as another user; the file has hashes of long random passwords only


def provision(device_key: str, actor: Actor) -> str:
    """Register a device if need be and give it a new password; its former one ends. ``actor``: who asks.

    Returns:
        The password. It can't be read again.

    Raises:
        ValueError: ``device_key`` is no ``site/device``.
        devices.requests.registry.RegistryFullError, devices.requests.refusals.RefusalError: there are MAX_DEVICES
            already.
        OSError: the broker's file could not be written; the former password stays.
    """
    _register(device_key, actor)
    password = new_password()
    with transaction.atomic():  # a file that can't be written leaves the former password
        Device.objects.filter(key=device_key).update(mqtt_password=mosquitto_hash(password))
        write_password_file()
    return password


def _register(device_key: str, actor: Actor) -> None:
    """By its shard's worker, if there is one: then browsers see the new device at once."""
    if not is_source_key(device_key):
        raise ValueError(f"{device_key!r} is not site/device, each 1 to 64 of A-Z a-z 0-9 _ - . :")
    if shard_of(device_key, settings.DEVICES.shards) not in unowned_shards():
        with contextlib.suppress(UnavailableError):
            async_to_sync(ask)(device_key, "register", {}, actor=actor)
    register_device(device_key)


def write_password_file() -> None:
    """Write the broker's file of device passwords from the database, if the settings name one. Atomic.

    Raises:
        OSError: it could not be written; the former one is as it was.
    """
    if not settings.DEVICES.mosquitto_passwords:
        return
    path = Path(settings.DEVICES.mosquitto_passwords)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that whoever writes last has read last
        rows = Device.objects.exclude(mqtt_password="").order_by("key").values_list("key", "mqtt_password")
        _replace(path, password_file(rows))


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_READABLE)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
