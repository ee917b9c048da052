"""One WebSocket: what it watches, what it may still be sent, and the four tasks that serve it.

A plain ASGI callable rather than a Channels consumer: those join the channel layer once a socket and hop to a thread
for every message, which is what the hub is there to avoid.

    read     frames in; acknowledgements are taken at once, requests wait in a bounded queue
    write    frames out, in the order of their numbers; where the server lets us write without a task, only the close
    requests.Requests     carries the requests out, one after the other
    catching_up.CatchingUp   brings its subscriptions to where their feeds are, by queries

Whoever pushes a frame only appends it: nothing here waits for the client. A stream's frames are put together when they
are written, for all that differs between a thousand sockets is ``n`` and ``sub``.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
import structlog

from devices.web.auth import Access
from devices.web.live.hub.hub import Hub
from devices.web.live.hub.rooms import Since
from devices.web.live.queries.authentication import Credential
from devices.web.live.queries.replay import Step
from devices.web.live.queries.survey import Link
from devices.web.live.socket.catch_up import CatchingUp
from devices.web.live.socket.client_frames import Acknowledge, Bad, parse
from devices.web.live.socket.credit import Credit
from devices.web.live.socket.request_rate import Bucket
from devices.web.live.socket.requests import Requests
from devices.web.live.stream.feed import Batch
from devices.web.live.stream.rendering import Body
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import Manner, Target

UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
TOO_SLOW: Final = 4408
FAILED: Final = 4500  # Daphne sends no code but 1000 and 3000 to 4999
_SEND_S: Final = 30.0
_BREATHE_EVERY: Final = 64  # frames of a client that sends faster than we read

Event = dict[str, Any]
WriteTexts = Callable[[Sequence[bytes]], None]
Outgoing = bytes | tuple[Body, int, bytes]  # a frame, or what makes one: with its number and subscription

log = structlog.get_logger(__name__)


class Closed(Exception):
    """The socket is closed, by whichever side."""


class Connection:
    """One socket whose client is known.

    Args:
        receive: ASGI's.
        send: ASGI's.
        hub: this event loop's.
        credential: how the client showed who it is.
        access: its rights.
        write: sends text frames at once (runtime.http.daphne_frames), where the server can do that.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        hub: Hub,
        credential: Credential,
        access: Access,
        write: WriteTexts | None = None,
    ) -> None:
        self.hub = hub
        self.credential = credential
        self.access = access
        self.credit = Credit()
        self.subs: dict[bytes, Subscription] = {}
        self._wishes: dict[bytes, Target] = {}  # what each would watch, were all visible
        self._receive = receive
        self._send = send
        self._write_texts = write
        self._outgoing: deque[Outgoing] = deque()  # bounded by the credit
        self._wake_writer = asyncio.Event()
        self._close_code: int | None = None
        self._bucket = Bucket(time.monotonic())
        self._requests = Requests(self)
        self._catching_up = CatchingUp(self)
        self._held_commands: list[tuple[str, bytes, Since]] | None = None  # None: not held back

    async def serve(self) -> None:
        """Until the socket is closed."""
        self.show_link(await self.hub.current_link())
        self.hub.sockets[self] = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._read, self._write, self._requests.run, self._catching_up.run):
                    tasks.create_task(part())
        except* Closed:
            pass
        finally:
            self.hub.sockets.pop(self, None)
            for sub in self.subs.values():
                self.hub.leave(sub)

    # Out ---------------------------------------------------------------------------------------------------------

    def push(self, frame: bytes) -> None:
        """Send a frame that was made with ``n`` = :attr:`next_n`."""
        self.credit.sent(len(frame))
        self._queue(frame)

    @property
    def next_n(self) -> int:
        """The next frame's number."""
        return self.credit.n + 1

    def push_bodies(self, sub: Subscription, bodies: list[Body]) -> None:
        """Send a subscription's frames."""
        for body in bodies:
            n = self.next_n
            self.credit.sent(body.frame_size(n, sub.sub))
            self._queue((body, n, sub.sub))

    def _queue(self, frame: Outgoing) -> None:
        self._outgoing.append(frame)
        if self._write_texts is None:
            self._wake_writer.set()
        elif len(self._outgoing) == 1:
            self.hub.turns.ask(self)

    def write_out(self) -> None:
        """See :class:`devices.web.live.hub.write_turns.Writer`."""
        if self._outgoing and self._write_texts is not None:
            texts = [_text(one) for one in self._outgoing]
            self._outgoing.clear()
            self._write_texts(texts)

    def push_object(self, fields: dict[str, Any]) -> None:
        """Send a frame of another kind."""
        self.push(msgspec.json.encode({"n": self.next_n, **fields}))

    def reply(self, request_id: str | int, **fields: Any) -> None:
        """Answer a request."""
        self.push_object({"type": "ok", "id": request_id, **fields})
        self._close_if_lost()

    def error(self, request_id: str | int | None, code: str, message: str) -> None:
        """Answer a request, or a frame that is none, with an error."""
        self.push_object({"type": "error", "id": request_id, "code": code, "message": message})
        self._close_if_lost()

    def close(self, code: int) -> None:
        """Close after what is already on its way; the first code counts."""
        if self._close_code is None:
            self._close_code = code
            self._wake_writer.set()

    async def _write(self) -> None:
        while True:
            await self._wake_writer.wait()
            self._wake_writer.clear()
            async with asyncio.timeout(_SEND_S):
                self.write_out()
                while self._outgoing:
                    await self._send({"type": "websocket.send", "text": _text(self._outgoing.popleft()).decode()})
                if self._close_code is not None:
                    await self._send({"type": "websocket.close", "code": self._close_code})
                    raise Closed

    def _close_if_lost(self) -> None:
        if self.credit.is_lost(time.monotonic()):
            self.close(TOO_SLOW)

    # In ----------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        count = 0
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                raise Closed
            self._take(event.get("text"))
            count += 1
            if count % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)

    def _take(self, text: str | None) -> None:
        frame = parse(text) if text is not None else Bad(None, "bad_request", "send text frames, not binary ones")
        if isinstance(frame, Acknowledge):
            self._acknowledged(frame.n)
        elif isinstance(frame, Bad):
            self.error(frame.id, frame.code, frame.message)
        elif not self._bucket.take(time.monotonic()) or not self._requests.put(frame):
            self.error(frame.id, "rate_limited", "too many requests")

    def _acknowledged(self, n: int) -> None:
        if not self.credit.acknowledge(n):
            self.error(None, "bad_request", f"ack: there is no frame {n} yet")
        self._catching_up.wake()

    # The hub's side ----------------------------------------------------------------------------------------------

    def deliver(self, sub: Subscription, batch: Batch) -> int | None:
        """See :class:`devices.web.live.hub.rooms.Receiver`."""
        if not self.credit.fits(batch.most_bytes):
            self.credit.block(time.monotonic())
            sub.pause(batch)
            self._catching_up.missed_steps(self.hub.continuity.told)
            return None
        bodies = sub.take(batch)
        self.push_bodies(sub, bodies)
        if sub.wanting:
            self.wake()
        return len(bodies)

    def show_command(self, device: str, command: bytes, since: Since) -> None:
        """See :class:`devices.web.live.hub.rooms.Receiver`."""
        if self._held_commands is not None:
            self._held_commands.append((device, command, since))
        elif self.credit.fits(len(command)):
            self.push(b'{"n":%d,"type":"command","command":%b}' % (self.next_n, command))
        else:
            self.credit.block(time.monotonic())
            self._catching_up.missed_steps(dict([since]))

    def show_step(self, step: Step, shard: int) -> None:
        """Send a step that the database was asked for."""
        self.show_command(step.device, step.command, (shard, step.commit - 1))

    def show_link(self, link: Link) -> None:
        """See :class:`devices.web.live.hub.hub.Socket`."""
        self.push_object({"type": "link", **msgspec.structs.asdict(link)})

    def wake(self) -> None:
        """Something may be to be asked for."""
        self._catching_up.wake()

    def abort(self) -> None:
        """Something of ours failed."""
        self.close(FAILED)

    def tick(self) -> None:
        """Close when the client is too slow."""
        self._close_if_lost()

    def renew(self, access: Access | None) -> None:
        """Its rights as of now: close, or show what is visible now."""
        if access is None:
            self.close(UNAUTHORIZED)
        elif access != self.access:
            self.access = access
            for sub in self.subs.values():
                self._retarget(sub)
            if not access.sees_any:
                self.close(FORBIDDEN)

    def watch(self, sub: bytes, wish: Target, manner: Manner, known: dict[str, int]) -> None:
        """Add a subscription; it is taken up at the next :meth:`wake`."""
        self.subs[sub] = Subscription(sub, visible(wish, self.access), manner, known)
        self._wishes[sub] = wish

    def unwatch(self, sub: bytes) -> bool:
        """Remove a subscription. False: there is none of this id."""
        found = self.subs.pop(sub, None)
        if found is not None:
            del self._wishes[sub]
            self.hub.leave(found)
        return found is not None

    def _retarget(self, sub: Subscription) -> None:
        target = visible(self._wishes[sub.sub], self.access)
        if target != sub.target:
            self.hub.leave(sub)
            self._catching_up.missed_steps(self.hub.continuity.told)
            self.push_bodies(sub, sub.retarget(target))
            self.wake()

    # Order of a reply and what it causes -------------------------------------------------------------------------

    def hold(self, device: str) -> None:
        """Send nothing of this device, and no commands, until :meth:`release`."""
        self._held_commands = []
        for sub in self.subs.values():
            if sub.target.covers(device):
                sub.hold(device)

    def release(self, device: str) -> None:
        """Go on."""
        held, self._held_commands = self._held_commands or [], None
        for sub in self.subs.values():
            self.push_bodies(sub, sub.release(device))
        for of, command, since in held:
            self.show_command(of, command, since)


def _text(frame: Outgoing) -> bytes:
    if isinstance(frame, bytes):
        return frame
    body, n, sub = frame
    return body.frame(n, sub)


def visible(wish: Target, access: Access) -> Target:
    """What of a wish a user may see."""
    if wish.devices is not None:
        return Target(devices=frozenset(key for key in wish.devices if access.sees(key.partition("/")[0])))
    if access.sees_all:
        return wish
    return Target(sites=access.sites if wish.sites is None else wish.sites & access.sites)
