"""The gateways' links to their brokers: what presence depends on, and by which a device can be reached."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from bridge.dialects.registry import Dialects
from bridge.gateway_status import GatewayRow
from bridge.shards import source_of
from bridge.topic_filters import matches
from devices.gateways import gateway_status
from devices.rules.presence import Link
from devices.worker.memory.shard import Member

GONE_MS: Final = 5_000  # down for longer, and nothing is known any more
_HTTP: Final = Link(up=True, drained_ms=2**62)  # of a device that speaks over HTTP: what it says is here at once
_UNMARKED_MS: Final = 5_000  # where the broker lets a gateway send no markers: how long its link must outlive a will


class Links(Struct, frozen=True):
    """All gateways' links at one moment."""

    by_gateway: Mapping[str, Link]  # by GatewayRow.key
    filters: Mapping[str, Sequence[str]]  # what each is subscribed to
    brokers: Mapping[str, str]  # what each is connected to, as far as known
    dialects: Dialects

    def of(self, member: Member | None) -> Link:
        """The link of the gateways that serve a device, together: up if any is, drained if all of those are.

        ``None``: of a device that is not known yet.
        """
        if member and member.known.http:
            return _HTTP
        links = list(self.by_gateway.values())
        if len(links) == 1:
            return links[0]
        covering = self._covering(member.key, member.known.dialect) if member else []
        return _together([self.by_gateway[name] for name in covering] or links)

    def gateway_of(self, member: Member, fallback: str) -> str:
        """By which gateway a device can be reached: its client id.

        The one that last brought something live of it; should that one be gone, another one of the same broker. Of
        a device that was never heard: the likely one.
        """
        known = member.known
        if not known.gateway:
            return self.likely(member.key, known.dialect, fallback)
        link = self.by_gateway.get(known.gateway)
        if not (link and link.gone):
            return known.gateway
        broker = self.brokers.get(known.gateway)
        up = (name for name in self._covering(member.key, known.dialect) if self.by_gateway[name].up)
        return next((name for name in up if broker and self.brokers.get(name) == broker), known.gateway)

    def likely(self, key: str, dialect: str, fallback: str) -> str:
        """The gateway that is subscribed to what a device would say, rather one that is up.

        Args:
            key: the device's.
            dialect: by which it speaks.
            fallback: whom to try if none is, or several are.
        """
        covering = list(self.by_gateway) if len(self.by_gateway) == 1 else self._covering(key, dialect)
        candidates = [name for name in covering if self.by_gateway[name].up] or covering
        return fallback if fallback in candidates or not candidates else candidates[0]

    def serves(self, gateway: str, key: str, dialect: str) -> bool:
        """Whether a gateway brings what a source says, as far as is known. Arguments as of :meth:`likely`."""
        if gateway not in self.filters or len(self.by_gateway) == 1:
            return True
        return gateway in self._covering(key, dialect)

    def all_serving(self, key: str, dialect: str, fallback: str) -> list[str]:
        """The gateways that bring what a source says; of none, the fallback. Arguments as of :meth:`likely`."""
        return [name for name in self.by_gateway if self.serves(name, key, dialect)] or [fallback]

    def serving(self, key: str, dialect: str, last: str, fallback: str) -> str:
        """By which gateway a source can be reached: the ``last`` one that brought something of it, or a likely one."""
        link = self.by_gateway.get(last)
        return last if link is not None and not link.gone else self.likely(key, dialect, last or fallback)

    def _covering(self, key: str, dialect: str) -> list[str]:
        topic = self.dialects.example(dialect, source_of(key))
        return [name for name, filters in self.filters.items() if topic and any_matches(filters, topic)]

    @property
    def picture(self) -> object:
        """What decides whether a fleet is away; equal as long as nothing has to be done."""
        return {name: (link.gone, link.is_drained) for name, link in self.by_gateway.items()}


def any_matches(filters: Sequence[str], topic: str) -> bool:
    """Whether one of the topic filters matches the topic name."""
    return any(matches(one, topic) for one in filters)


def _together(links: Sequence[Link]) -> Link:
    if up := [link for link in links if link.up]:
        since_ms, drained_ms = max(link.since_ms for link in up), min(link.drained_ms for link in up)
        return Link(up=True, since_ms=since_ms, drained_ms=drained_ms)
    gone = bool(links) and all(link.gone for link in links)
    return Link(gone=gone, since_ms=max((link.since_ms for link in links), default=0))


class LinkWatch:
    """Reads the gateways' rows, and measures by our own clock for how long one has been seen down.

    (Not by the rows' times: after an outage of the database, which is where they beat, all gateways look dead.)
    """

    def __init__(self, dialects: Dialects) -> None:
        self._dialects = dialects
        self._down_since_ms: dict[str, int] = {}  # by gateway
        self.latest = Links({}, {}, {}, dialects)  # as last read

    def read(self, now_ms: int) -> Links:
        """What the gateways say now (Unix ms). One query."""
        rows = gateway_status().gateways
        self.latest = Links(
            {row.key: self._link(row, now_ms) for row in rows},
            {row.key: row.filters for row in rows},
            {row.key: row.broker for row in rows},
            self._dialects,
        )
        return self.latest

    def forget(self) -> None:
        """The database failed: nothing was seen for a while."""
        self._down_since_ms.clear()

    def _link(self, row: GatewayRow, now_ms: int) -> Link:
        drained_ms = row.drained_ms or row.beat_ms - _UNMARKED_MS
        if row.broker_up:
            self._down_since_ms.pop(row.key, None)
            return Link(up=True, since_ms=row.since_ms, drained_ms=drained_ms)
        seen_down_ms = now_ms - self._down_since_ms.setdefault(row.key, now_ms)
        return Link(gone=seen_down_ms > GONE_MS, since_ms=row.since_ms, drained_ms=drained_ms)
