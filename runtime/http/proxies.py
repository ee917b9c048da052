"""Who asks, where proxies may stand in between: X-Forwarded-* and Forwarded (RFC 7239) of those that are trusted. Pure.

The header of anybody else is ignored; but who sends one says that somebody stands behind, so their request is not
taken for a local one (``certain`` is false).
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Iterable[tuple[bytes, bytes]]  # names in lower case

UNIX: Final = "unix"  # among trusted proxies: whoever comes by a Unix socket
FORWARDING: Final = frozenset({
    b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix",
    b"x-forwarded-proto", b"x-real-ip",
})  # fmt: skip
_MAX_HOPS: Final = 32


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whose headers count."""

    networks: tuple[Network, ...] = ()
    unix: bool = False

    def __bool__(self) -> bool:
        return bool(self.networks) or self.unix

    def trusts(self, address: str) -> bool:
        """Whether the peer (``""``: of a Unix socket) is a proxy of ours."""
        return self.unix if not address else is_in(address, self.networks)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    address: str  # of the client, "" where it isn't known
    certain: bool = True  # False: by headers that don't count or don't agree it may be somebody else's
    scheme: str = ""  # as the outermost trusted proxy was asked; "": the proxy says nothing
    host: str = ""  # likewise
    prefix: str = ""  # of the path, which the proxy took away


def networks(text: str) -> tuple[Network, ...]:
    """Of a comma-separated list of networks and addresses.

    Raises:
        ValueError: naming what is none.
    """
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError:
            raise ValueError("write networks and addresses like 10.0.0.0/8,::1, with commas between them") from None
    return tuple(found)


def trusted(text: str) -> Trusted:
    """Of a list as for :func:`networks`, in which ``unix`` may stand too."""
    parts = [part.strip() for part in text.split(",")]
    return Trusted(networks(",".join(part for part in parts if part != UNIX)), UNIX in parts)


@lru_cache(maxsize=4096)
def is_in(address: str, within: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; False for what is no address."""
    found = _address(address)
    return found is not None and any(found in network for network in within)


def origin_of(peer: str, headers: Headers, proxies: Trusted) -> Origin:
    """Where a request comes from.

    Args:
        peer: the address of the other end of the connection, ``""`` of a Unix socket.
        headers: all of the request, names in lower case.
        proxies: whose headers count.
    """
    said: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in FORWARDING:
            said.setdefault(name, []).append(value.decode("latin1"))
    if not said:
        return Origin(peer)
    if not proxies.trusts(peer):
        return Origin(peer, certain=False)
    return _told(peer, {name: ",".join(values) for name, values in said.items()}, proxies)


def _told(peer: str, said: Mapping[bytes, str], proxies: Trusted) -> Origin:
    """By a trusted proxy. X-Forwarded-* comes before Forwarded, which many a proxy lets through as it came."""
    legacy = [part.strip() for part in said.get(b"x-forwarded-for", "").split(",") if part.strip()]
    standard = _elements(said.get(b"forwarded", ""))
    hops = legacy or [element.get("for", "") for element in standard] or [said.get(b"x-real-ip", "").strip()]
    address, index, known = _client(peer, hops, proxies)
    nearest = standard[index] if not legacy and index < len(standard) else {}
    scheme = _at(said.get(b"x-forwarded-proto", ""), index, len(hops)) or nearest.get("proto", "")
    host = _at(said.get(b"x-forwarded-host", ""), index, len(hops)) or nearest.get("host", "")
    port = _at(said.get(b"x-forwarded-port", ""), index, len(hops))
    agree = not (legacy and standard) or len(legacy) == len(standard)
    return Origin(
        address,
        certain=known and agree,
        scheme=scheme.lower() if scheme.lower() in ("http", "https") else "",
        host=_with_port(host, port, scheme.lower()),
        prefix=said.get(b"x-forwarded-prefix", "").strip().rstrip("/"),
    )


def _client(peer: str, hops: Sequence[str], proxies: Trusted) -> tuple[str, int, bool]:
    """The client's address, its place among the hops, whether it is known: the last hop that is no proxy of ours."""
    address, place = peer, len(hops) - 1
    for place in range(len(hops) - 1, max(-1, len(hops) - 1 - _MAX_HOPS), -1):
        found = _address(_without_port(hops[place]))
        if found is None:
            return address, place, not hops[place]
        address = str(found)
        if not proxies.trusts(address):
            break
    return address, max(place, 0), True


def _elements(text: str) -> list[dict[str, str]]:
    """Of a Forwarded header: ``for=192.0.2.60;proto=http;by=…, for="[2001:db8::1]:80"``."""
    found = []
    for element in text.split(",") if text else ():
        pairs = (pair.partition("=") for pair in element.split(";"))
        found.append({name.strip().lower(): value.strip().strip('"') for name, _, value in pairs})
    return found


def _at(text: str, index: int, hops: int) -> str:
    """The part of a list that belongs to a hop; where it has fewer, the last: that is the nearest proxy's."""
    parts = [part.strip() for part in text.split(",")]
    return parts[index if len(parts) == hops else -1]


def _with_port(host: str, port: str, scheme: str) -> str:
    known = ":" in host.rpartition("]")[2]
    if not host or known or not port.isascii() or not port.isdecimal():
        return host
    return host if port == {"https": "443", "http": "80"}.get(scheme) else f"{host}:{port}"


def _without_port(text: str) -> str:
    """``192.0.2.1:80`` and ``[2001:db8::1]:80``; a bare IPv6 address has colons, too."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
