"""Giving devices their own credentials at the broker, and keeping Mosquitto's file of them.

The database has the truth; the file (``settings.DEVICES.mosquitto_passwords``) is written anew from it, whole, whenever
it changes. Mosquitto's entrypoint notices (mosquitto/entrypoint). Only hashes are kept anywhere. Beside it, in a file
of the same name with ``.rights``, stand the rights of logins for one dialect.
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
from devices.models import Device, DialectLogin
from devices.requests.ask import ask
from devices.requests.broker_rights import login_lines
from devices.requests.credentials import mosquitto_hash, mqtt_username, new_password, password_file
from devices.requests.ingest import new_token
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
        DialectLogin.objects.filter(key=device_key).delete()
        Device.objects.filter(key=device_key).update(mqtt_password=mosquitto_hash(password))
        write_password_file()
    return password


def provision_http(device_key: str, actor: Actor) -> str:
    """Register a device if need be and give it a new token for HTTP; its former one ends. ``actor``: who asks.

    Returns:
        The token. It can't be read again.

    Raises:
        as :func:`provision`, but for OSError.
    """
    _register(device_key, actor)
    token, digest = new_token()
    Device.objects.filter(key=device_key).update(http_token=digest)
    return token


def revoke_http(device_key: str) -> bool:
    """End a device's token for HTTP. Whether it had one."""
    return bool(Device.objects.filter(key=device_key).exclude(http_token="").update(http_token=""))


def provision_login(key: str, dialect: str) -> str:
    """Give a login that may speak one dialect at one site a new password; its former one ends. No device is made.

    Args:
        key: ``site/name``; the site says which bases of the dialect.
        dialect: as the setting DIALECTS calls it.

    Returns:
        The password. It can't be read again.

    Raises:
        ValueError: ``key`` is no ``site/name``, or a device's with credentials; or the dialect is not spoken there.
        OSError: the broker's files could not be written; all stays as it was.
    """
    if not is_source_key(key):
        raise ValueError(f"{key!r} is not site/device, each 1 to 64 of A-Z a-z 0-9 _ - . :")
    if Device.objects.filter(key=key).exclude(mqtt_password="").exists():
        raise ValueError(f"{key} is a device with credentials of its own: choose another name for the login")
    _login_lines(key, dialect)
    password = new_password()
    with transaction.atomic():
        kept = {"dialect": dialect, "mqtt_password": mosquitto_hash(password)}
        DialectLogin.objects.update_or_create(key=key, defaults=kept)
        write_password_file()
    return password


def _login_lines(key: str, dialect: str) -> list[str]:
    options = settings.DEVICES
    return login_lines(options.spoken, dialect, key.partition("/")[0], options.topic_root)


def rights_of_logins() -> str:
    """What Mosquitto's ACL file has to say of logins for one dialect; one whose dialect is spoken no more has none."""
    parts = []
    for login in DialectLogin.objects.order_by("key"):
        with contextlib.suppress(ValueError):
            lines = _login_lines(login.key, login.dialect)
            parts.append("\n".join((f"user {mqtt_username(login.key)}", *lines, "")))
    return "\n".join(parts)


def _register(device_key: str, actor: Actor) -> None:
    """By its shard's worker, if there is one: then browsers see the new device at once."""
    if not is_source_key(device_key):
        raise ValueError(f"{device_key!r} is not site/device, each 1 to 64 of A-Z a-z 0-9 _ - . :")
    if shard_of(device_key, settings.DEVICES.shards) not in unowned_shards():
        with contextlib.suppress(UnavailableError):
            async_to_sync(ask)(device_key, "register", {}, actor=actor)
    register_device(device_key, str(actor))


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
        rows = list(Device.objects.exclude(mqtt_password="").values_list("key", "mqtt_password"))
        rows += DialectLogin.objects.values_list("key", "mqtt_password")
        rights, of_logins = path.with_name(f"{path.name}.rights"), rights_of_logins()
        if of_logins or rights.exists():
            _replace(rights, of_logins)  # first: no login has a password before it has its bounds
        _replace(path, password_file(sorted(rows)))


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
