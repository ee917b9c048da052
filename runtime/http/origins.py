"""Whether a browser's page is one of ours: the Origin header, by scheme, host and port (RFC 6454; RFC 6455 10.2).

One rule for sockets and forms. A scheme's default port may stand or not: ``https://h`` and ``h:443`` are the same.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.http import is_same_domain

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_DEBUG_HOSTS = [".localhost", "127.0.0.1", "[::1]"]  # as in HttpRequest.get_host


def is_foreign(headers: list[tuple[bytes, bytes]], *, secure: bool = False) -> bool:
    """Whether there is an Origin, and it is neither this host nor in CSRF_TRUSTED_ORIGINS. None (a program) is fine.

    Args:
        headers: the request's.
        secure: it came by HTTPS, as far as we know; then the page must have, too.
    """
    found = dict(headers)
    if b"origin" not in found:
        return False
    origin = found[b"origin"].decode("latin1").lower()
    host = found.get(b"host", b"").decode("latin1").lower()
    return not (is_same(origin, host, secure=secure) or _is_trusted(origin))


def is_allowed(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the Origin is in ALLOWED_ORIGINS, whose pages may ask with tokens and tickets (never with cookies)."""
    origin = dict(headers).get(b"origin", b"").decode("latin1").lower()
    return origin in settings.ALLOWED_ORIGINS


def is_same(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page of ``origin`` is of ``host``, which is one of ours."""
    parts = _split(origin)
    if parts is None or (secure and parts[0] != "https"):
        return False
    default = _DEFAULT_PORTS[parts[0]]
    name = _without_port(host)
    if (_without_port(parts[1]), _port(parts[1]) or default) != (name, _port(host) or default):
        return False
    allowed = settings.ALLOWED_HOSTS or (_DEBUG_HOSTS if settings.DEBUG else [])
    return validate_host(name, allowed)  # or a name of theirs could point to us (DNS rebinding)


def _is_trusted(origin: str) -> bool:
    parts = _split(origin)
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        scheme, _, domain = trusted.lower().partition("://")
        pattern = domain.removeprefix("*")  # "*.example.com" → ".example.com"
        if parts is not None and parts[0] == scheme and is_same_domain(parts[1], pattern):
            return True
    return False


def _split(origin: str) -> tuple[str, str] | None:
    """Scheme and host with port; None for ``null`` and what is no origin."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return (parts.scheme, parts.netloc) if parts.scheme in ("http", "https") and parts.netloc else None


def _without_port(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _port(host: str) -> str:
    return host.removeprefix(_without_port(host)).removeprefix(":")
