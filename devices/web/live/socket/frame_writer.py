"""What a socket sends: frames in the order of their numbers, on credit. Whoever pushes one waits for nobody.

A stream's frames are put together when they are written, for all that differs between a thousand sockets is ``n`` and
``sub``. What is sent and not acknowledged is limited.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from devices.web.live.hub.fanout import WriteQueue
from devices.web.live.queries.survey import Link
from devices.web.live.stream.deflate import LEAST_BYTES, deflated
from devices.web.live.stream.rendering import Body
from devices.web.live.stream.server_frames import ErrorCode, ErrorFrame, Id, LinkFrame, OkFrame
from devices.web.live.stream.subscription import Subscription

FRAMES: Final = "causeway.frames"  # an ASGI extension, see runtime.http.daphne_frames
TOO_SLOW: Final = 4408
FAILED: Final = 4500  # Daphne sends no code but 1000 and 3000 to 4999
_SEND_S: Final = 30.0

LIMIT_BYTES: Final = 1024 * 1024  # unacknowledged; a stream that would exceed it waits
REPLIES_LIMIT_BYTES: Final = 2 * 1024 * 1024  # replies may exceed it, but not this
RESUME_BYTES: Final = 768 * 1024  # with so much left unacknowledged, a stream goes on
PATIENCE_S: Final = 60.0

Event = dict[str, Any]
Payload = tuple[bytes, bool]  # a frame's, and whether it is compressed
_encode: Final = msgspec.json.Encoder().encode

Outgoing = bytes | tuple[Body, int, bytes]  # a frame, or what makes one: with its number and subscription (or place)


class Direct(Struct, frozen=True):
    """A server's way to write frames at once: runtime.http.daphne_frames."""

    write: Callable[[Sequence[Payload]], None]
    takes_deflated: Callable[[], bool]  # whether the client does


def direct_of(scope: Mapping[str, Any]) -> Direct | None:
    """The server's, if it has one."""
    found = scope.get("extensions", {}).get(FRAMES)
    return Direct(found["write"], found["takes_deflated"]) if found else None


class SocketClosedError(Exception):
    """The socket is closed, by whichever side."""


class Credit:
    """The credit of one socket: how much is sent and not acknowledged. docs/websocket.md, ``ack``."""

    __slots__ = ("_blocked_since", "_patience_s", "_sizes", "n", "unacknowledged_bytes")

    def __init__(self, patience_s: float | None = None) -> None:
        self._patience_s = PATIENCE_S if patience_s is None else patience_s  # with a client that takes nothing
        self.n = 0  # of the last frame sent
        self.unacknowledged_bytes = 0
        self._sizes: deque[int] = deque()  # of the last frames, those not acknowledged
        self._blocked_since: float | None = None

    def sent(self, size: int) -> None:
        """Frame ``n + 1`` of ``size`` bytes was sent."""
        self.n += 1
        self._sizes.append(size)
        self.unacknowledged_bytes += size

    def acknowledge(self, n: int) -> bool:
        """The client has handled the frames up to ``n``. False when there are none of that number."""
        if not 0 <= n <= self.n:
            return False
        while len(self._sizes) > self.n - n:
            self.unacknowledged_bytes -= self._sizes.popleft()
            self._blocked_since = None
        return True

    @property
    def room_bytes(self) -> int:
        """How much more a stream may send."""
        return max(0, LIMIT_BYTES - self.unacknowledged_bytes)

    def fits(self, size: int) -> bool:
        """Whether a stream may send ``size`` bytes now. What is larger than all credit waits until there is all."""
        return size <= max(0, LIMIT_BYTES - self.unacknowledged_bytes) or self.unacknowledged_bytes == 0

    def block(self, now: float) -> None:
        """Something did not fit at ``now`` (s, monotonic)."""
        if self._blocked_since is None:
            self._blocked_since = now

    @property
    def may_resume(self) -> bool:
        """Whether a stream that did not fit may go on."""
        return self.unacknowledged_bytes <= RESUME_BYTES

    def is_lost(self, now: float) -> bool:
        """Whether to close with 4408: no progress for too long, or replies piled up."""
        if self.unacknowledged_bytes > REPLIES_LIMIT_BYTES:
            return True
        return self._blocked_since is not None and now - self._blocked_since >= self._patience_s


class FrameWriter:
    """The frames of one socket on their way out.

    Args:
        send: ASGI's.
        write_queue: where it waits for its turn to write at once.
        direct: the server's, where it has that.
    """

    def __init__(
        self, send: Callable[[Event], Awaitable[None]], write_queue: WriteQueue, direct: Direct | None = None
    ) -> None:
        self.credit = Credit()
        self._send = send
        self._write_queue = write_queue
        self._direct = direct
        self._outgoing: deque[Outgoing] = deque()  # bounded by the credit
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    @property
    def next_n(self) -> int:
        """The next frame's number."""
        return self.credit.n + 1

    def push(self, frame: bytes) -> None:
        """Send a frame that was made with ``n`` = :attr:`next_n`."""
        self.credit.sent(len(frame))
        self._queue(frame)

    def push_bodies(self, sub: Subscription, bodies: list[Body]) -> None:
        """Send a subscription's frames."""
        for body in bodies:
            n = self.next_n
            self.credit.sent(body.frame_size(n, sub.sub))
            self._queue((body, n, sub.sub))

    def push_people(self, place: str, body: Body) -> None:
        """Send who is at a place."""
        n, name = self.next_n, _encode(place)
        self.credit.sent(body.frame_size(n, name))
        self._queue((body, n, name))

    def link(self, link: Link) -> None:
        """Show the state of the chain."""
        self.push(_encode(LinkFrame(self.next_n, "link", *(getattr(link, name) for name in link.__struct_fields__))))

    def reply(self, request_id: Id, **fields: Any) -> None:
        """Answer a request; for the fields see :class:`OkFrame`."""
        self.push(_encode(OkFrame(self.next_n, "ok", request_id, **fields)))
        self.close_if_lost()

    def error(self, request_id: Id | None, code: ErrorCode, message: str) -> None:
        """Answer a request, or a frame that is none, with an error."""
        self.push(_encode(ErrorFrame(self.next_n, "error", request_id, code, message)))
        self.close_if_lost()

    def close(self, code: int) -> None:
        """Close after what is already on its way; the first code counts."""
        if self._close_code is None:
            self._close_code = code
            self._wake.set()

    def close_if_lost(self) -> None:
        """Close when the client is too slow."""
        if self.credit.is_lost(time.monotonic()):
            self.close(TOO_SLOW)

    def abort(self) -> None:
        """Close, since something of ours failed."""
        self.close(FAILED)

    def _queue(self, frame: Outgoing) -> None:
        self._outgoing.append(frame)
        if self._direct is None:
            self._wake.set()
        elif len(self._outgoing) == 1:
            self._write_queue.ask(self)

    def write_out(self) -> None:
        """See :class:`devices.web.live.hub.fanout.Writer`."""
        if self._outgoing and self._direct is not None:
            payload = _payload if self._direct.takes_deflated() else _plain
            payloads = [payload(one) for one in self._outgoing]
            self._outgoing.clear()
            self._direct.write(payloads)

    async def run(self) -> None:
        """Write until the socket is closed from our side. Where the server writes at once, only the close is left.

        Raises:
            SocketClosedError: we closed it.
            TimeoutError: the server takes nothing.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            async with asyncio.timeout(_SEND_S):
                self.write_out()
                while self._outgoing:
                    await self._send({"type": "websocket.send", "text": text_of(self._outgoing.popleft()).decode()})
                if self._close_code is not None:
                    await self._send({"type": "websocket.close", "code": self._close_code})
                    raise SocketClosedError


def _plain(frame: Outgoing) -> Payload:
    return text_of(frame), False


def _payload(frame: Outgoing) -> Payload:
    """Compressed, if it is large enough; what is the same for all sockets once for all of them."""
    if isinstance(frame, bytes):
        return (frame, False) if len(frame) < LEAST_BYTES else (deflated(frame), True)
    body, n, sub = frame
    if body.size < LEAST_BYTES:
        return body.frame(n, sub), False
    return body.deflated_frame(n, sub), True


def text_of(frame: Outgoing) -> bytes:
    """A frame as it goes out."""
    if isinstance(frame, bytes):
        return frame
    body, n, sub = frame
    return body.frame(n, sub)
