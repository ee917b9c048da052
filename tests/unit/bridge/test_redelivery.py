"""Which redeliveries are known again, by themselves. With the rest of the link: the workers' test_link_property.py."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.link import MAX_IN_FLIGHT
from bridge.messages import Batch, Delivery
from bridge.redelivery import (
    ENTRY_BYTES,
    WINDOW,
    ConnectionCounts,
    DeliveryHistory,
    Past,
    Record,
    Sifted,
    entry_of,
    pack,
    unpack,
)

SMALL = 8  # a window to see both sides of


def delivery(packet_id: int, text: str = "", *, dup: bool = False, qos: int = 1, topic: str = "t") -> Delivery:
    payload = text.encode() or b"%d" % packet_id
    return Delivery(topic, "s/d", "telemetry", "", payload, 5 + packet_id, qos, False, dup, packet_id)


def dups(*packet_ids: int) -> list[Delivery]:
    return [delivery(packet_id, dup=True) for packet_id in packet_ids]


def new_messages(*packet_ids: int) -> list[Delivery]:
    return [delivery(packet_id) for packet_id in packet_ids]


class Shard:
    """A shard's history, fed by connections.

    Attributes:
        others: distinct deliveries that other shards have recorded before the present connection.
        connection_count: the highest connection_count of any shard's records, by connection, where it is not our own.
    """

    def __init__(self, window: int = SMALL) -> None:
        self.window, self.records = window, list[Record]()
        self.others, self.connection_count = 0, dict[int, int]()
        self.reload()

    def reload(self) -> None:
        """Another owner takes the shard."""
        stored = [unpack(one.epoch, one.connection_count, pack(one), one.key) for one in self.records]
        self.history = DeliveryHistory(3, stored, self.window)

    def connect(self, epoch: int) -> None:
        former = [record for record in self.records if record.epoch < epoch]
        total = (former[-1].total if former else 0) + self.others
        connections = {
            one.epoch: ConnectionCounts(max(one.connection_count, self.connection_count.get(one.epoch, 0)), one.base)
            for one in former
        }
        self.history.begin(epoch, Past(total, connections))

    def take(self, deliveries: Iterable[Delivery], connection_count: int = 0) -> Sifted:
        deliveries = tuple(deliveries)
        sifted = self.history.sift(Batch(0, "g", self.history.epoch, 1, "r", deliveries, 3, connection_count, 0))
        if sifted.record:
            sifted.record.key = len(self.records)
            self.records.append(sifted.record)
        return sifted

    def fresh(self, deliveries: Iterable[Delivery], connection_count: int = 0) -> list[int]:
        return [one.packet_id for one in self.take(deliveries, connection_count).fresh]


@pytest.fixture
def shard() -> Shard:
    shard = Shard()
    shard.connect(7)
    return shard


def test_the_window_leaves_room_for_every_id_that_a_broker_may_have_under_way() -> None:
    assert WINDOW == 2 * MAX_IN_FLIGHT
    assert 65_535 - 3 * MAX_IN_FLIGHT - 4_096 >= WINDOW - 1


def test_what_was_committed_is_known_when_it_comes_again(shard: Shard) -> None:
    assert shard.fresh(new_messages(1, 2, 3)) == [1, 2, 3]
    shard.connect(8)
    sifted = shard.take([*dups(2, 3, 4), *new_messages(5)])
    assert [one.packet_id for one in sifted.fresh] == [4, 5], "4 was under way and never committed"
    assert sifted.duplicates == 2
    assert shard.records[-1].total == 5


def test_it_is_known_again_and_again(shard: Shard) -> None:
    shard.take(new_messages(1))
    for epoch in range(8, 50):
        shard.connect(epoch)
        assert shard.fresh(dups(1)) == []
    assert len(shard.history) == 1, "the first record holds; nothing piles up while nothing is confirmed"


@pytest.mark.parametrize("change", [{"packet_id": 2}, {"payload": b"other"}, {"topic": "u"}, {"dup": False}])
def test_anything_else_is_not_a_redelivery(shard: Shard, change: dict[str, Any]) -> None:
    shard.take(new_messages(1))
    shard.connect(8)
    assert shard.take([replace(delivery(1, dup=True), **change)]).duplicates == 0


def test_topic_and_payload_are_told_apart() -> None:
    assert entry_of(delivery(1, "b", topic="a")) != entry_of(delivery(1, "", topic="ab"))
    assert len(entry_of(delivery(65_535))) == ENTRY_BYTES


def test_another_owner_knows_it_in_the_same_and_in_the_next_connection(shard: Shard) -> None:
    shard.take(new_messages(1, 2))
    shard.reload()
    shard.connect(7)
    assert shard.fresh([*dups(2), *new_messages(3)]) == [3]
    shard.reload()
    shard.connect(8)
    assert shard.fresh(dups(1, 2, 3, 4)) == [4]
    assert shard.records[-1].total == 4


def test_qos_0_is_never_recorded_nor_a_duplicate(shard: Shard) -> None:
    sifted = shard.take([delivery(0, qos=0), delivery(0, qos=0)])
    assert (len(sifted.fresh), sifted.duplicates, sifted.record) == (2, 0, None)
    sifted = shard.take([delivery(0, qos=0), *new_messages(1)])
    assert sifted.record is not None
    assert list(sifted.record) == [entry_of(delivery(1))]


def test_one_that_comes_twice_in_a_batch_takes_effect_once(shard: Shard) -> None:
    assert shard.fresh([*new_messages(1), *dups(1), *dups(2), *dups(2)]) == [1, 2]


def test_beyond_the_window_a_packet_id_is_another_message(shard: Shard) -> None:
    shard.take(new_messages(1), connection_count=1)
    shard.take([delivery(2, "x")], connection_count=SMALL)
    assert shard.fresh(dups(1), connection_count=SMALL) == [], "just within"
    shard.connect(8)
    shard.take([delivery(3, "x")], connection_count=2 * SMALL)
    assert shard.fresh(dups(1), connection_count=2 * SMALL) == [1], "just beyond, by what other shards got"


def test_what_other_shards_recorded_in_former_connections_counts(shard: Shard) -> None:
    shard.take(new_messages(1))
    shard.others = SMALL - 1
    shard.connect(8)
    assert shard.fresh(dups(1)) == []
    shard.others = 2 * SMALL
    shard.connect(9)
    assert shard.fresh(dups(1)) == [1]


def test_what_the_gateway_counted_after_it_counts_though_no_shard_saw_it(shard: Shard) -> None:
    shard.take(new_messages(1), connection_count=1_000)
    shard.connection_count[7] = 1_000 + SMALL - 1
    shard.connect(8)
    assert shard.fresh(dups(1)) == []
    shard.connection_count[7] += 1
    shard.connect(9)
    assert shard.fresh(dups(1)) == [1]


def test_both_counts_add_up_from_connection_to_connection(shard: Shard) -> None:
    shard.take(new_messages(1), connection_count=1_000)
    shard.connection_count[7] = 1_000 + SMALL // 2
    shard.connect(8)
    shard.take([delivery(2, "x")])
    shard.others = SMALL // 2
    shard.connect(9)
    assert shard.fresh(dups(1)) == [1], "half the window by the gateway's count, half by the shards'"


def test_without_positions_its_own_deliveries_count(shard: Shard) -> None:
    for packet_id in range(1, 100):
        shard.take(new_messages(packet_id))
    assert len(shard.history) == SMALL
    shard.reload()
    shard.connect(7)
    shard.take(new_messages(100))
    assert len(shard.history) == SMALL, "the count goes on under another owner"


def test_records_beyond_the_window_are_told_once_in_portions(shard: Shard) -> None:
    for packet_id in range(1, 31):
        shard.take(new_messages(packet_id))
    assert shard.history.outdated(at_least=100, at_most=100) == []
    told = shard.history.outdated(1, 15) + shard.history.outdated(1, 15)
    assert [record.key for record in told] == list(range(30 - SMALL))
    assert shard.history.outdated(1, 15) == []


def test_the_newest_record_stays_with_its_total(shard: Shard) -> None:
    shard.take(new_messages(1))
    shard.others = 100 * SMALL
    shard.connect(8)
    assert len(shard.history) == 1
    record = shard.take(new_messages(2)).record
    assert record is not None
    assert (record.connection_count, record.base, record.total) == (1, 1 + shard.others, 2)


def test_a_record_survives_its_packing() -> None:
    record = Record(7, 40, 2**40, 2**41, 1_800_000_000_000, entry_of(delivery(1)) + entry_of(delivery(2)), 9)
    assert unpack(7, 40, memoryview(pack(record)), 9) == record
    assert list(record) == [entry_of(delivery(1)), entry_of(delivery(2))]
