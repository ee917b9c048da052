"""QoS 1 deliveries that a shard has committed, known again when the broker delivers them once more. Pure.

A broker whose connection was lost sends what was not PUBACKed again, with DUP and the same packet id (MQTT-3.3.1-1,
MQTT-4.4.0-1). What was committed and not yet PUBACKed must take no effect then. A packet id alone does not tell: the
broker uses it again, after 65,535 others at the earliest if it counts (Mosquitto does). So a shard keeps, for the
broker's session, packet id and digest of what it committed, with its *position*:

    position = base + news      base  distinct deliveries that all shards had recorded in former connections
                                news  new deliveries (without DUP) of this connection, all shards'

A redelivery is a duplicate if its id and digest were recorded less than ``WINDOW`` = 2 × MAX_IN_FLIGHT positions ago.
With W = MAX_IN_FLIGHT, and t = how many deliveries the broker had begun with this one:

- What is not PUBACKed is within W of everything else that the broker sends, and all that was PUBACKed before a
  connection is in its base; so positions lie at most W below t, and never more than W - 1 above it (a batch's
  deliveries have the position of its last one). An unconfirmed delivery is recorded at t - W or later and asked for
  at t + W - 1 or earlier: less than 2 W apart.
- Another one with the same packet id is at least 65,535 = 4 W - 1 apart in t, hence 2 W in positions.

Bases are counted anew at each connection and never added up, so errors do not add up either. Deliveries that no shard
sees (own downlink, nobody's topics) are in news but not in bases; positions above a later base are lowered to it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from struct import Struct as Layout
from typing import Any, Final

from msgspec import Struct

from bridge.link import MAX_IN_FLIGHT
from bridge.messages import Batch, Delivery

WINDOW: Final = 2 * MAX_IN_FLIGHT  # positions
DIGEST_BYTES: Final = 8
ENTRY_BYTES: Final = 2 + DIGEST_BYTES
_HEAD: Final = Layout(">QQ")  # Record.total, Record.at_ms


class Record(Struct):
    """One batch's QoS 1 deliveries, redelivered ones too."""

    epoch: int
    position: int  # of the batch's last delivery
    total: int  # distinct deliveries that the shard has recorded in the broker's session, these included
    at_ms: int  # Unix ms; reception of the last one
    entries: bytes  # ENTRY_BYTES each: packet id, digest of topic and payload
    key: Any = None  # where it is stored

    def __iter__(self) -> Iterator[bytes]:
        """Its entries, one by one."""
        return (self.entries[start : start + ENTRY_BYTES] for start in range(0, len(self.entries), ENTRY_BYTES))


def pack(record: Record) -> bytes:
    """What is stored beside epoch and position."""
    return _HEAD.pack(record.total, record.at_ms) + record.entries


def unpack(epoch: int, position: int, packed: bytes | memoryview, key: Any = None) -> Record:
    """The record that was packed."""
    total, at_ms = _HEAD.unpack_from(packed)
    return Record(epoch, position, total, at_ms, bytes(packed[_HEAD.size :]), key)


def entry_of(delivery: Delivery) -> bytes:
    """Packet id and digest; the same each time the broker sends it. About 0.8 µs."""
    text = b"\0".join((delivery.topic.encode(), delivery.payload))  # no topic has a NUL (MQTT-4.7.3-2)
    return delivery.packet_id.to_bytes(2, "big") + blake2b(text, digest_size=DIGEST_BYTES).digest()


class Sifted(Struct, frozen=True):
    """A batch without what was committed before."""

    fresh: tuple[Delivery, ...]
    duplicates: int
    record: Record | None  # to be stored with the effect; None when nothing of the batch can come again


class History:
    """What one shard has committed of one broker session. Changed in place: valid only if the transaction commits.

    Args:
        session: as in Batch.
        records: those stored, oldest first.
        window: how many positions back a redelivery is known.
    """

    def __init__(self, session: int, records: Iterable[Record] = (), window: int = WINDOW) -> None:
        self.session, self.epoch, self._window = session, 0, window
        self._records = deque(records)
        self._total = self._records[-1].total if self._records else 0
        self._base = self._news = 0
        self._known: dict[bytes, int] | None = None  # entry → its latest position; only while redeliveries come
        self._outdated: list[Record] = []

    def __len__(self) -> int:
        """How many records are kept."""
        return len(self._records)

    def begin(self, epoch: int, base: int) -> None:
        """A new connection, or one under way that we take over.

        Args:
            epoch: its number.
            base: the sum of all shards' totals in this session, of records of former epochs.
        """
        self.epoch, self._base, self._known = epoch, base, None
        last = self._records[-1] if self._records else None
        self._news = max(0, last.position - base) if last and last.epoch == epoch else 0
        self._compact()

    def _compact(self) -> None:
        """Positions never fall; a record whose entries have all been recorded again is not needed."""
        seen: set[bytes] = set()
        kept: deque[Record] = deque()
        ceiling = None
        for record in reversed(self._records):
            if record.epoch < self.epoch:
                ceiling = self._base if ceiling is None else min(ceiling, self._base)
            ceiling = record.position if ceiling is None else min(ceiling, record.position)
            record.position = ceiling
            if kept and seen.issuperset(record):
                self._outdated.append(record)
            else:
                seen.update(record)
                kept.appendleft(record)
        self._records = kept

    def sift(self, batch: Batch) -> Sifted:
        """Tell duplicates from the rest, and record all. ``batch`` is the next one of the epoch that was begun."""
        if any(one.dup for one in batch.deliveries):
            fresh, entries = self._told_apart(batch)
        else:
            self._known = None
            fresh, entries = batch.deliveries, [entry_of(one) for one in batch.deliveries if one.qos]
            self._advance(batch, len(entries))
        if not entries:
            return Sifted(fresh, 0, None)
        duplicates = len(batch.deliveries) - len(fresh)
        self._total += len(entries) - duplicates
        at_ms = batch.deliveries[-1].received_ms
        record = Record(batch.epoch, self._position, self._total, at_ms, b"".join(entries))
        self._records.append(record)
        self._forget()
        return Sifted(fresh, duplicates, record)

    @property
    def _position(self) -> int:
        return self._base + self._news

    def _advance(self, batch: Batch, fresh: int) -> None:
        """The gateway's count; at least what we have seen ourselves."""
        self._news = max(self._news + fresh, batch.position)

    def _told_apart(self, batch: Batch) -> tuple[tuple[Delivery, ...], list[bytes]]:
        self._advance(batch, sum(one.qos and not one.dup for one in batch.deliveries))
        known = self._known = self._index() if self._known is None else self._known
        oldest = self._position - self._window
        fresh, entries = [], []
        for one in batch.deliveries:
            if one.qos:
                entry = entry_of(one)
                entries.append(entry)
                is_duplicate = one.dup and known.get(entry, oldest) > oldest
                known[entry] = self._position
                if is_duplicate:
                    continue
            fresh.append(one)
        return tuple(fresh), entries

    def _index(self) -> dict[bytes, int]:
        return {entry: record.position for record in self._records for entry in record}

    def _forget(self) -> None:
        """What lies beyond the window goes, but never the newest record: it has the total."""
        oldest = self._position - self._window
        while self._records[0].position <= oldest:
            self._outdated.append(self._records.popleft())

    def outdated(self, at_least: int, at_most: int) -> list[Record]:
        """Records to be removed where they are stored; each is told once, in portions of a size that is worth it."""
        if len(self._outdated) < at_least:
            return []
        told, self._outdated = self._outdated[:at_most], self._outdated[at_most:]
        return told
