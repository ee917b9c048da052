"""Reads the environment's web part: hosts, origins, proxies, the path's prefix. Errors show no piece of a value."""

import re
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import environment as env
from runtime.http.proxies import Network, Trusted, networks, trusted

_HOST: Final = re.compile(r"(\*|\.?[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])\Z")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~\-][A-Za-z0-9_.~\-]*)+\Z")


def allowed_hosts(name: str, default: str) -> list[str]:
    """Host names as Django takes them: no scheme, no port, no path.

    Raises:
        ImproperlyConfigured: one has such; Django would start, and answer 400 to everybody.
    """

    def parse(text: str) -> list[str]:
        found = [part.strip() for part in text.split(",") if part.strip()]
        for one in found:
            if not _HOST.match(one):
                raise ValueError(
                    "write host names only, like causeway.example.org: no scheme, no port, no slash "
                    "(an IPv6 address in brackets; .example.org for all below it)"
                )
        return found

    return env.parsed(name, default, parse)


def origins(name: str) -> list[str]:
    """Origins: scheme and host, and a port if it is not the scheme's own.

    Raises:
        ImproperlyConfigured: one has no scheme, or more than that.
    """

    def parse(text: str) -> list[str]:
        found = [part.strip() for part in text.split(",") if part.strip()]
        for one in found:
            _require_origin(one)
        return found

    return env.parsed(name, "", parse)


def exact_origins(name: str) -> list[str]:
    """The same, without wildcards; as browsers write them: in small letters, without the scheme's own port.

    Raises:
        ImproperlyConfigured: as above.
    """

    def parse(text: str) -> list[str]:
        found = [part.strip().lower() for part in text.split(",") if part.strip()]
        for one in found:
            _require_origin(one)
            if "*" in one:
                raise ValueError("write each origin by itself, like https://dashboards.example.org: without *")
        return [one.removesuffix(_DEFAULT_PORTS[one.partition("://")[0]]) for one in found]

    return env.parsed(name, "", parse)


def _require_origin(text: str) -> None:
    wrong = ValueError("write origins like https://causeway.example.org: with scheme, without path or slash at the end")
    if not text.startswith(("http://", "https://")):
        raise wrong
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.netloc != text.partition("://")[2] or parts.username is not None or port == 0:
        raise wrong
    if not _HOST.match(re.sub(r":\d+\Z", "", parts.netloc).replace("*.", "", 1)):
        raise wrong


def path_prefix(name: str) -> str:
    """Where everything lives: empty, or like ``/causeway`` (a slash at its end is left out)."""

    def parse(text: str) -> str:
        prefix = text.strip().rstrip("/")
        if prefix and not _PREFIX.match(prefix):
            raise ValueError("write a path like /causeway: with a slash at its begin, of A-Z a-z 0-9 _ - . ~")
        return prefix

    return env.parsed(name, "", parse)


def trusted_proxies(name: str) -> Trusted:
    """The proxies whose headers count."""
    return env.parsed(name, "", trusted)


def allowed_networks(name: str, default: str) -> tuple[Network, ...]:
    """Networks, comma-separated."""
    return env.parsed(name, default, networks)


def behind_tls_proxy(name: str, proxies: Trusted) -> bool:
    """Whether the outside is HTTPS, which only a proxy can tell.

    Raises:
        ImproperlyConfigured: it is, and no proxy is trusted: nobody could come in.
    """
    behind = env.boolean(name)
    if behind and not proxies:
        raise ImproperlyConfigured(
            f"{name}: set TRUSTED_PROXIES to the proxy's network, whose X-Forwarded-Proto then counts (docs/proxies.md)"
        )
    return behind
