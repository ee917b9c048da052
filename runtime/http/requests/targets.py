"""What a request's first line and Host header name: a path, and a host (RFC 9112 3.2, RFC 9110 7.2). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# RFC 3986 3.2.2: an address in brackets, or a registered name, which may be empty; then a port, which may be, too
_HOST: Final = re.compile(rb"(?:\[[0-9A-Za-z:._~%-]+\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]*)?\Z", re.ASCII)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)([^#]*)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A request's target. ``host``: named by the target itself, whatever the header says; None: the header counts."""

    path: bytes  # with its query
    host: bytes | None = None


def read_target(version: bytes, target: bytes, hosts: Sequence[bytes]) -> Target | str:
    """The target of a request, or why it has none, for people.

    Args:
        version: ``HTTP/1.1``.
        target: the second word of the first line.
        hosts: all values of the header Host.
    """
    if not hosts and version == b"HTTP/1.1":
        return "HTTP/1.1 asks for a Host header"
    if len(hosts) > 1:
        return "there is more than one Host header"
    if hosts and not _HOST.match(hosts[0].strip()):
        return "the Host header names no host"
    if target.startswith(b"/") or target == b"*":
        return Target(target)
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return "the target is neither a path nor an http URL"
    host, path = absolute.groups()
    if not host or host.startswith(b":") or not _HOST.match(host):
        return "the target names no host"
    return Target(path if path.startswith(b"/") else b"/" + path, host)
