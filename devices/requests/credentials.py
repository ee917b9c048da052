"""Devices' broker credentials, in the form that Mosquitto keeps them in. Pure but for the random numbers.

A line of its password file is ``user:$7$iterations$salt$hash``: PBKDF2-HMAC-SHA512 with a 12-byte salt, both in base64
(mosquitto_passwd's format since 2.0). The user name is the device's key, with ``%3A`` for a colon, which would end it.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

# Mosquitto's own default. The broker computes this at each connect, on its only thread; and a password of 192 random
# bits is as safe with one iteration as with a million.
ITERATIONS: Final = 101
_PASSWORD_BYTES: Final = 24
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64


def new_password() -> str:
    """A random password: 32 characters of ``A-Z a-z 0-9 _ -``."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def mqtt_username(device_key: str) -> str:
    """The user name of a device ``site/device`` at the broker."""
    return device_key.replace(":", "%3A")


def mosquitto_hash(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """A password as Mosquitto keeps it: ``$7$…``. ``salt``: None for a random one."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return f"$7${iterations}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def matches(password: str, stored: str) -> bool:
    """Whether ``stored``, made by :func:`mosquitto_hash` or mosquitto_passwd, is that of ``password``.

    Raises:
        ValueError: it is no ``$7$`` hash.
    """
    parts = stored.split("$")
    if len(parts) != 5 or parts[:2] != ["", "7"]:
        raise ValueError("not a PBKDF2-SHA512 hash of Mosquitto's")
    _, _, iterations, salt, _ = parts
    return hmac.compare_digest(mosquitto_hash(password, b64decode(salt), int(iterations)), stored)


def password_file(devices: Iterable[tuple[str, str]]) -> str:
    """The password file of devices, given as (key, hash), in their order."""
    return "".join(f"{mqtt_username(key)}:{stored}\n" for key, stored in devices)
