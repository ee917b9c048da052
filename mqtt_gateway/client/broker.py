"""What the gateway needs of an MQTT client: the small interface that session.py fulfils with aiomqtt, fakes.py without.

One :class:`Connection` object is one network connection: packet ids of an earlier one can't be acknowledged by mistake.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

SESSION_TAKEN_OVER: Final = "closed by the broker: session taken over"  # MQTT 5, reason code 0x8E


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One PUBLISH of ours. Expiry, correlation data and response topic need MQTT 5; on 3.1.1 they are left out."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None  # message expiry interval
    correlation: bytes | None = None  # correlation data
    response_topic: str | None = None
    qos: int = 1  # 0 or 1


class NeverTaken(str):
    """Why a publication was not confirmed: this broker will not take it, however often it is tried."""

    __slots__ = ()


class ConnectError(Exception):
    """No connection came about. ``str()`` says why in words.

    Args:
        reason: in words.
        refused: the broker answered, and said no.
        other_version: it does not speak our version of MQTT, by its own answer.
    """

    def __init__(self, reason: str, *, refused: bool = False, other_version: bool = False) -> None:
        super().__init__(reason)
        self.refused, self.other_version = refused, other_version


class Listener(Protocol):
    """Whom a connection tells. Called on the event loop's thread, in the order of the wire; must not raise."""

    def opened(self, *, session_present: bool) -> None:
        """The broker has accepted us; before the first delivery."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """One PUBLISH from the broker; QoS 1 awaits :meth:`Connection.acknowledge`. ``packet_id`` is 0 for QoS 0."""


class Connection(Protocol):
    """One connection to the broker, under the persistent session of our client id."""

    lost: "asyncio.Future[str]"  # done once the connection is gone; the reason in words

    async def open(self, listener: Listener) -> None:
        """Connect; within about 10 s. Once only.

        Raises:
            ConnectError: it did not come about; the object is of no more use.
        """

    async def subscribe(self, filters: Sequence[str], *, qos: int = 1, plain: bool = False) -> None:
        """Subscribe: no local, retained messages only for new subscriptions (as far as MQTT 3.1.1 can).

        Args:
            filters: topic filters.
            qos: 0 or 1.
            plain: our own publications, and retained messages every time, please.

        Raises:
            ConnectError: refused, or the connection was lost meanwhile.
        """

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribe; unknown ones are fine. Raises like :meth:`subscribe`."""

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Send PUBACKs in this order. Nothing happens on a lost connection."""

    def publish(self, message: Outgoing) -> "asyncio.Future[str]":
        """Send a PUBLISH now, after those before it.

        Returns:
            Done with "" once the broker has confirmed it (PUBACK; with QoS 0 at once), else with the reason in words;
            also done when the connection is lost. The caller bounds how many are under way (:attr:`max_outgoing`) and
            for how long.
        """

    @property
    def max_outgoing(self) -> int:
        """So many publishes may be under way: the broker's receive maximum."""

    def pause(self) -> None:
        """Read nothing more from the broker until :meth:`resume`."""

    def resume(self) -> None:
        """Read again."""

    def drop(self, reason: str) -> None:
        """Give the connection up at once: :attr:`lost` is done with ``reason``."""

    async def close(self) -> None:
        """Disconnect cleanly (the session stays with the broker); within about 3 s. Safe to repeat; never raises."""
