"""Messages read with the state of their source, which each of them may change."""

from collections.abc import Collection, Iterable
from typing import Final

import structlog

from bridge.descriptions import Description
from bridge.dialects.dialect import NATIVE, Reading, SimpleDialect, State
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.shards import source_of
from devices.options import DevicesOptions
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.sources import known_sources
from devices.worker.sources.known_sources import KnownSource, KnownSources, SourceId, known_of
from devices.worker.sources.readings import read

log = structlog.get_logger(__name__)

_UNKNOWN_DIALECT: Final = Reading(rejected="unknown_dialect")
_TOO_MANY: Final = Reading(rejected="too_many_sources")


class Sources:
    """The sources of this process's shards. What it changes is valid only if the transaction commits.

    Args:
        options: of the installation.
        dialects: of the installation.
        links: the gateways', as last read.
    """

    def __init__(self, options: DevicesOptions, dialects: Dialects, links: LinkWatch) -> None:
        self.dialects, self._links = dialects, links
        self.native = dialects.by_name.get(NATIVE)  # Causeway's own dialect, if it is spoken
        self._most = options.max_devices  # of a shard: a source is a device at least
        self._stateful = frozenset(
            one.name for one in dialects.by_name.values() if tuple(one.state_types) != (None, None)
        )

    def has_changed(self, shard: Shard) -> bool:
        """Whether the transaction has changed what is known of any of its sources."""
        return bool(known_of(shard).touched)

    def has_state(self, dialect: str) -> bool:
        """Whether something is remembered of the sources of this dialect."""
        return dialect in self._stateful

    def prepare(
        self, shard: Shard, deliveries: Iterable[tuple[str, Delivery]], connected: Collection[str], now_ms: int
    ) -> None:
        """Have in memory what will be read of gateways' deliveries; whose gateway has connected anew goes on.

        Raises:
            django.db.Error: the database failed.
        """
        known = known_of(shard)
        if connected and known:
            self._gateways_connected(known, connected, now_ms)
        if known.unread:
            ids = {(one.dialect, one.source) for _, one in deliveries if one.dialect}
            known_sources.fetch(known, ids, self.dialects, now_ms)

    def _gateways_connected(self, known: KnownSources, connected: Collection[str], now_ms: int) -> None:
        links = self._links.latest
        concerned = [
            (name, key)
            for name, key in (*known.read, *known.unread)
            if self._minds_connections(name) and any(links.serves(one, key, name) for one in connected)
        ]
        known_sources.fetch(known, concerned, self.dialects, now_ms)
        for one in concerned:
            source = known.read.get(one)
            if source is not None:
                source.state = known_sources.joined(source.dialect, source.state, "gateway", now_ms)
                known.touched[one] = source

    def _minds_connections(self, dialect: str) -> bool:
        return getattr(type(self.dialects.by_name[dialect]), "joined", None) is not SimpleDialect.joined

    def read(self, shard: Shard, delivery: Delivery, gateway: str, now_ms: int) -> Reading | None:
        """What a delivery says; None: its dialect has failed.

        Args:
            shard: the source's.
            delivery: to read.
            gateway: MQTT client id; who brought it; "": nobody, it is read once more.
            now_ms: Unix ms.

        Raises:
            django.db.Error: the source's state had to be read, and the database failed.
        """
        dialect = self.dialects.by_name.get(delivery.dialect)
        if dialect is None:
            return _UNKNOWN_DIALECT
        if delivery.dialect not in self._stateful:
            return read(dialect, dialect.fresh(), delivery)
        source = self._source(shard, delivery.dialect, delivery.source, now_ms)
        if source is None:
            return _TOO_MANY
        reading = read(dialect, source.state, delivery)
        known = known_of(shard)
        known.looked_at[source.id] = source
        if reading is not None and reading.state is not None and reading.state is not source.state:
            source.state = reading.state
            known.touched[source.id] = source
        if gateway and not delivery.retain:
            source.gateway = gateway
        return reading

    def state(self, shard: Shard, dialect: str, device: str, now_ms: int) -> State | None:
        """What is remembered of a device's source; of one that is not known: at first. None: an unknown dialect.

        Raises:
            django.db.Error: it had to be read, and the database failed.
        """
        speaks = self.dialects.by_name.get(dialect)
        if speaks is None or dialect not in self._stateful:
            return speaks.fresh() if speaks else None
        known, one = known_of(shard), (dialect, source_of(device))
        known_sources.fetch(known, (one,), self.dialects, now_ms)
        source = known.read.get(one)
        return source.state if source else speaks.fresh()

    def describe(self, shard: Shard, dialect: str, device: str) -> Description | None:
        """What a device of a source that was just read is, as far as its dialect knows. Never raises."""
        source = known_of(shard).read.get((dialect, source_of(device)))
        if source is None:
            return None
        try:
            return source.dialect.describe(source.state, device)
        except Exception:
            log.exception("a dialect failed: a bug", dialect=dialect, device=device)
            return None

    def _source(self, shard: Shard, dialect: str, key: str, now_ms: int) -> KnownSource | None:
        """None: there are too many already."""
        known, one = known_of(shard), (dialect, key)
        source = known.read.get(one)
        if source is None and one in known.unread:
            known_sources.fetch(known, (one,), self.dialects, now_ms)
            source = known.read.get(one)
        if source is None and len(known) < self._most:
            source = known.read[one] = known.touched[one] = _begun(self.dialects, one, now_ms)
        return source


def _begun(dialects: Dialects, one: SourceId, now_ms: int) -> KnownSource:
    name, key = one
    speaks = dialects.by_name[name]
    return KnownSource(speaks, key, known_sources.joined(speaks, speaks.fresh(), "new", now_ms))
