"""One shard's queue, window and timers, without a clock."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.json_limits import MAX_BIG_PAYLOAD_BYTES
from bridge.link import ArrivalOrder, Cursor, Window, judge
from bridge.messages import Batch, Delivery, LinkAck
from mqtt_gateway.rules.lanes import BATCH_LIMIT, KEEP, LANES_BYTES, NO_TICKET, QOS0_BYTES, QOS0_LIMIT
from mqtt_gateway.rules.shard_queue import BATCH_BYTES, Abandoned, ShardQueue


def delivery(
    number: int, *, topic: str = "devices/s/d/telemetry", payload: bytes = b"1", qos: int = 1, source: str = "s/d"
) -> Delivery:
    return Delivery(topic, source, "telemetry", "", payload, number, qos, False, False, number if qos else 0)


def ack(epoch: int, next_seq: int, *, gap: bool = False) -> LinkAck:
    return LinkAck(0, "g", epoch, next_seq, gap)


class Bench:
    """A link with its order, its clock and a worker's acknowledgements."""

    def __init__(self, *, begun: bool = True) -> None:
        self.link, self.order, self.now, self.epoch = ShardQueue(0), ArrivalOrder(), 1000.0, 0
        if begun:
            self.begin()
            assert [batch.seq for batch in self.link.again(self.now, 0)] == [1]
            self.ack(2)

    def begin(self) -> Abandoned:
        self.epoch += 1
        return self.link.begin(Window(0, "g", self.epoch, "reply"), self.epoch, self.order)

    def reconnect(self) -> Abandoned:
        gone = self.link.disconnected()
        self.order = ArrivalOrder()
        return gone

    def put(self, number: int, **fields: object) -> int:
        one = delivery(number, **fields)  # type: ignore[arg-type]
        return self.link.put(one, self.order.arrived(number) if one.qos else NO_TICKET)

    def ready(self) -> bool:
        return self.link.ready

    def send(self) -> Batch:
        return self.link.next_batch(self.now, 0.0)

    def ack(self, next_seq: int, *, epoch: int | None = None, gap: bool = False) -> tuple[int, Abandoned]:
        landed, gone = self.link.acknowledge(ack(epoch or self.epoch, next_seq, gap=gap), self.now)
        return sum(len(flight.tickets) + flight.qos0 for flight in landed), gone


# ---- batches


def test_deliveries_wait_until_the_epoch_is_known() -> None:
    bench = Bench(begun=False)
    bench.put(1)
    assert not bench.link.ready
    bench.begin()
    assert [(b.seq, b.deliveries) for b in bench.link.again(bench.now, 0)] == [(1, ())], "the introduction goes first"
    assert bench.send().deliveries == (delivery(1),)


def test_two_batches_are_under_way_at_most_and_the_third_gathers() -> None:
    bench = Bench()
    for number in range(1, 6):
        bench.put(number)
        if bench.link.ready:
            bench.send()
    assert not bench.link.ready
    bench.ack(3)
    assert [one.received_ms for one in bench.send().deliveries] == [3, 4, 5]


def test_a_batch_is_limited_by_count() -> None:
    bench = Bench()
    for number in range(BATCH_LIMIT + 1):
        bench.put(number)
    assert len(bench.send().deliveries) == BATCH_LIMIT
    assert len(bench.send().deliveries) == 1


def test_a_batch_is_limited_by_bytes() -> None:
    bench = Bench()
    for number in range(2 * BATCH_BYTES // 4_000):
        bench.put(number, payload=b"x" * 3_800)
    assert BATCH_BYTES - 4_000 < sum(len(one.payload) + 117 for one in bench.send().deliveries) <= BATCH_BYTES


# ---- large deliveries


def test_case_h6_nobody_waits_behind_another_devices_large_deliveries() -> None:
    bench = Bench()
    for number in range(100):
        bench.put(number, payload=b"x" * 225_000, source="s/large")
    bench.put(200)
    assert [one.received_ms for one in bench.send().deliveries] == [200, 0]
    assert not bench.ready(), "of large ones a single batch is under way"
    bench.put(201)
    assert bench.ready()
    assert [one.received_ms for one in bench.send().deliveries] == [201]
    bench.ack(3)
    bench.put(202)
    assert [one.received_ms for one in bench.send().deliveries] == [202, 1]
    bench.ack(5)
    while bench.link.ready:
        bench.send()
        bench.ack(999)
    assert bench.order.ready() == [*range(100), 200, 201, 202], "confirmed in the order of arrival, all the same"
    assert bench.link.queued_bytes == 0


def test_a_devices_deliveries_stay_in_order_and_the_lanes_take_turns() -> None:
    bench = Bench()
    large = LANES_BYTES // 3 - 200
    bench.put(1, source="a/a")
    bench.put(2, source="a/a", payload=b"x" * large)
    bench.put(3, source="a/a")
    bench.put(4, source="b/b", payload=b"x" * large)
    bench.put(5, source="a/a", payload=b"x" * large)
    bench.put(6, source="b/b", payload=b"x" * large)
    assert [one.received_ms for one in bench.send().deliveries] == [1, 2, 4, 3, 6]
    bench.ack(999)
    assert [one.received_ms for one in bench.send().deliveries] == [5]


def test_a_lane_opens_when_what_its_device_has_in_the_queue_is_gone() -> None:
    bench = Bench()
    for number in range(BATCH_LIMIT + 1):
        bench.put(number, source="a/a" if number == BATCH_LIMIT else "b/b")
    bench.put(5_000, source="a/a", payload=b"x" * 10_000)
    assert bench.send().deliveries[-1].received_ms == BATCH_LIMIT - 1
    assert [one.received_ms for one in bench.send().deliveries] == [BATCH_LIMIT, 5_000]


SENT = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 1), st.booleans()), max_size=40)


@given(SENT)
def test_each_devices_deliveries_arrive_in_order_whatever_their_size(sent: list[tuple[str, bool, int, bool]]) -> None:
    bench, arrived = Bench(), list[Delivery]()
    for number, (source, is_large, qos, sends) in enumerate(sent, 1):
        bench.put(number, source=source, qos=qos, payload=b"x" * (50_000 if is_large else 5))
        if sends and bench.link.ready:
            arrived += bench.send().deliveries
    bench.ack(999)
    while bench.link.ready:
        arrived += bench.send().deliveries
        bench.ack(999)
    assert len(arrived) == len(sent)
    for source in "abc":
        numbers = [one.received_ms for one in arrived if one.source == source]
        assert numbers == sorted(numbers)


# ---- pubacks


def test_tickets_are_finished_by_the_acknowledgement() -> None:
    bench = Bench()
    for number in (7, 8, 9):
        bench.put(number)
    bench.send()
    assert bench.order.ready() == []
    assert bench.ack(3) == (3, Abandoned())
    assert bench.order.ready() == [7, 8, 9]


def test_an_acknowledgement_of_another_epoch_or_gateway_does_nothing() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    assert bench.ack(9, epoch=4)[0] == 0
    assert bench.link.acknowledge(LinkAck(0, "other", bench.epoch, 9), bench.now)[0] == []
    assert bench.order.ready() == []


# ---- sending again


def test_silence_sends_everything_again_with_growing_waits() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.put(2)
    bench.send()
    assert bench.link.again(bench.now + 0.9, 0) == ()
    waits = []
    for _ in range(5):
        due = bench.link.resend_at_s
        assert due is not None
        waits.append(due - bench.now)
        bench.now = due
        assert [batch.seq for batch in bench.link.again(bench.now, 0.0)] == [2, 3]
    assert waits == [1.0, 2.0, 2.5, 2.5, 2.5]


def test_nothing_under_way_means_nothing_is_due() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.ack(3)
    assert bench.link.resend_at_s is None
    assert bench.link.again(bench.now + 100, 0) == ()


def test_a_gap_asks_for_a_resend_at_once_but_not_for_one_each_time() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.put(2)
    bench.send()
    bench.now += 0.2
    bench.ack(2, gap=True)
    assert [batch.seq for batch in bench.link.again(bench.now, 0)] == [2, 3]
    bench.ack(2, gap=True)
    assert bench.link.again(bench.now, 0) == ()


def test_a_worker_that_wants_what_is_gone_breaks_the_link_in_the_end() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.ack(3)
    bench.put(2)
    bench.send()
    for _ in range(5):
        assert not bench.link.broken
        bench.ack(1, gap=True)
    assert bench.link.broken
    bench.ack(4)
    assert not bench.link.broken


# ---- QoS 0 under pressure


def test_under_pressure_the_newest_of_each_topic_stays() -> None:
    bench = Bench()
    dropped = sum(bench.put(n, topic=f"devices/s/d/telemetry/m{n % 10}", qos=0) for n in range(QOS0_LIMIT + 1))
    kept = [one.received_ms for one, *_ in bench.link.queue]
    assert kept == list(range(QOS0_LIMIT - 9, QOS0_LIMIT + 1))
    assert dropped == QOS0_LIMIT + 1 - 10


def test_too_many_topics_lose_the_oldest() -> None:
    bench = Bench()
    total = 3 * QOS0_LIMIT
    dropped = sum(bench.put(n, topic=f"devices/s/d/telemetry/m{n}", qos=0) for n in range(total))
    kept = [one.received_ms for one, *_ in bench.link.queue]
    assert kept == list(range(dropped, total)), "the newest, in order"
    assert len(kept) <= QOS0_LIMIT


def test_big_qos0_payloads_are_bounded_by_bytes() -> None:
    bench = Bench()
    for number in range(400):
        bench.put(number, topic=f"devices/s/d/telemetry/m{number}", payload=b"x" * 200_000, qos=0)
    assert bench.link.queued_bytes <= QOS0_BYTES + 300_000


def test_what_is_to_be_kept_makes_no_room_for_a_newer_one_of_its_topic() -> None:
    bench = Bench()
    for number in range(20):
        bench.link.put(delivery(number, topic="spBv1.0/g/DDATA/n", qos=0), KEEP)
        bench.put(number, topic="devices/s/d/telemetry/t", qos=0)
    for number in range(20, QOS0_LIMIT):
        bench.put(number, topic="devices/s/d/telemetry/t", qos=0)
    kept = [one.received_ms for one, ticket, _ in bench.link.queue if ticket == KEEP]
    assert kept == list(range(20))
    assert next(one.received_ms for one, ticket, _ in bench.link.queue if ticket != KEEP) > 20


def test_too_many_to_keep_lose_the_oldest() -> None:
    bench = Bench()
    total = 2 * QOS0_LIMIT
    dropped = sum(bench.link.put(delivery(n, topic="spBv1.0/g/DDATA/n", qos=0), KEEP) for n in range(total))
    assert [one.received_ms for one, *_ in bench.link.queue] == list(range(dropped, total))


def test_the_largest_payload_of_all_passes_at_qos_0() -> None:
    bench = Bench()
    for number in range(3):
        bench.put(number, topic="z2m/bridge/devices", payload=b"x" * MAX_BIG_PAYLOAD_BYTES, qos=0)
        bench.put(number, topic=f"z2m/{number}", qos=0)
    assert [one.received_ms for waiting in bench.link.waiting for one, *_ in waiting if len(one.payload) > 99] == [2]


def test_qos1_is_never_dropped() -> None:
    bench = Bench()
    for number in range(1, 101):
        bench.put(number)
    for number in range(2 * QOS0_LIMIT):
        bench.put(number, qos=0)
    assert [one.packet_id for one, ticket, _ in bench.link.queue if ticket != NO_TICKET] == list(range(1, 101))


# ---- connections


def test_a_lost_connection_hands_queued_qos1_back_and_keeps_qos0() -> None:
    bench = Bench()
    bench.put(1)
    bench.put(2, qos=0)
    bench.put(3)
    assert bench.reconnect() == Abandoned(returned=2)
    assert not bench.link.ready, "what is left waits for the new epoch"
    bench.begin()
    bench.link.again(bench.now, 0)
    assert [one.received_ms for one in bench.send().deliveries] == [2]


def test_late_acknowledgements_of_the_former_epoch_still_count() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.reconnect()
    bench.begin()
    assert bench.ack(3, epoch=1) == (1, Abandoned())
    assert bench.ack(2) == (0, Abandoned())


def test_what_the_former_epoch_never_acknowledged_goes_back_with_the_first_answer_in_the_new_one() -> None:
    bench = Bench()
    bench.put(1)
    bench.put(2, qos=0)
    bench.send()
    assert bench.reconnect() == Abandoned()
    assert bench.begin() == Abandoned()
    assert bench.ack(2) == (0, Abandoned(returned=1, dropped=1))


def test_the_new_epochs_first_answer_tells_what_of_the_former_was_applied() -> None:
    bench = Bench()
    bench.put(1)
    bench.put(2, qos=0)
    bench.send()
    bench.put(3)
    bench.put(4, qos=0)
    bench.send()
    bench.reconnect()
    bench.begin()
    landed, gone = bench.link.acknowledge(LinkAck(0, "g", 2, 2, False, 1, 2), bench.now)
    assert [(len(flight.tickets), flight.qos0) for flight in landed] == [(1, 1), (0, 0)], "that, and the introduction"
    assert gone == Abandoned(returned=1, dropped=1)


def test_what_a_shard_knows_of_an_older_epoch_says_nothing_of_the_former() -> None:
    bench = Bench()
    bench.reconnect()
    bench.begin()
    bench.put(1, qos=0)
    bench.send()
    bench.reconnect()
    bench.begin()
    assert bench.link.acknowledge(LinkAck(0, "g", 3, 2, False, 1, 9), bench.now)[1] == Abandoned(dropped=1)


# ---- the ledger


def test_entered_is_what_was_numbered_and_what_waits() -> None:
    bench = Bench()
    for number in range(1, 4):
        bench.put(number)
    assert bench.send().delivery_count == bench.link.entered == 3
    bench.put(4)
    bench.put(5, qos=0)
    assert bench.link.entered == 5
    bench.reconnect()
    assert bench.link.entered == 4, "one went back to the broker"
    bench.put(4)
    bench.begin()
    assert bench.link.entered == 2, "what waits enters the new epoch"
    bench.link.again(bench.now, 0)
    assert bench.send().delivery_count == 2


def test_what_is_left_out_under_pressure_never_entered() -> None:
    bench = Bench()
    for _ in range(QOS0_LIMIT + 1):
        bench.put(0, qos=0)
    assert bench.link.entered == 1


# ---- reconnecting twice


def test_two_reconnects_without_an_answer_abandon_the_oldest() -> None:
    bench = Bench()
    bench.put(1)
    bench.send()
    bench.reconnect()
    bench.begin()
    bench.reconnect()
    assert bench.begin() == Abandoned(returned=1)


@settings(max_examples=150)
@given(st.data())
def test_any_layer_gives_every_delivery_once_and_pubacks_in_order(data: st.DataObject) -> None:
    """The link against a worker over a layer that drops and repeats, with any batches in between."""
    bench, cursor, applied, pubacks, number = Bench(), Cursor(1, 1), [], [], 0
    for _ in range(60):
        if data.draw(st.booleans(), "another delivery") and number < 30:
            number += 1
            bench.put(number)
        sent = list(bench.link.again(bench.now, 0.5)) + ([bench.send()] if bench.link.ready else [])
        for batch in sent:
            for _copy in range(data.draw(st.integers(0, 2), "copies of a batch")):
                verdict = judge(cursor, batch.epoch, batch.seq)
                if verdict == "apply":
                    cursor = Cursor(batch.epoch, batch.seq)
                    applied += [one.packet_id for one in batch.deliveries]
                if data.draw(st.booleans(), "the answer arrives"):
                    bench.ack(cursor.seq + 1, gap=verdict == "gap")
        pubacks += bench.order.ready()
        assert pubacks == applied[: len(pubacks)]
        bench.now += data.draw(st.floats(0, 3), "time passes")
    assert applied == list(range(1, len(applied) + 1))
