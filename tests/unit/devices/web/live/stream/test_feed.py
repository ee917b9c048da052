from itertools import pairwise

from bridge.messages import Delta
from devices.web.live.stream.changes import Replayed, Snapshot
from devices.web.live.stream.feed import MAX_PENDING_BYTES, Feed, FlushBatch
from devices.web.live.stream.rendering import MAX_BODY_BYTES, change_bytes
from devices.web.live.stream.targets import DeliveryOptions, Target


def delta(prev: int, rev: int, device: str = "s/d", size: int = 10) -> Delta:
    return Delta(device, prev, rev, b"x" * size)


def feed(rate: float = 10, *devices: str) -> Feed:
    made = Feed(Target(), DeliveryOptions(max_rate_hz=rate))
    made.listed(list(devices or ["s/d"]))
    for device in devices or ["s/d"]:
        made.align(device, 0)
    return made


def revs(batch: FlushBatch | None, device: str = "s/d") -> list[tuple[int, int]]:
    changes = batch.devices.get(device, []) if batch else []
    return [(change.prev, change.rev) for change in changes if isinstance(change, Delta)]


def test_the_first_change_after_quiet_leaves_at_once_and_the_next_ones_are_gathered() -> None:
    one = feed(rate=10)
    one.take(delta(0, 1))
    assert one.due(100.0) == 100.0
    assert revs(one.flush(100.0)) == [(0, 1)]
    one.take(delta(1, 2))
    one.take(delta(2, 3))
    assert one.due(100.01) == 100.1
    assert one.flush(100.05) is None
    assert revs(one.flush(100.1)) == [(1, 2), (2, 3)]
    assert one.due(100.2) is None


def test_each_device_has_its_own_rate() -> None:
    one = feed(1, "s/a", "s/b")
    one.take(delta(0, 1, "s/a"))
    one.flush(10.0)
    one.take(delta(1, 2, "s/a"))
    one.take(delta(0, 1, "s/b"))
    batch = one.flush(10.5)
    assert (revs(batch, "s/a"), revs(batch, "s/b")) == ([], [(0, 1)])
    assert revs(one.flush(11.0), "s/a") == [(1, 2)]


def test_a_rate_bounds_the_frames_of_a_device() -> None:
    one = feed(rate=5)
    flushed = []
    for millisecond in range(3_000):
        now = millisecond / 1_000
        one.take(delta(millisecond, millisecond + 1))
        if one.flush(now):
            flushed.append(now)
    assert 14 <= len(flushed) <= 16
    assert all(later - earlier >= 0.2 - 1e-9 for earlier, later in pairwise(flushed))


def test_a_batch_is_about_one_frame_and_the_rest_stays_due() -> None:
    one = feed()
    for rev in range(10):
        one.take(delta(rev, rev + 1, size=200_000))
    first = one.flush(0.0)
    assert revs(first) == [(0, 1), (1, 2)]
    assert one.sent["s/d"] == 2
    assert one.due(0.0) == 0.0
    rest = []
    while batch := one.flush(0.0):
        assert sum(change_bytes(change) for changes in batch.devices.values() for change in changes) <= MAX_BODY_BYTES
        rest += revs(batch)
    assert rest[-1] == (9, 10)
    assert one.pending_bytes == 0


def test_a_part_larger_than_a_frame_goes_alone() -> None:
    one = feed(10, "s/a", "s/b")
    one.take(delta(0, 1, "s/a", size=600_000))
    one.take(delta(0, 1, "s/b"))
    first, second = one.flush(0.0), one.flush(0.0)
    assert (revs(first, "s/a"), revs(first, "s/b")) == ([(0, 1)], [])
    assert revs(second, "s/b") == [(0, 1)]


def test_what_waits_for_its_time_is_bounded() -> None:
    one = feed(rate=0.1)
    one.take(delta(0, 1))
    one.flush(0.0)
    rev = 1
    while one.due(1.0) != 1.0:
        one.take(delta(rev, rev + 1, size=100_000))
        rev += 1
        assert one.pending_bytes <= MAX_PENDING_BYTES + 100_000


def test_until_it_is_listed_it_hands_out_nothing() -> None:
    one = Feed(Target(), DeliveryOptions())
    one.take(delta(0, 1))
    assert one.flush(0.0) is None
    assert one.touched == {"s/d"}
    assert not one.sequencer


def test_a_lost_change_is_asked_for() -> None:
    one = feed()
    one.take(delta(1, 2))
    assert one.flush(0.0) is None
    assert [(query.device, query.since) for query in one.sequencer.queries(9)] == [("s/d", 0)]
    one.sequencer.settle(Replayed("s/d", 2, (delta(0, 2),), complete=True))
    assert revs(one.flush(0.0)) == [(0, 2)]


def test_a_device_that_comes_later_is_shown_whole() -> None:
    one = feed()
    one.take(delta(0, 1, "s/new"))
    assert [(query.since, query.reason) for query in one.sequencer.queries(9)] == [(None, "new")]
    one.sequencer.settle(Snapshot("s/new", 1, "new", b"{}"))
    batch = one.flush(0.0)
    assert batch is not None
    assert isinstance(batch.devices["s/new"][0], Snapshot)
    assert batch.before == {"s/new": None}


def test_comparing_asks_about_whatever_differs() -> None:
    one = feed(10, "s/a", "s/b", "s/c")
    one.compare("s/a", 0)
    one.compare("s/b", 3)
    one.compare("s/c", None)
    one.compare("s/new", 1)
    one.compare("s/nobody", None)
    assert {query.device for query in one.sequencer.queries(9)} == {"s/b", "s/c", "s/new"}
    one.discover("s/a")
    one.discover("s/newer")
    assert {query.device for query in one.sequencer.queries(9)} == {"s/b", "s/c", "s/new", "s/newer"}


def test_bodies_are_made_once() -> None:
    one = feed()
    one.take(Delta("s/d", 0, 1, b'{"device":"s/d","prev":0,"rev":1,"readings":[]}'))
    batch = one.flush(0.0)
    assert batch is not None
    assert batch.bodies is batch.bodies
    assert batch.most_bytes == sum(body.size for body in batch.bodies)
