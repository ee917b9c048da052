"""A fleet of simulated clients on one event loop: timers and sockets, no thread and no task a client."""

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import Callable
from random import Random

import structlog

from mqtt_gateway.simulator.client import Action, Client, Leave
from mqtt_gateway.simulator.dialects import clients
from mqtt_gateway.simulator.link import Handlers, Link
from mqtt_gateway.simulator.options import SimulatorOptions
from runtime.backoff import backoff_s
from runtime.outages import Outage

log = structlog.get_logger(__name__)

_FIRST_S = 12  # for the first device to connect
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
_LAST_WORDS_S = 0.5


class SimulatorError(Exception):
    """The simulation can't start; ``str()`` says why in one line."""


async def simulate(options: SimulatorOptions, stop: asyncio.Event) -> None:
    """Run the devices until ``stop`` is set or ``options.seconds`` are over; then all go offline.

    Raises:
        SimulatorError: the broker isn't there or refuses us, at the start. Later they come back by themselves.
    """
    fleet = _Fleet(options)
    beat = asyncio.ensure_future(fleet.beat())
    try:
        await fleet.start(stop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.seconds):
                await stop.wait()
    finally:
        beat.cancel()
        await fleet.end()


class _Fleet:
    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.tls = ssl.create_default_context(cafile=options.ca_file) if options.tls else None
        self.run_id = secrets.token_hex(3)  # two simulations of one site don't throw each other off the broker
        self.outage = Outage(log, "the simulated devices' broker", time.monotonic)
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()  # "" or why not
        self._members = [_Member(self, client) for client in clients(options)]

    async def start(self, stop: asyncio.Event) -> None:
        """Connect the first device, then the others."""
        self._members[0].connect()
        try:
            async with asyncio.timeout(_FIRST_S):
                reason = await self.first
        except TimeoutError:
            reason = "no answer"
        if reason:
            raise SimulatorError(f"broker {self.options.host}:{self.options.port}: {reason}")
        for member in self._members[1:]:
            if stop.is_set():
                return
            member.connect()
            await asyncio.sleep(0.002)  # spreads the start; a thousand devices in two seconds
        log.info("simulated devices started", clients=len(self._members), dialect=self.options.dialect)

    async def beat(self) -> None:
        """Keep the connections alive, for ever."""
        while True:
            await asyncio.sleep(1)
            for member in self._members:
                member.beat()

    async def end(self) -> None:
        """All say that they are offline and disconnect."""
        for member in self._members:
            member.farewell()
        await asyncio.sleep(_LAST_WORDS_S)
        for member in self._members:
            await member.close()


class _Member:
    """One client, its connection and its timer."""

    def __init__(self, fleet: _Fleet, client: Client) -> None:
        self._fleet, self._client, self._rng = fleet, client, Random()
        self._link: Link | None = None
        self._up = self._ended = False
        self._attempt = 0
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------ connection

    def connect(self) -> None:
        """Begin to connect."""
        if self._ended:
            return
        options = self._fleet.options
        self._link = Link(
            options,
            f"{options.site}-{self._client.name}-{self._fleet.run_id}",
            self._client.filters,
            self._client.will,
            self._fleet.tls,
            Handlers(up=self._came_up, down=self._went_down, message=self._message),
        )
        self._opening = asyncio.ensure_future(self._link.open())

    def _came_up(self) -> None:
        self._up, self._attempt = True, 0
        self._fleet.outage.ends()
        self._tell_first("")
        self._do(self._client.connected(time.time()))

    def _went_down(self, reason: str, refused: bool) -> None:
        self._up = False
        if not self._tell_first(f"refused: {reason}" if refused else reason):
            self._fleet.outage.begins(reason)
        wait_s = backoff_s(self._attempt, _FIRST_WAIT_S, _LONGEST_WAIT_S, self._rng.random())
        self._attempt += 1
        self._at(wait_s, self.connect)

    def _tell_first(self, reason: str) -> bool:
        """Tell who waits for the first device, if somebody does."""
        if self._fleet.first.done():
            return False
        self._fleet.first.set_result(reason)
        return True

    def _at(self, wait_s: float, call: "Callable[[], None]") -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait_s), call)

    def beat(self) -> None:
        """Keep-alive."""
        if self._link is not None:
            self._link.misc()

    def farewell(self) -> None:
        """The last message; nothing happens after it."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._link is not None and self._up:
            for last in self._client.farewell():
                self._link.publish(last)

    async def close(self) -> None:
        """Disconnect cleanly."""
        if self._opening is not None:
            self._opening.cancel()
        if self._link is not None:
            await self._link.close()

    # ---------------------------------------------------------------------------------------------- client

    def _tick(self) -> None:
        self._do(self._client.tick(time.time()))

    def _message(self, topic: str, payload: bytes) -> None:
        self._do(self._client.message(topic, payload, time.time()))

    def _do(self, actions: list[Action]) -> None:
        """Carry the actions out, then sleep until the client is due again."""
        for action in actions:
            if isinstance(action, Leave):
                self._leave(action.seconds)
                return
            if self._link is not None:
                self._link.publish(action)
        self._at(self._client.due_s - time.time(), self._tick)

    def _leave(self, seconds: float) -> None:
        self._up = False
        if self._link is not None:
            self._link.break_off()
        self._at(seconds, self.connect)
