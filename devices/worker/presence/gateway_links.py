"""The gateways' links to their brokers, as far as presence depends on them. The rules are devices.rules.presence."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from bridge.gateway_status import GatewayRow
from bridge.topic_filters import matches
from devices.gateways import gateway_status
from devices.rules.presence import Link

GONE_MS: Final = 5_000  # down for longer, and nothing is known any more
_UNMARKED_MS: Final = 5_000  # where the broker lets a gateway send no markers: how long its link must outlive a will


class Links(Struct, frozen=True):
    """All gateways' links at one moment."""

    by_gateway: Mapping[str, Link]  # by MQTT client id
    filters: Mapping[str, Sequence[str]]  # what each is subscribed to
    topic_root: str

    def of(self, key: str) -> Link:
        """The link of the gateways that serve a device, together: up if any is, drained if all of those are."""
        links = list(self.by_gateway.values())
        if len(links) == 1:
            return links[0]
        return _together(self._serving(key) or links)

    def _serving(self, key: str) -> list[Link]:
        topic = f"{self.topic_root}/{key}/status"
        return [self.by_gateway[name] for name, filters in self.filters.items() if any_matches(filters, topic)]

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

    def __init__(self, topic_root: str) -> None:
        self._topic_root = topic_root
        self._down_since_ms: dict[str, int] = {}  # by gateway

    def read(self, now_ms: int) -> Links:
        """What the gateways say now (Unix ms). A few small queries."""
        status = gateway_status()
        links = {row.client_id: self._link(row, now_ms) for row in status.gateways}
        return Links(links, {row.client_id: row.filters for row in status.gateways}, self._topic_root)

    def forget(self) -> None:
        """The database failed: nothing was seen for a while."""
        self._down_since_ms.clear()

    def _link(self, row: GatewayRow, now_ms: int) -> Link:
        drained_ms = row.drained_ms or row.beat_ms - _UNMARKED_MS
        if row.broker_up:
            self._down_since_ms.pop(row.client_id, None)
            return Link(up=True, since_ms=row.since_ms, drained_ms=drained_ms)
        seen_down_ms = now_ms - self._down_since_ms.setdefault(row.client_id, now_ms)
        return Link(gone=seen_down_ms > GONE_MS, since_ms=row.since_ms, drained_ms=drained_ms)
