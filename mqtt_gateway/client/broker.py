"""What the gateway needs of an MQTT client: the small interface that session.py fulfils with aiomqtt, fakes.py without.

One :class:`Connection` object is one network connection: packet ids of an earlier one can't be acknowledged by mistake.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from mqtt_gateway.rules.packet_reader import Copies

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


@dataclass(frozen=True, slots=True)
class Manner:
    """How to subscribe. All but the QoS needs MQTT 5: with 3.1.1 our own publications come, and retained messages."""

    qos: int = 1  # 0 or 1
    retained: Literal["news", "always", "never"] = "news"  # retained messages: for a new subscription only, …
    own: bool = False  # our own publications, too
    identifier: int = 0  # subscription identifier; 0: none


NEWS: Final = Manner()
PLAIN: Final = Manner(retained="always", own=True)  # as 3.1.1 does it


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


class RefusedFiltersError(ConnectError):
    """The broker has refused subscriptions.

    Args:
        refused: topic filter → why, in words.
    """

    def __init__(self, refused: dict[str, str]) -> None:
        some = ", ".join(f"{name} ({why})" for name, why in list(refused.items())[:20])
        super().__init__(f"subscription refused: {some}", refused=True)
        self.filters = refused


class Listener(Protocol):
    """Whom a connection tells. Called on the event loop's thread, in the order of the wire; must not raise."""

    def opened(self, *, session_present: bool) -> None:
        """The broker has accepted us; before the first delivery."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """One PUBLISH from the broker; QoS 1 awaits :meth:`Connection.acknowledge`. ``packet_id`` is 0 for QoS 0."""


class Connection(Protocol):
    """One connection to the broker, under the persistent session of our client id."""

    lost: "asyncio.Future[str]"  # done once the connection is gone; the reason in words
    identifies: bool  # the broker takes subscription identifiers; known once it is open

    async def open(self, listener: Listener, copies: Copies | None = None) -> None:
        """Connect; within about 10 s. Once only.

        Args:
            listener: told what comes.
            copies: told those deliveries that are only copies of others; None: there are none.

        Raises:
            ConnectError: it did not come about; the object is of no more use.
        """

    async def subscribe(self, filters: Sequence[str], manner: Manner = NEWS) -> None:
        """Subscribe to topic filters, in one packet.

        Raises:
            RefusedFiltersError: the broker has refused some of them; the others it took.
            ConnectError: the connection was lost meanwhile.
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
