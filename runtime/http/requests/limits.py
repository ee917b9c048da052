"""What a client may send before an application sees any of it: bounds on bytes and time, in the HTTP protocol itself.

Twisted takes any body, keeps it, and parses forms in the event loop; a client that sends a header a minute keeps its
place for ever. Here a request is refused by what its headers say, as problem JSON (RFC 9457), and nothing is parsed.

    a request's head    16 KiB, 500 headers (Twisted's), complete within 10 s of its first byte or the connect;
                        it names one host, by its target or by its header (targets.py)
    its body            MAX_BODY_BYTES by Content-Length, complete within 30 s; chunked: 411, it has no size beforehand
    all bodies at once  16 MiB in the process, 2 MiB of one address; beyond, 503. Small ones don't count
    half a request      1,000 at once; beyond, the oldest that has had 2 s goes
    the next request    60 s after the one before, on the same connection (Twisted's)
"""

import functools
import json
import time
from http import HTTPStatus
from typing import Any, Final

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.web.http import HTTPChannel

from runtime.http.front import MAX_BODY_BYTES
from runtime.http.proxies import Trusted, origin_of
from runtime.http.requests.targets import Target, read_target

HEAD_S: Final = 10.0
BODY_S: Final = 30.0
LINGER_S: Final = 10.0  # for what a refused client still sends: an answer that meets unread bytes is lost with them
LINGER_BYTES: Final = 64 * 1024 * 1024
SMALL_BODY_BYTES: Final = 16 * 1024
MAX_BODIES_BYTES: Final = 16 * 1024 * 1024
MAX_BODIES_OF_ONE_BYTES: Final = 2 * 1024 * 1024
MAX_HALF_REQUESTS: Final = 1_000
_HALF_REQUEST_S: Final = 2.0
_CODES: Final = {413: "too_large", 503: "unavailable"}


class Bodies:
    """How many bytes of bodies the process holds, altogether and by address."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self.by_address: dict[str, int] = {}

    def take(self, address: str, size: int, *, shared: bool) -> bool:
        """Let a body in; ``shared``: the address is a proxy's, who speaks for many. False: there is no room."""
        held = self.by_address.get(address, 0)
        if self.total_bytes + size > MAX_BODIES_BYTES or (held + size > MAX_BODIES_OF_ONE_BYTES and not shared):
            return False
        self.total_bytes += size
        self.by_address[address] = held + size
        return True

    def give_back(self, address: str, size: int) -> None:
        """A body that was let in is done with."""
        self.total_bytes -= size
        left = self.by_address[address] - size
        if left:
            self.by_address[address] = left
        else:
            del self.by_address[address]


class HalfRequests:
    """The connections that owe us the rest of a request, the oldest first."""

    def __init__(self) -> None:
        self._since_s: dict[LimitedChannel, float] = {}

    def begin(self, channel: "LimitedChannel") -> None:
        """It owes one. Above the bound the oldest is dropped, if it has had its time."""
        now = time.monotonic()
        self._since_s.setdefault(channel, now)
        if len(self._since_s) > MAX_HALF_REQUESTS:
            oldest, since = next(iter(self._since_s.items()))
            if now - since > _HALF_REQUEST_S:
                oldest.drop()

    def end(self, channel: "LimitedChannel") -> None:
        """Its request is whole, or it is gone. Safe to repeat."""
        self._since_s.pop(channel, None)

    def __len__(self) -> int:
        return len(self._since_s)


_Channel: Any = HTTPChannel  # Twisted's methods are untyped


class LimitedChannel(_Channel):
    """One connection's HTTP."""

    proxies = Trusted()  # set by install()
    bodies = Bodies()
    halves = HalfRequests()

    _deadline: Any = None  # Twisted's delayed call
    _whole = False  # a request is here and not answered yet
    _refused_bytes: int | None = None  # read and thrown away since a refusal
    _held: tuple[str, int] | None = None  # what bodies has of ours

    # Time ----------------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802  Twisted's name
        """Twisted's."""
        super().connectionMade()
        self.requestFactory = functools.partial(WebRequest, parsePOSTFormSubmission=False)
        self._owe(HEAD_S)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Twisted's. What follows a refusal is thrown away."""
        if self._refused_bytes is not None:
            self._refused_bytes += len(data)
            if self._refused_bytes > LINGER_BYTES:
                self.drop()
            return
        super().dataReceived(data)
        if self._deadline is None and not self._whole:
            self._owe(HEAD_S)  # the begin of the next request

    def allContentReceived(self) -> None:  # noqa: N802
        """Twisted's: a request is whole."""
        if self._refused_bytes is not None:
            return  # by its head, and it has no body
        self._whole = True
        self._settle()
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802
        """Twisted's: it is answered."""
        self._whole = False
        self._give_back()
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Twisted's."""
        self._settle()
        self._give_back()
        super().connectionLost(reason)

    def drop(self) -> None:
        """End the connection without another word."""
        self._settle()
        self.forceAbortClient()

    def _owe(self, within_s: float) -> None:
        self._settle()
        self.halves.begin(self)
        self._deadline = self.callLater(within_s, self._too_slow)

    def _settle(self) -> None:
        self.halves.end(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _too_slow(self) -> None:
        if self._refused_bytes is not None:
            self.drop()
        elif self.requests:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request was not complete in time")
        else:
            self._settle()
            self.loseConnection()

    # Bytes ---------------------------------------------------------------------------------------------------------

    def allHeadersReceived(self) -> None:  # noqa: N802
        """Twisted's: the head is here; before it says "100 Continue"."""
        headers = self.requests[-1].requestHeaders
        size, target = self.length, read_target(self._version, self._path, headers.getRawHeaders(b"Host", []))
        if isinstance(target, str):
            self._refuse(HTTPStatus.BAD_REQUEST, target)
        elif size is None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "send the body with its Content-Length")
        elif size > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request's body has at most {MAX_BODY_BYTES} bytes")
        elif size and headers.hasHeader(b"Upgrade"):
            self._refuse(HTTPStatus.BAD_REQUEST, "a request to upgrade the connection has no body")
        elif size > SMALL_BODY_BYTES and not self._take(size, headers):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many large bodies are under way")
        else:
            self._aim(target, headers)
            if size:
                self._owe(BODY_S)
            super().allHeadersReceived()

    def _aim(self, target: Target, headers: Any) -> None:
        """Let the request be for a path at a host, however its target was written."""
        self._path = target.path
        if target.host is not None:
            headers.setRawHeaders(b"Host", [target.host])

    def _take(self, size: int, headers: Any) -> bool:
        peer = getattr(self.transport.getPeer(), "host", "")
        listed = ((name.lower(), value) for name, values in headers.getAllRawHeaders() for value in values)
        address = origin_of(peer, listed, self.proxies).address
        if not self.bodies.take(address, size, shared=self.proxies.trusts(address)):
            return False
        self._held = (address, size)
        return True

    def _give_back(self) -> None:
        if self._held is not None:
            self.bodies.give_back(*self._held)
            self._held = None

    # Refusing ------------------------------------------------------------------------------------------------------

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002, N802
        """Twisted's."""
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "a line of the request's head is too long")

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        if self._receivedHeaderSize > self.totalHeadersSize or self._receivedHeaderCount > self.maxHeaders:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too long")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer, and read no more but to throw it away."""
        if self._refused_bytes is not None:
            return
        self._refused_bytes = 0
        self.setTimeout(None)
        self.transport.write(_problem(status, detail))
        self.clearLineBuffer()
        self.setRawMode()
        self._owe(LINGER_S)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        """Twisted's: a part of a body, or what came with it."""
        if self._refused_bytes is None:
            super().rawDataReceived(data)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        """Twisted's: a line of the head."""
        if self._refused_bytes is None:
            super().lineReceived(line)


def install(proxies: Trusted) -> None:
    """Let Daphne's connections be such; before one is made."""
    LimitedChannel.proxies = proxies
    HTTPFactory.protocol = LimitedChannel
    HTTPFactory.acceptableProtocols = _http_11  # with HTTP/2, which Twisted would offer, nothing here would hold


def _http_11(_factory: Any) -> list[bytes]:
    """What is offered in a TLS handshake (RFC 7301)."""
    return [b"http/1.1"]


def _problem(status: HTTPStatus, detail: str) -> bytes:
    code = _CODES.get(status, "bad_request")
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
    content = json.dumps(body).encode()
    retry = "Retry-After: 2\r\n" if code == "unavailable" else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(content)}\r\n{retry}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
