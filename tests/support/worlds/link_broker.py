"""A model of the broker for the link's property test: few packet ids, a small in-flight limit, sessions that end."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from bridge.messages import Delivery
from tests.support.worlds.deliveries import NOW_MS, delivery

LIMIT: Final = 4  # in flight
NOBODYS: Final = 3  # messages on nobody's topics, at most so many in a turn of the packet ids
IDS: Final = 5 * LIMIT - 1 + NOBODYS  # packet ids: as few as bridge.redelivery allows, so that they come again soon


@dataclass(frozen=True)
class Message:
    """One PUBLISH of a device. ``device`` "" is nobody's topic, which the gateway finishes itself."""

    serial: int  # 1, 2, 3, … in the order of publishing; becomes Delivery.received_ms, so that effects tell it
    device: str
    topic: str
    payload: object
    qos: int = 1

    def delivered(self, packet_id: int = 0, *, dup: bool = False, device: str = "") -> Delivery:
        """As the gateway hands it on; for ``device`` instead of its own."""
        more = {"qos": self.qos, "packet_id": packet_id, "dup": dup}
        return delivery(device or self.device, self.topic, self.payload, at_ms=NOW_MS + self.serial, **more)


class Broker:
    """Hands out packet ids in turn, keeps what is not confirmed, delivers it again with DUP on the next connection."""

    def __init__(self) -> None:
        self.connected = self.has_session = False
        self.waiting: deque[Message] = deque()
        self.unconfirmed: deque[tuple[int, Message]] = deque()  # as sent
        self.wire: deque[tuple[Message, int, bool]] = deque()  # message, packet id, dup; on the way to the gateway
        self.pubacks: deque[int] = deque()  # on the way to us
        self.forgotten: set[int] = set()  # serials that only a lost session had
        self._last_id = 0

    def publish(self, message: Message) -> None:
        """A device does."""
        if not message.qos:
            self.wire.extend([(message, 0, False)] * self.connected)
            return
        self.waiting.append(message)
        self._send()

    def _send(self) -> None:
        while self.connected and self.waiting and len(self.unconfirmed) < LIMIT:
            self._last_id = self._last_id % IDS + 1
            message = self.waiting.popleft()
            self.unconfirmed.append((self._last_id, message))
            self.wire.append((message, self._last_id, False))

    def confirmed(self) -> Message:
        """Take the next PUBACK; which message it confirms."""
        packet_id = self.pubacks.popleft()
        expected, message = self.unconfirmed.popleft()
        assert packet_id == expected, "PUBACKs come in the order of arrival (MQTT-4.6.0-2)"
        self._send()
        return message

    def connect(self) -> bool:
        """CONNACK's session-present."""
        present, self.connected, self.has_session = self.has_session, True, True
        self.wire.extend((message, packet_id, True) for packet_id, message in self.unconfirmed)
        self._send()
        return present

    def disconnect(self) -> None:
        """Both directions lose what is under way."""
        self.connected = False
        self.wire.clear()
        self.pubacks.clear()

    def forget(self) -> None:
        """The session is lost."""
        self.forgotten |= {message.serial for _, message in self.unconfirmed} | {one.serial for one in self.waiting}
        self.unconfirmed.clear()
        self.waiting.clear()
        self.has_session, self._last_id = False, 0
