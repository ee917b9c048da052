"""Reads the environment (docs/configuration.md). Every error names its variable; secrets may come from files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file named by ``<NAME>_FILE`` without its last line break."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, default)
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one")
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE: {error}") from None


def parsed(name: str, default: str, parse: Callable[[str], T]) -> T:
    """The variable through ``parse``, whose ValueError says what a good value is."""
    try:
        return parse(text(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def boolean(name: str, *, default: bool = False) -> bool:
    """``true``/``false`` and their usual spellings."""

    def parse(value: str) -> bool:
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{value!r} is neither true nor false")
        return value.lower() in _TRUE

    return parsed(name, str(default), parse)


def integer(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        if not low <= number <= high:
            raise ValueError(f"{number} is not within {low} and {high}")
        return number

    return parsed(name, str(default), parse)


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of ``choices``."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return value

    return parsed(name, default, parse)


def names(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def origins(name: str) -> list[str]:
    """A comma-separated list of origins, each with its scheme as Django wants it."""
    found = names(name)
    for one in found:
        if not one.startswith(("http://", "https://")):
            raise ImproperlyConfigured(f"{name}: {one!r} has no scheme; write https://host")
    return found


def writable_file(name: str) -> str:
    """The path of a file in a directory that is there; empty when unset."""
    path = text(name)
    if path and not Path(path).parent.is_dir():
        raise ImproperlyConfigured(f"{name}: there is no directory {Path(path).parent}")
    return path


def database(base: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] for DATABASE_URL. A relative SQLite path is relative to ``base``."""
    url = text("DATABASE_URL", "sqlite:///var/causeway.sqlite3")
    scheme = url.split(":", 1)[0]
    if scheme == "sqlite":
        return _sqlite(url, base)
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"DATABASE_URL: {scheme!r} is neither sqlite nor postgresql")
    try:
        parts: dict[str, Any] = dict(environ.Env.db_url_config(url))
    except ValueError as error:  # of its port
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from None
    if not parts.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL: it names no database")
    # Beyond reconnect_timeout the pool waits for the next request to try again; until then its pauses double.
    pool = {"min_size": 0, "max_size": 16, "timeout": 5, "reconnect_timeout": 3}
    options = {"connect_timeout": 5, "pool": pool}
    return {**parts, "CONN_HEALTH_CHECKS": True, "OPTIONS": {**parts.get("OPTIONS", {}), **options}}


def _sqlite(url: str, base: Path) -> dict[str, Any]:
    path = unquote(url.removeprefix("sqlite:").removeprefix("//"))
    if not path.startswith("/") or len(path) < 2:
        raise ImproperlyConfigured("DATABASE_URL: write sqlite:///relative/path or sqlite:////absolute/path")
    file = Path(path[1:]) if path.startswith("//") else base / path[1:]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from None
    options = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # a reader that becomes a writer would fail instead of waiting
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",  # a commit means the same as on PostgreSQL
    }
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": options}


def mqtt_server() -> dict[str, Any]:
    """Host, port, tls, username, password from MQTT_URL, MQTT_USERNAME and MQTT_PASSWORD."""
    url = text("MQTT_URL", "mqtt://127.0.0.1:1883")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"MQTT_URL: {error}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ImproperlyConfigured("MQTT_URL: write mqtt://host:port or mqtts://host:port")
    tls = parts.scheme == "mqtts"
    return {
        "host": parts.hostname,
        "port": port or (8883 if tls else 1883),
        "tls": tls,
        "username": text("MQTT_USERNAME") or unquote(parts.username or "") or None,
        "password": text("MQTT_PASSWORD") or unquote(parts.password or "") or None,
    }
