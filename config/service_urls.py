"""DATABASE_URL, REDIS_URL and MQTT_URL, parsed strictly. No error shows any piece of a value.

A password with a raw ``#``, ``/`` or ``?`` in it would otherwise make another address, which stands in the log.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config import environment as env

_ENCODE: Final = (
    "it has a character that must be percent-encoded (# is %23, / is %2F, ? is %3F, @ is %40); "
    "encode it, or give the password in {prefix}_PASSWORD or {prefix}_PASSWORD_FILE"
)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:]*)(?::(\d*))?")
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, kw_only=True)
class ServiceUrl:
    """A URL's parts, decoded."""

    scheme: str
    username: str
    password: str
    hosts: tuple[tuple[str, int | None], ...]
    path: str  # without its first slash, decoded
    options: dict[str, str] = field(default_factory=dict)


def split(name: str, url: str) -> ServiceUrl:
    """The parts of the URL that variable ``name`` has; its password may come from ``…_PASSWORD`` instead.

    Raises:
        ImproperlyConfigured: it is no such URL, or something in it ought to be percent-encoded.
    """
    prefix = name.removesuffix("_URL")
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+]*", scheme):
        raise ImproperlyConfigured(f"{name}: it is no URL; write scheme://host:port")
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    if "#" in rest or "@" in path or "@" in query or "?" in query or not url.isprintable() or " " in url:
        raise ImproperlyConfigured(f"{name}: {_ENCODE.format(prefix=prefix)}")
    user, _, places = authority.rpartition("@")
    username, _, password = user.partition(":")
    return ServiceUrl(
        scheme=scheme,
        username=unquote(username),
        password=env.text(f"{prefix}_PASSWORD") or unquote(password),
        hosts=tuple(_host(name, prefix, place) for place in places.split(",")),
        path=unquote(path),
        options=dict(_options(name, query)),
    )


def _host(name: str, prefix: str, text: str) -> tuple[str, int | None]:
    found = _HOST.fullmatch(text)
    port = int(found[2]) if found and found[2] and len(found[2]) <= len(str(_MAX_PORT)) else None
    if not found or (found[2] and not (port and port <= _MAX_PORT)):
        raise ImproperlyConfigured(
            f"{name}: a host's port is no number from 1 to {_MAX_PORT}; "
            f"if that is a part of the password: {_ENCODE.format(prefix=prefix)}"
        )
    return unquote(found[1].strip("[]")), port


def _options(name: str, query: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ImproperlyConfigured(f"{name}: an option after the ? has no value; write option=value")
        yield unquote(key), unquote(value)


# ---- DATABASE_URL

# Django's own, which make no sense beside our pool; some hosts put them into every URL.
_NOT_OURS: Final = (
    "conn_max_age",
    "conn_health_checks",
    "atomic_requests",
    "autocommit",
    "disable_server_side_cursors",
)


def database(base: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] for DATABASE_URL. A relative SQLite path is relative to ``base``."""
    url = env.text("DATABASE_URL", "sqlite:///var/causeway.sqlite3")
    scheme = url.split(":", 1)[0]
    if scheme == "sqlite":
        return _sqlite(url, base)
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL: its scheme is neither sqlite nor postgresql")
    parts = split("DATABASE_URL", url)
    options = {key: value for key, value in parts.options.items() if key not in _NOT_OURS}
    if not parts.path and "dbname" not in options:
        raise ImproperlyConfigured("DATABASE_URL: it names no database")
    _check_options(options)
    # Beyond reconnect_timeout the pool waits for the next request to try again; until then its pauses double.
    pool = {"min_size": 0, "max_size": 16, "timeout": 4, "reconnect_timeout": 3}
    return {
        "ENGINE": "runtime.databases.postgresql",
        "NAME": options.pop("dbname", parts.path),
        "USER": parts.username,
        "PASSWORD": parts.password,
        "HOST": ",".join(host for host, _ in parts.hosts),
        "PORT": ",".join(str(port or "") for _, port in parts.hosts) if any(port for _, port in parts.hosts) else "",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **options, "pool": pool},
    }


def _check_options(options: dict[str, str]) -> None:
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo(**options)
    except ProgrammingError:
        raise ImproperlyConfigured("DATABASE_URL: an option after the ? is none of PostgreSQL's") from None


# A commit writes whole pages, so those of a new file are small; and it means the same as on PostgreSQL.
_SQLITE_PRAGMAS: Final = "PRAGMA page_size=512; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"


def _sqlite(url: str, base: Path) -> dict[str, Any]:
    path = unquote(url.removeprefix("sqlite:").removeprefix("//"))
    if not path.startswith("/") or len(path) < 2:
        raise ImproperlyConfigured("DATABASE_URL: write sqlite:///relative/path or sqlite:////absolute/path")
    file = Path(path[1:]) if path.startswith("//") else base / path[1:]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: its directory can't be made: {error.strerror}") from None
    options = {
        "timeout": 4,  # of requests; runtime.databases.sqlite has more for others
        "transaction_mode": "IMMEDIATE",  # a reader that becomes a writer would fail instead of waiting
        "init_command": _SQLITE_PRAGMAS,
    }
    return {"ENGINE": "runtime.databases.sqlite", "NAME": str(file), "OPTIONS": options}


# ---- REDIS_URL

_REDIS: Final = "write redis://host:port/db, rediss://host:port/db, unix:///path?db=1, or redis+sentinel://host:port,host:port/name/db"
_SENTINEL_PORT: Final = 26_379
_SENTINELS: Final = ("redis+sentinel", "rediss+sentinel")


def redis() -> tuple[dict[str, Any], int] | None:
    """channels_redis's host for REDIS_URL, and the number of its database; None without one."""
    url = env.text("REDIS_URL")
    if not url:
        return None
    parts = split("REDIS_URL", url)
    # Else each connection reads on the disk which version of redis-py it is, to tell Redis: 5 ms.
    common: dict[str, Any] = {"socket_connect_timeout": 5, "health_check_interval": 15, "driver_info": None}
    if parts.password:
        common |= {"password": parts.password, **({"username": parts.username} if parts.username else {})}
    if parts.scheme in _SENTINELS:
        return _by_sentinel(parts, common)
    if parts.scheme == "unix" and parts.path and not parts.hosts[0][0]:
        number = _number(parts.options.pop("db", "0"))
        address = f"unix:///{parts.path}"
    elif parts.scheme in ("redis", "rediss") and len(parts.hosts) == 1 and parts.hosts[0][0]:
        host, port = parts.hosts[0]
        number = _number(parts.path or parts.options.pop("db", "0"))
        address = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or 6379}"
    else:
        raise ImproperlyConfigured(f"REDIS_URL: {_REDIS}")
    return {"address": address + _query(parts.options), **common, "db": number}, number


def _by_sentinel(parts: ServiceUrl, common: dict[str, Any]) -> tuple[dict[str, Any], int]:
    name, _, number = parts.path.partition("/")
    if not name or not all(host for host, _ in parts.hosts) or parts.options:
        raise ImproperlyConfigured(f"REDIS_URL: {_REDIS}")
    host: dict[str, Any] = {
        "sentinels": [(host, port or _SENTINEL_PORT) for host, port in parts.hosts],
        "master_name": name,
        # One that is cut off must not keep us from asking the next.
        "sentinel_kwargs": {"socket_connect_timeout": 1, "socket_timeout": 1, "retry": Retry(NoBackoff(), 0)},
        "ssl": parts.scheme == "rediss+sentinel",
        "db": _number(number or "0"),
    }
    return {**host, **common}, host["db"]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ImproperlyConfigured(f"REDIS_URL: the database is a number; {_REDIS}")
    return int(text)


def _query(options: dict[str, str]) -> str:
    return f"?{urlencode(options)}" if options else ""


# ---- MQTT_URL


_MQTT: Final = "write mqtt://host:port, mqtts://host:port, ws://host:port/path or wss://host:port/path"
_MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_MQTT_PATH: Final = "mqtt"  # where most brokers have their WebSocket


def mqtt_server() -> dict[str, Any]:
    """Host, port, tls, websocket_path, username, password from MQTT_URL, MQTT_USERNAME and MQTT_PASSWORD."""
    parts = split("MQTT_URL", env.text("MQTT_URL", "mqtt://127.0.0.1:1883"))
    ((host, port), *others) = parts.hosts
    is_websocket = parts.scheme in ("ws", "wss")
    more = (parts.path or parts.options) and not is_websocket
    if parts.scheme not in _MQTT_PORTS or not host or others or more:
        raise ImproperlyConfigured(f"MQTT_URL: {_MQTT}")
    path = f"/{quote(parts.path or _MQTT_PATH)}{_query(parts.options)}" if is_websocket else ""
    return {
        "host": host,
        "port": port or _MQTT_PORTS[parts.scheme],
        "tls": parts.scheme in ("mqtts", "wss"),
        "websocket_path": path,
        "username": env.text("MQTT_USERNAME") or parts.username or None,
        "password": parts.password or None,
    }
