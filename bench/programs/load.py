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
from math import inf
from typing import Any, Final

from bench.programs import connections
from bench.programs.connections import BrokerGoneError, Connection
from bench.programs.lines import Commands, allow_files, options, say
from bench.protocol.packets import Packets, Plan
from tests.support.servers.mqtt_stream import connect_packet

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


class Generator:
    """Publishes a plan, MQTT 3.1.1. A context manager: entered, it is connected.

    Args:
        plan: what.
        each: on one connection a device (whose births are confirmed first), not on one for all.
        window: so many QoS 1 messages may be unconfirmed.
    """

    def __init__(self, plan: Plan, *, each: bool = False, window: int = WINDOW) -> None:
        self.plan = plan
        self.sent = 0  # number of the next message
        self.limit = sys.maxsize  # it stops at so many messages, and waits until this is raised
        self._each, self._window = each, window
        self._packets = Packets(plan)
        self._connections: list[Connection] = []
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._awaited = self._confirmed = 0  # PUBACKs
        self._stopped = False
        self._next_ping_s = inf

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
                connection.socket.sendall(connections.DISCONNECT)
            connection.socket.close()
        self._epoll.close()

    def stop(self, *_signal: object) -> None:
        """Make :meth:`run` return soon. Safe from a signal handler or another thread."""
        self._stopped = True

    def run(self, *, first: int = 0, seconds: float = inf, messages: float = inf, rate: float = inf) -> Outcome:
        """Publish, then wait for the last PUBACKs.

        Args:
            first: begin with this message.
            seconds: for so long, unless :meth:`stop` is called before.
            messages: up to this count of all messages.
            rate: messages a second; infinite: as many as the broker takes.
        """
        self._stopped = False
        self.sent = first
        began, confirmed = time.monotonic(), self._confirmed
        while not self._stopped and self.sent < messages and (passed := time.monotonic() - began) < seconds:
            most = min(messages, self.limit, first + passed * rate if rate < inf else inf)
            count = int(min(_CHUNK, most - self.sent, self._window - self._awaited))
            if count > 0:
                self._publish(count)
            self._receive(0 if count > 0 else 0.002)
        self._until(lambda: not self._awaited)
        sent, confirmed = self.sent - first, self._confirmed - confirmed
        return Outcome(sent=sent, confirmed=confirmed, unconfirmed=self._awaited, seconds=time.monotonic() - began)

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

        self._listen(sys.stdin.fileno(), read)
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
                topic = f"devices/{plan.site}/{name}/status"
                born = connections.connect_packet(f"{plan.site}-{name}", topic), connections.birth_packet(topic)
                self._add(connections.dialled(plan.port, *(born if self._each else [connect_packet("", 0)])))
            if not self._until(lambda first=first: all(one.connected for one in self._connections[first:])):  # type: ignore[misc]
                raise BrokerGoneError(f"no CONNACK within {_LAST_S:g} s")
        if not self._until(lambda: not self._awaited):
            raise BrokerGoneError(f"no PUBACK of a birth within {_LAST_S:g} s")
        if self._each:
            self._next_ping_s = time.monotonic() + connections.KEEP_ALIVE_S / 2

    def _add(self, connection: Connection) -> None:
        def receive() -> None:
            pubacks = connection.receive()
            self._awaited -= pubacks
            self._confirmed += pubacks

        self._connections.append(connection)
        self._awaited += self._each
        self._listen(connection.socket.fileno(), receive)

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
            self._next_ping_s = time.monotonic() + connections.KEEP_ALIVE_S / 2
            for connection in self._connections:
                connection.socket.sendall(connections.PINGREQ)


# ------------------------------------------------------------------------------------------- command line


def main() -> int:
    """Run from the command line; returns the exit status."""
    published = {field.name: field.default for field in fields(Plan)} | {"port": 1883}
    amount = {"first": 0, "seconds": inf, "messages": inf, "rate": inf}
    given = vars(options(__doc__, **published, **amount, each=False, window=WINDOW, commands=False))
    plan = Plan(**{name: given[name] for name in published})
    begun = time.monotonic()
    try:
        allow_files(plan.devices if given["each"] else 1)
        with Generator(plan, each=given["each"], window=given["window"]) as generator:
            signal.signal(signal.SIGTERM, generator.stop)
            if given["commands"]:
                say({"ready": plan.devices, "seconds": time.monotonic() - begun})
                generator.serve()
            else:
                say(asdict(generator.run(**{name: given[name] for name in amount})))
    except (BrokerGoneError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
