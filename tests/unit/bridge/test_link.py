"""The link's machines against each other over a layer that drops, repeats and reorders."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.link import ArrivalOrder, Cursor, Window, judge
from bridge.messages import Batch, Delivery, LinkAck


def delivery(number: int) -> Delivery:
    return Delivery(f"t/{number}", "s/d", "telemetry", "", b"", number, 1, False, False, number)


class Worker:
    """The other side: what bridge.link.judge says, with the cursor kept as the database would."""

    def __init__(self) -> None:
        self.cursor = Cursor()
        self.applied: list[int] = []

    def receive(self, batch: Batch) -> LinkAck | None:
        verdict = judge(self.cursor, batch.epoch, batch.seq)
        if verdict == "outdated":
            return None
        if verdict == "apply":
            self.applied += [one.received_ms for one in batch.deliveries]
            self.cursor = Cursor(batch.epoch, batch.seq)
        seq = self.cursor.seq if self.cursor.epoch == batch.epoch else 0
        return LinkAck(batch.shard, batch.gateway, batch.epoch, seq + 1, verdict == "gap")


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4), st.floats(0, 0.6))
def test_everything_is_applied_once_and_in_order_over_any_layer(seed: int, count: int, limit: int, loss: float) -> None:
    rng = random.Random(seed)
    window, worker = Window(0, "g", 7, "reply", limit), Worker()
    waiting = list(range(count))
    to_worker: list[Batch] = []
    to_gateway: list[LinkAck] = []
    committed: list[int] = []
    for _ in range(20_000):
        if len(committed) == count:
            break
        if waiting and window.open:
            size = rng.randint(1, 5)
            to_worker.append(window.push(tuple(delivery(n) for n in waiting[:size])))
            del waiting[:size]
        elif not to_worker and not to_gateway:
            to_worker += window.under_way  # the timeout
        rng.shuffle(to_worker)
        rng.shuffle(to_gateway)
        if to_worker:
            batch = to_worker.pop() if rng.random() < 0.9 else rng.choice(to_worker)
            if rng.random() >= loss and (ack := worker.receive(batch)):
                to_gateway.append(ack)
        if to_gateway:
            ack = to_gateway.pop() if rng.random() < 0.9 else rng.choice(to_gateway)
            if rng.random() >= loss:
                committed += [one.received_ms for done in window.acknowledge(ack) for one in done.deliveries]
                if ack.gap:
                    to_worker += window.under_way[: limit + 1]
    assert committed == worker.applied == list(range(count))


def test_a_batch_of_a_former_connection_is_outdated() -> None:
    assert judge(Cursor(5, 3), 4, 4) == "outdated"


@pytest.mark.parametrize(
    ("epoch", "seq", "verdict"),
    [(5, 4, "apply"), (5, 3, "repeat"), (5, 1, "repeat"), (5, 5, "gap"), (6, 1, "apply"), (6, 2, "gap")],
)
def test_judgements(epoch: int, seq: int, verdict: str) -> None:
    assert judge(Cursor(5, 3), epoch, seq) == verdict


def test_a_full_window_refuses() -> None:
    window = Window(0, "g", 1, "r", limit=1)
    window.push(())
    with pytest.raises(ValueError, match="full"):
        window.push(())


@pytest.mark.parametrize(
    "ack", [LinkAck(1, "g", 1, 2), LinkAck(0, "h", 1, 2), LinkAck(0, "g", 2, 2), LinkAck(0, "g", 1, 1)]
)
def test_foreign_and_stale_acknowledgements_finish_nothing(ack: LinkAck) -> None:
    window = Window(0, "g", 1, "r")
    window.push((delivery(1),))
    assert window.acknowledge(ack) == ()
    assert len(window.under_way) == 1


@given(st.lists(st.booleans(), max_size=40))
def test_positions_count_new_deliveries_and_never_too_many(dups: list[bool]) -> None:
    order = ArrivalOrder()
    for count, dup in enumerate(dups, 1):
        ticket = order.arrived(1, dup=dup)
        assert order.position(ticket) == dups[:count].count(False)
    assert all(order.position(ticket) <= dups[: ticket + 1].count(False) for ticket in range(len(dups)))


@given(st.lists(st.integers(1, 65_535), max_size=40), st.randoms())
def test_pubacks_leave_in_arrival_order_each_once(packet_ids: list[int], rng: random.Random) -> None:
    order = ArrivalOrder()
    tickets = [order.arrived(packet_id) for packet_id in packet_ids]
    rng.shuffle(tickets)
    out: list[int] = []
    for done, ticket in enumerate(tickets):
        order.finish(ticket)
        order.finish(ticket)
        out += order.ready()
        assert out == packet_ids[: len(out)]
        assert len(out) <= done + 1
    assert out == packet_ids
    assert len(order) == 0
