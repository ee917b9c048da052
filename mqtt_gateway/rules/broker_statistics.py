"""What a Mosquitto says of itself on ``$SYS``, as far as it tells about messages that we may miss. Pure.

Every 10 s, or as ``sys_interval`` says, it publishes what has changed (its uptime always has); at a subscription, all.
"""

from typing import Any, Final

from mqtt_gateway.rules.incident_reports import Report

DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"  # Mosquitto: at a queue's limit, since it started
STORED_TOPIC: Final = "$SYS/broker/store/messages/count"  # Mosquitto: in all queues, and retained
_UPTIME_TOPIC: Final = "$SYS/broker/uptime"  # shows that the others were looked at
BROKER_TOPICS: Final = (DROPPED_TOPIC, STORED_TOPIC, _UPTIME_TOPIC)  # subscribed to where the broker allows it
_SAME_ROUND_MS: Final = 1_000


class BrokerStatistics:
    """The figures of one broker, known over restarts of the gateway.

    Args:
        broker: host and port.
        stored: from :meth:`dump`.
    """

    def __init__(self, broker: str, stored: dict[str, Any] | None = None) -> None:
        known = stored if stored and stored.get("name") == broker else {}
        self._broker = broker
        self._dropped: int | None = known.get("dropped")  # messages, since the broker started
        self.messages: int | None = None  # in its store
        self._round_ms = self._before_ms = known.get("at_ms", 0)  # Unix ms; of the newest figures, of those before

    def told(self, topic: str, payload: bytes, now_ms: int) -> Report | None:
        """One of BROKER_TOPICS; an incident if more was dropped since we last heard."""
        if now_ms - self._round_ms > _SAME_ROUND_MS:
            self._before_ms, self._round_ms = self._round_ms, now_ms
        if not (payload.isascii() and payload.isdigit()):
            return None
        if topic == STORED_TOPIC:
            self.messages = int(payload)
        return self._dropped_now(int(payload), now_ms) if topic == DROPPED_TOPIC else None

    def _dropped_now(self, number: int, now_ms: int) -> Report | None:
        before, self._dropped = self._dropped, number
        if before is None or number == before:
            return None
        more = number - before if number > before else number  # else it has started anew, from nought
        detail = f"{self._broker}, of all its clients' queues; {number} since it started"
        return Report("broker_dropped", self._before_ms or self._round_ms, now_ms, more, detail) if more else None

    def gone(self) -> None:
        """The connection is lost."""
        self.messages = None

    def dump(self) -> dict[str, Any]:
        """For the row's JSON column."""
        return {"name": self._broker, "dropped": self._dropped, "at_ms": self._round_ms, "stored": self.messages}
