"""What markers tell, without a clock."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_gateway.rules.markers import INTERVAL_S, SOON_S, Markers


class Bench:
    """Markers of a connection that has just subscribed."""

    def __init__(self, drained_ms: int = 0) -> None:
        self.markers, self.now_s = Markers(drained_ms), 1000.0
        self.connect()

    def connect(self, token: str = "a") -> None:
        self.markers.connecting(token)
        self.markers.subscribed(self.now_s)

    def publish(self) -> bytes:
        return self.markers.publish(self.now_s, int(self.now_s * 1000))

    def look(self, end: int = 0, in_hand: int = 0) -> bool:
        return self.markers.missing(self.now_s, end, in_hand)

    def look_for(self, seconds: int, end: int = 0, in_hand: int = 0) -> bool:
        """Whether a look in each of these seconds finds the marker missing."""
        for _ in range(seconds):
            self.now_s += 1
            if self.look(end, in_hand):
                return True
        return False


def test_nothing_is_due_before_the_subscriptions() -> None:
    markers = Markers()
    markers.connecting("a")
    assert markers.due_s == float("inf")
    markers.subscribed(7)
    assert markers.due_s == 7


def test_deliveries_are_late_until_the_first_marker_is_back() -> None:
    bench, seen = Bench(), []
    payload = bench.publish()
    seen.append(bench.markers.late)
    bench.markers.returned(payload, 0)
    seen.append(bench.markers.late)
    bench.connect("b")
    seen.append(bench.markers.late)
    assert seen == [True, False, True]


def test_markers_of_others_and_of_former_connections_mean_nothing() -> None:
    bench = Bench()
    old = bench.publish()
    bench.connect("b")
    bench.publish()
    for payload in (old, b"", b"b 2", b"b", b"\xff"):
        bench.markers.returned(payload, 0)
    assert bench.markers.late
    assert not bench.markers.reached(9)
    assert bench.markers.drained_ms == 0


def test_drained_is_the_publication_of_the_newest_marker_before_which_all_is_committed() -> None:
    bench = Bench()
    first = bench.publish()
    bench.now_s += 2
    second = bench.publish()
    bench.markers.returned(first, 10)
    bench.markers.returned(second, 20)
    bench.markers.reached(10)
    assert bench.markers.drained_ms == 0
    bench.markers.reached(11)
    assert bench.markers.drained_ms == 1_000_000
    bench.markers.reached(21)
    assert bench.markers.drained_ms == 1_002_000


def test_drained_never_goes_back() -> None:
    bench = Bench(drained_ms=5_000_000)
    bench.markers.returned(bench.publish(), 0)
    bench.markers.reached(1)
    assert bench.markers.drained_ms == 5_000_000


def test_a_marker_that_the_broker_drops_is_passed_over() -> None:
    bench = Bench()
    bench.publish()
    bench.markers.returned(bench.publish(), 3)
    bench.markers.reached(4)
    assert bench.markers.drained_ms == 1_000_000


def test_regular_markers() -> None:
    bench = Bench()
    bench.markers.returned(bench.publish(), 0)
    assert bench.markers.due_s == bench.now_s + INTERVAL_S


@settings(max_examples=20)
@given(st.integers(60, 86_400))
def test_a_long_lag_costs_few_markers(lag_s: int) -> None:
    bench, count = Bench(), 0
    while bench.now_s < 1000 + lag_s:
        bench.publish()
        count += 1
        bench.now_s = bench.markers.due_s
    assert count < 150


def test_a_status_brings_a_marker_soon_and_several_share_it() -> None:
    bench = Bench()
    bench.markers.returned(bench.publish(), 0)
    bench.now_s += 1
    assert bench.markers.status_came(bench.now_s)
    assert bench.markers.due_s == bench.now_s + SOON_S
    assert not bench.markers.status_came(bench.now_s + 0.05)
    bench.now_s += SOON_S
    payload = bench.publish()
    bench.markers.returned(payload, 5)
    assert not bench.markers.reached(5)
    assert bench.markers.reached(6), "somebody waits for this one"


def test_statuses_one_after_the_other_bring_two_markers_a_second_at_most() -> None:
    bench, published = Bench(), 0
    bench.markers.returned(bench.publish(), 0)
    for _ in range(1_000):
        bench.now_s += 0.01
        bench.markers.status_came(bench.now_s)
        if bench.markers.due_s <= bench.now_s:
            bench.markers.returned(bench.publish(), 0)
            published += 1
    assert 15 <= published <= 21


def test_late_statuses_and_a_broker_that_is_behind_bring_no_more_markers() -> None:
    bench = Bench()
    payload = bench.publish()
    assert not bench.markers.status_came(bench.now_s)
    bench.markers.returned(payload, 0)
    for _ in range(8):
        bench.publish()
    due_s = bench.markers.due_s
    assert not bench.markers.status_came(bench.now_s)
    assert bench.markers.due_s == due_s


def test_where_markers_never_came_back_late_ends_after_five_seconds() -> None:
    bench = Bench()
    bench.publish()
    bench.markers.accepted(bench.now_s)
    assert not bench.look_for(4, end=7, in_hand=7)
    assert bench.look_for(2, end=9, in_hand=7)
    assert not bench.markers.late
    assert not bench.look_for(9), "said once"


def test_where_they_did_a_backlog_is_waited_for() -> None:
    bench = Bench(drained_ms=1)
    bench.publish()
    bench.markers.accepted(bench.now_s)
    for end in range(100):
        assert not bench.look_for(1, end=end), "something is delivered"
    assert not bench.look_for(100, end=100, in_hand=3), "the workers hold it up"
    assert not bench.look_for(4, end=100)
    assert bench.look_for(2, end=100)


def test_a_broker_that_does_not_answer_is_waited_for() -> None:
    bench = Bench()
    bench.publish()
    assert not bench.look_for(100)


def test_where_they_are_refused_late_ends_five_seconds_after_subscribing() -> None:
    bench = Bench(drained_ms=1)
    bench.publish()
    bench.markers.refused()
    assert bench.markers.due_s == float("inf")
    assert not bench.look_for(4, end=3, in_hand=1)
    assert bench.markers.drained_ms == 1
    assert bench.look_for(2, end=3, in_hand=1)
    assert bench.markers.drained_ms == 0, "not known any more"
