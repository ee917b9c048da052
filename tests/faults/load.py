"""The load: one MQTT connection that speaks for many devices, and knows what the broker has confirmed of it.

Every message carries the device's running number ``n`` and the number ``c`` of the connection that it was sent on. A
message is sent once; only what the broker had not confirmed when the connection broke is sent again, on the next one,
with that one's ``c``. So every *attempt* is unique, and what is applied must be a subsequence of the attempts, with all
the confirmed ones.
"""

import contextlib
import itertools
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from tests.support.servers.mqtt_stream import PUBACK, PUBLISH, Packets, connect_packet, packet, text
from tests.support.waiting import eventually

Kind = Literal["telemetry", "event", "state", "status"]

# A device's messages, again and again; what is in the history is most of it.
PATTERN: tuple[Kind, ...] = (
    "telemetry", "telemetry", "event", "telemetry", "state",
    "telemetry", "telemetry", "status", "telemetry", "telemetry",
)  # fmt: skip
HISTORY: frozenset[Kind] = frozenset({"telemetry", "event"})
_SUFFIX: dict[Kind, str] = {"telemetry": "telemetry", "event": "event/tick", "state": "state", "status": "status"}
_TICK_S = 0.01
_MAX_UNCONFIRMED = 4_000
_CONNECT_TIMEOUT_S = 2


@dataclass(slots=True)
class Attempt:
    """One PUBLISH of ours."""

    device: str
    n: int
    c: int
    kind: Kind
    confirmed: bool = False
    at_ms: int = 0
    """When it was sent, Unix ms."""

    @property
    def key(self) -> tuple[Kind, int, int]:
        """What it is recognised by among its device's."""
        return self.kind, self.n, self.c


def payload_of(attempt: Attempt) -> bytes:
    """The message's payload."""
    match attempt.kind:
        case "status":  # the pattern's length is even, so that an offline is not the last for long
            return b'{"status":"%s"}' % (b"offline" if attempt.n // len(PATTERN) % 2 else b"online")
        case "state":
            return b'{"n":%d,"c":%d,"mode":"auto"}' % (attempt.n, attempt.c)
        case _:
            return b'{"n":%d,"c":%d,"t":21.5,"on":true}' % (attempt.n, attempt.c)


class Load:
    """Publishes from a thread until closed; a context manager. It begins paused.

    Args:
        port: the broker's.
        devices: device keys; each in turn sends its next message.
        per_s: messages a second.
    """

    def __init__(self, port: int, devices: Iterable[str], per_s: int) -> None:
        self._port, self.per_s = port, per_s
        self.devices = list(devices)
        self.sent: dict[str, list[Attempt]] = {device: [] for device in self.devices}
        self.messages = 0  # different ones; an attempt to send one again doesn't count
        self.attempts = 0
        self.connections = 0
        self._next_n = dict.fromkeys(self.devices, 0)
        self._turns = itertools.cycle(self.devices)
        self._unconfirmed: dict[int, Attempt] = {}  # by packet id, oldest first
        self._again: deque[Attempt] = deque()
        self._topics = {
            (device, kind): text(f"devices/{device}/{suffix}".encode())
            for device in self.devices
            for kind, suffix in _SUFFIX.items()
        }
        self._ids = itertools.cycle(range(1, 65_536))
        self._paused, self._stopped = True, False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped = True
        self._thread.join(10)

    def resume(self) -> None:
        """Go on sending."""
        self._paused = False

    def pause(self, timeout_s: float = 30) -> None:
        """Send nothing new; returns when the broker has confirmed all, each device's last message one of the history.

        Once that is applied, whatever is missing before it will not come.
        """
        self._paused = True
        eventually(self._is_quiet, timeout_s, what="the broker confirms all that was sent")
        self._again.extend(self._new(device) for device in self.devices if self._last_kind(device) not in HISTORY)
        eventually(self._is_quiet, timeout_s, what="the broker confirms each device's last message")

    def _last_kind(self, device: str) -> Kind:
        return PATTERN[(self._next_n[device] - 1) % len(PATTERN)]

    def _is_quiet(self) -> bool:
        if self._failure:
            raise self._failure
        return not self._unconfirmed and not self._again

    def first_of_each(self) -> None:
        """One message of each device, confirmed by the broker; the load must be paused."""
        self._again.extend(self._new(device) for device in self.devices)
        eventually(self._is_quiet, 30, what="the broker confirms each device's first message")

    def marks(self) -> dict[str, int]:
        """Device → ``n`` of the next message, not sent yet, that can be seen in the browser: what can be waited for."""
        return {device: n + (PATTERN[n % len(PATTERN)] == "status") for device, n in self._next_n.items()}

    def ends(self) -> dict[str, int]:
        """Device → ``n`` of its last message; after `pause` one that can be seen in the browser."""
        return {device: n - 1 for device, n in self._next_n.items()}

    # ------------------------------------------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            while not self._stopped:
                with contextlib.suppress(OSError), self._connect() as connection:
                    self._serve(connection)
                self._again.extendleft(reversed(self._unconfirmed.values()))
                self._unconfirmed.clear()
        except BaseException as failure:  # noqa: BLE001  told to whoever pauses
            self._failure = failure

    def _connect(self) -> socket.socket:
        time.sleep(_TICK_S)
        return socket.create_connection(("127.0.0.1", self._port), _CONNECT_TIMEOUT_S)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_packet("causeway-load", keep_alive_s=0))
        if connection.recv(4)[3:4] != b"\0":  # CONNACK: 0x20 2 flags code
            return
        self.connections += 1
        packets, due, last_s = Packets(), 0.0, time.monotonic()
        while not self._stopped:
            now_s = time.monotonic()
            # What was missed while the machine was busy is not made up for beyond a fifth of a second.
            due, last_s = min(due + (now_s - last_s) * self.per_s, self.per_s / 5), now_s
            if out := self._burst(int(due)):
                connection.sendall(out)
            due -= int(due)
            if select.select([connection], [], [], _TICK_S)[0]:
                data = connection.recv(65_536)
                if not data:
                    return
                self._confirm(packets, data)

    def _burst(self, count: int) -> bytes:
        out = bytearray()
        while self._again and len(self._unconfirmed) < _MAX_UNCONFIRMED:
            first = self._again.popleft()
            out += self._send(first.device, first.n, first.kind)
        if not self._paused and not self._again:
            for _ in range(min(count, _MAX_UNCONFIRMED - len(self._unconfirmed))):
                new = self._new(next(self._turns))
                out += self._send(new.device, new.n, new.kind)
        return bytes(out)

    def _new(self, device: str) -> Attempt:
        n = self._next_n[device]
        self._next_n[device] = n + 1
        self.messages += 1
        return Attempt(device, n, 0, PATTERN[n % len(PATTERN)])

    def _send(self, device: str, n: int, kind: Kind) -> bytes:
        attempt = Attempt(device, n, self.connections, kind, at_ms=time.time_ns() // 1_000_000)
        packet_id = next(one for one in self._ids if one not in self._unconfirmed)
        self._unconfirmed[packet_id] = attempt
        self.sent[device].append(attempt)
        self.attempts += 1
        first = PUBLISH << 4 | 1 << 1 | (kind == "status")  # statuses are retained, as births and wills are
        return packet(first, self._topics[device, kind] + packet_id.to_bytes(2, "big") + payload_of(attempt))

    def _confirm(self, packets: Packets, data: bytes) -> None:
        for first, body in packets.feed(data):
            if first >> 4 == PUBACK:
                attempt = self._unconfirmed.pop(int.from_bytes(body[:2], "big"), None)
                if attempt:
                    attempt.confirmed = True
