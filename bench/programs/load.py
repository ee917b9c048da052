"""The load generator: PUBLISH packets encoded by hand on plain sockets, so that it is never what limits a benchmark.

``python -m bench.programs.load --port 1883 --seconds 10`` publishes as fast as the broker takes it and prints what it
did as JSON on the last line; ``--rate`` makes it steady. SIGTERM ends it early and in order.

With ``--each True`` each device has a connection of its own, with a will and keep-alive, on which its birth is
published first; all are disconnected in order at the end. With ``--commands True`` it says ``{"ready": …}`` and then
does as it is told on standard input, until that ends:

- ``run {"first": 0, "seconds": 3}``, with ``"rate"`` perhaps: publish; answered by the outcome as one line of JSON;
- ``limit 8000``, also during a run: no message from that number on is sent until it is raised.

Everything that is sent follows from one number, the count of messages: message ``i`` goes to device ``i % devices`` and
is that device's ``i // devices``-th; its ``n`` says so. So whoever knows ``sent`` knows what must have arrived.
"""

import contextlib
import json
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from bench.programs.connections import (
    DISCONNECT,
    KEEP_ALIVE_S,
    PINGREQ,
    BrokerGoneError,
    Connection,
    birth_packet,
    connect_packet,
    dialled,
)
from bench.programs.lines import Commands, allow_files, options, say
from bench.protocol.packets import Packets, Plan

WINDOW: Final = 4_000  # QoS 1 messages that the broker has not confirmed
_CHUNK: Final = 250  # messages between two looks at what came
_CONNECTING: Final = 50  # at a time: no more than a usual backlog takes
_LAST_S: Final = 30.0  # for the last confirmations


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did."""

    sent: int  # messages, of either QoS
    confirmed: int  # QoS 1 messages with a PUBACK
    unconfirmed: int
    seconds: float  # from the first message to the last confirmation

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds if self.seconds else 0.0


class Generator:
    """Publishes a plan, MQTT 3.1.1. A context manager: entered, it is connected.

    Args:
        plan: what.
        each: on one connection a device (whose births are confirmed first), not on one for all.

    Attributes:
        sent: number of the next message.
        limit: it stops at so many messages and waits until this is raised (by another thread, perhaps).
    """

    def __init__(self, plan: Plan, *, each: bool = False) -> None:
        self.plan = plan
        self.sent = 0
        self.limit = sys.maxsize
        self._each = each
        self._packets = Packets(plan)
        self._connections: list[Connection] = []
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._awaited = self._confirmed = 0  # PUBACKs
        self._stopped = False
        self._next_ping_s = float("inf")

    def __enter__(self) -> "Generator":
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.socket.sendall(DISCONNECT)
            connection.socket.close()
        self._epoll.close()

    def stop(self) -> None:
        """Make :meth:`run` return soon. Safe from a signal handler or another thread."""
        self._stopped = True

    def run(
        self,
        *,
        first: int | None = None,
        seconds: float | None = None,
        messages: int | None = None,
        rate: float | None = None,
    ) -> Outcome:
        """Publish, then wait for the last PUBACKs.

        Args:
            first: begin with this message; None: where the run before has ended.
            seconds: for so long; None: until :meth:`stop`.
            messages: up to this count of all messages.
            rate: messages a second; None: as many as the broker takes.
        """
        self._stopped = False
        self.sent = start = self.sent if first is None else first
        last = sys.maxsize if messages is None else messages
        most_s = sys.maxsize if seconds is None else seconds
        began, confirmed = time.monotonic(), self._confirmed
        while not self._stopped and self.sent < last and (passed := time.monotonic() - began) < most_s:
            due = sys.maxsize if rate is None else start + int(passed * rate)
            count = min(_CHUNK, min(last, self.limit, due) - self.sent, WINDOW - self._awaited)
            if count > 0:
                self._publish(count)
            self._receive(0 if count > 0 else 0.002)
        self._until(lambda: not self._awaited)
        return Outcome(
            sent=self.sent - start,
            confirmed=self._confirmed - confirmed,
            unconfirmed=self._awaited,
            seconds=time.monotonic() - began,
        )

    def serve(self) -> None:
        """Do as standard input says, until it ends."""
        commands, runs = Commands(), list[dict[str, Any]]()

        def read() -> None:
            for word, rest in commands.read():
                if word == "limit":
                    self.limit = int(rest)
                else:
                    runs.append(json.loads(rest))
            self._stopped |= commands.ended

        self._listen(commands.fileno(), read)
        while not commands.ended:
            self._receive(0.5)
            while runs:
                say(asdict(self.run(**runs.pop(0))))

    # ------------------------------------------------------------------------------------------ connecting

    def _connect(self) -> None:
        plan = self.plan
        names = plan.names if self._each else [""]
        for first in range(0, len(names), _CONNECTING):
            for name in names[first : first + _CONNECTING]:
                topic = f"{plan.root}/{plan.site}/{name}/status"
                packets = (connect_packet(f"{plan.site}-{name}", topic), birth_packet(topic))
                self._add(dialled(plan.host, plan.port, *(packets if self._each else (connect_packet(),))))
            self._await(lambda first=first: all(one.connected for one in self._connections[first:]), "no CONNACK")  # type: ignore[misc]
        self._await(lambda: not self._awaited, "no PUBACK")
        if self._each:
            self._next_ping_s = time.monotonic() + KEEP_ALIVE_S / 2

    def _add(self, connection: Connection) -> None:
        def receive() -> None:
            pubacks = connection.receive()
            self._awaited -= pubacks
            self._confirmed += pubacks

        self._connections.append(connection)
        self._awaited += self._each
        self._listen(connection.socket.fileno(), receive)

    def _await(self, done: Callable[[], bool], missing: str) -> None:
        if not self._until(done):
            raise BrokerGoneError(f"{missing} within {_LAST_S:g} s")

    # ------------------------------------------------------------------------------------------------ loop

    def _listen(self, file: int, read: Callable[[], None]) -> None:
        self._readers[file] = read
        self._epoll.register(file, select.EPOLLIN)

    def _until(self, done: Callable[[], bool]) -> bool:
        """Receive until then; False: it took too long."""
        ends = time.monotonic() + _LAST_S
        while not done() and time.monotonic() < ends:
            self._receive(0.05)
        return done()

    def _publish(self, count: int) -> None:
        """On one connection all at once, on one a device one by one."""
        step = count if len(self._connections) == 1 else 1
        for message in range(self.sent, self.sent + count, step):
            data, confirmable = self._packets.encode(message, step)
            self._awaited += confirmable
            self._connections[message % len(self._connections)].socket.sendall(data)
        self.sent += count

    def _receive(self, wait_s: float) -> None:
        """Read what there is; all pings at once, twice as often as they must be (MQTT-3.1.2-24)."""
        for file, _ in self._epoll.poll(wait_s):
            self._readers[file]()
        if time.monotonic() >= self._next_ping_s:
            self._next_ping_s = time.monotonic() + KEEP_ALIVE_S / 2
            for connection in self._connections:
                connection.socket.sendall(PINGREQ)


# ------------------------------------------------------------------------------------------- command line


def main() -> int:
    """Run from the command line; returns the exit status."""
    published = {field.name: field.default for field in fields(Plan)} | {"port": 1883}
    given = vars(options(__doc__, **published, each=False, commands=False, first=0, rate=0.0, seconds=0.0, messages=0))
    plan = Plan(**{name: given.pop(name) for name in published})
    commands, each = given.pop("commands"), given.pop("each")
    begun = time.monotonic()
    try:
        allow_files(plan.devices if each else 1)
        with Generator(plan, each=each) as generator:
            signal.signal(signal.SIGTERM, lambda *_: generator.stop())
            if commands:
                say({"ready": plan.devices, "seconds": time.monotonic() - begun})
                generator.serve()
            else:
                say(asdict(generator.run(**{name: value or None for name, value in given.items()})))
    except (BrokerGoneError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
