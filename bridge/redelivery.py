"""QoS 1 deliveries that a shard has committed, known again when the broker delivers them once more. Pure.

A broker whose connection was lost sends what was not PUBACKed again, with DUP and the same packet id (MQTT-3.3.1-1,
MQTT-4.4.0-1). What was committed and not yet PUBACKed must take no effect then. A packet id alone does not tell: the
broker uses it again, after 65,535 others if it counts (Mosquitto does). So a shard keeps, for the broker's session,
packet id and digest of what it committed; a redelivery is a duplicate if the same was recorded less than ``WINDOW``
= 2 W deliveries ago, where W = MAX_IN_FLIGHT.

How long ago, nobody knows exactly, because what a crash took away was never counted. Two counts come close:

    connection count  new deliveries (without DUP) in a connection, by the gateway: all shards' and those that no shard
                      sees (own downlink, nobody's topics), but only as far as a record was made after them.
    total             distinct deliveries that the shards have recorded when a connection begins. Exact, but only the
                      shards'.

Neither may be said to be more than it is; so the larger is right: the connection counts up to the beginning of some
connection and the growth of total from there on, for the connection that gives the most (``_ago``). These bounds hold:

- An unconfirmed delivery is known again. All that comes after it is under way with it. What was PUBACKed before a
  connection is in its total. With a deliveries under way after it and b before: those counted after it
  are at most a, total grows by at most W + b, together that is at most W + a + b < 2 W.
- Another one with its packet id is 65,535 later, of which at most W are missing at the end of the connection count, W
  at the end of total, and W - 1 because a record tells how many came up to its last entry, or to one that overtook
  it (all these are under way together). More than
  65,535 - 3 W - n are seen, if n of them are no shard's: with W = 12,288 at least 2 W as long as n is not above 4,096.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from struct import Struct as Layout
from typing import Any, Final

from msgspec import Struct

from bridge.link import MAX_IN_FLIGHT
from bridge.messages import Batch, Delivery

WINDOW: Final = 2 * MAX_IN_FLIGHT  # deliveries
DIGEST_BYTES: Final = 8
ENTRY_BYTES: Final = 2 + DIGEST_BYTES
_HEAD: Final = Layout(">QQQ")  # Record.base, total, at_ms


class Record(Struct):
    """One batch's QoS 1 deliveries, without duplicates: of those, the first record holds until they are confirmed."""

    epoch: int
    connection_count: int  # new deliveries of the connection, all shards', up to this batch's last one
    base: int  # distinct deliveries that all shards had recorded in the broker's session before the connection
    total: int  # distinct deliveries that this shard has recorded in the session, these included
    at_ms: int  # Unix ms; reception of the last one
    entries: bytes  # ENTRY_BYTES each: packet id, digest of topic and payload
    key: Any = None  # where it is stored
    window_offset: int = 0  # on the scale of the present connection, where ``base`` is its beginning

    def __iter__(self) -> Iterator[bytes]:
        """Its entries, one by one."""
        return (self.entries[start : start + ENTRY_BYTES] for start in range(0, len(self.entries), ENTRY_BYTES))


def pack(record: Record) -> bytes:
    """What is stored beside epoch and connection_count."""
    return _HEAD.pack(record.base, record.total, record.at_ms) + record.entries


def unpack(epoch: int, connection_count: int, packed: bytes | memoryview, key: Any = None) -> Record:
    """The record that was packed."""
    base, total, at_ms = _HEAD.unpack_from(packed)
    return Record(epoch, connection_count, base, total, at_ms, bytes(packed[_HEAD.size :]), key)


def entry_of(delivery: Delivery) -> bytes:
    """Packet id and digest; the same each time the broker sends it. About 0.8 µs."""
    text = b"\0".join((delivery.topic.encode(), delivery.payload))  # no topic has a NUL (MQTT-4.7.3-2)
    return delivery.packet_id.to_bytes(2, "big") + blake2b(text, digest_size=DIGEST_BYTES).digest()


class Sifted(Struct, frozen=True):
    """A batch without what was committed before."""

    fresh: tuple[Delivery, ...]
    duplicates: int
    record: Record | None  # to be stored with the effect; None when nothing of the batch can come again


class ConnectionCounts(Struct, frozen=True):
    """What was recorded of a former connection."""

    connection_count: int  # the highest of any shard's records
    base: int  # as in its records


class Past(Struct, frozen=True):
    """What all shards together have recorded of a broker's session in its former connections."""

    total: int = 0  # distinct deliveries
    connections: dict[int, ConnectionCounts] = {}  # by epoch


def past(
    by_shard: Iterable[Record],
    by_connection: Iterable[Record],
    connection_count: Mapping[int, int],
    during: Iterable[Record],
    later: Iterable[Record],
) -> Past:
    """What the records of a broker's session tell of the time before a connection.

    Args:
        by_shard: each shard's newest of former connections.
        by_connection: the newest of each former connection, of whatever shard.
        connection_count: the highest ``connection_count`` of each former connection, by epoch.
        during: each shard's newest of this connection. If it was long, its records have pushed those of the former
            ones out of the window; they tell what there was.
        later: the newest of each later connection. So have those of a shard that has gone on to one, which had all of
            this one and more before it.
    """
    counted = sum(record.total for record in by_shard)
    told = [record.base for record in during]
    bound = sorted(record.base for record in later)[:1]
    connections = {one.epoch: ConnectionCounts(connection_count[one.epoch], one.base) for one in by_connection}
    return Past(max([counted, *told, *bound]), connections)


class DeliveryHistory:
    """What one shard has committed of one broker session. Changed in place: valid only if the transaction commits.

    Args:
        session: as in Batch.
        records: those stored, oldest first.
        window: how many deliveries back a redelivery is known.
    """

    def __init__(self, session: int, records: Iterable[Record] = (), window: int = WINDOW) -> None:
        self.session, self.epoch, self._window = session, 0, window
        self._records = deque(records)
        self._total = self._records[-1].total if self._records else 0
        self._base = self._connection_count = 0
        self._known: dict[bytes, int] | None = None  # entry → its latest window_offset; only while redeliveries come
        self._outdated: list[Record] = []

    def __len__(self) -> int:
        """How many records are kept."""
        return len(self._records)

    def begin(self, epoch: int, past: Past) -> None:
        """A new connection, or one under way that we take over.

        Args:
            epoch: its number.
            past: of the session, before this connection.
        """
        self.epoch, self._base, self._known = epoch, past.total, None
        last = self._records[-1] if self._records else None
        self._connection_count = last.connection_count if last and last.epoch == epoch else 0
        self._place(past)

    def _place(self, past: Past) -> None:
        """Give the records their positions, none later than a newer one's."""
        ago = _ago(past)
        latest = self._window_offset
        for record in reversed(self._records):
            if record.epoch == self.epoch:
                window_offset = self._base + record.connection_count
            else:
                window_offset = self._base - ago.get(record.epoch, 0) + record.connection_count
                window_offset = min(window_offset, record.base + record.connection_count)
            record.window_offset = latest = min(latest, window_offset)

    def sift(self, batch: Batch) -> Sifted:
        """Tell duplicates from the rest, and record the rest. ``batch`` is the next one of the epoch that was begun."""
        self._advance(batch)
        if any(one.dup for one in batch.deliveries):
            fresh, entries = self._told_apart(batch.deliveries)
        else:
            self._known = None
            fresh, entries = batch.deliveries, [entry_of(one) for one in batch.deliveries if one.qos]
        duplicates = len(batch.deliveries) - len(fresh)
        return Sifted(fresh, duplicates, self._recorded(batch, entries) if entries else None)

    def _advance(self, batch: Batch) -> None:
        """The gateway's count; without one, what we have seen ourselves.

        A batch may hold deliveries that later ones have overtaken, another device's: those are counted already. All
        that overtook them is under way with them, so their record tells W - 1 too many at most, as any record may.
        """
        if batch.connection_count:
            self._connection_count = max(self._connection_count, batch.connection_count)
        else:
            self._connection_count += sum(one.qos and not one.dup for one in batch.deliveries)

    def _recorded(self, batch: Batch, entries: list[bytes]) -> Record:
        self._total += len(entries)
        at_ms = batch.deliveries[-1].received_ms
        record = Record(batch.epoch, self._connection_count, self._base, self._total, at_ms, b"".join(entries))
        record.window_offset = self._window_offset
        self._records.append(record)
        self._forget()
        return record

    @property
    def _window_offset(self) -> int:
        return self._base + self._connection_count

    def _told_apart(self, deliveries: Iterable[Delivery]) -> tuple[tuple[Delivery, ...], list[bytes]]:
        known = self._known = self._index() if self._known is None else self._known
        oldest = self._window_offset - self._window
        fresh, entries = [], []
        for one in deliveries:
            if one.qos:
                entry = entry_of(one)
                if one.dup and known.get(entry, oldest) > oldest:
                    continue
                known[entry] = self._window_offset
                entries.append(entry)
            fresh.append(one)
        return tuple(fresh), entries

    def _index(self) -> dict[bytes, int]:
        return {entry: record.window_offset for record in self._records for entry in record}

    def _forget(self) -> None:
        """What lies beyond the window goes, but never the newest record: it has the total."""
        oldest = self._window_offset - self._window
        while self._records[0].window_offset <= oldest:
            self._outdated.append(self._records.popleft())

    def outdated(self, at_least: int, at_most: int) -> list[Record]:
        """Records to be removed where they are stored; each is told once, in portions of a size that is worth it."""
        if len(self._outdated) < at_least:
            return []
        told, self._outdated = self._outdated[:at_most], self._outdated[at_most:]
        return told


def _ago(past: Past) -> dict[int, int]:
    """How long ago former connections began, by epoch: deliveries until the present one, counted either way."""
    out, ended = {}, 0
    for epoch, connection in sorted(past.connections.items(), reverse=True):
        out[epoch] = ended + connection.connection_count
        ended = max(out[epoch], past.total - connection.base)
    return out
