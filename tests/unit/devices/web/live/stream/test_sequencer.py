from bridge.messages import Delta, Gone
from devices.web.live.stream.changes import NotFound, Replayed, Snapshot, StreamChange
from devices.web.live.stream.sequencer import Sequencer, judge


def delta(prev: int, rev: int, size: int = 10) -> Delta:
    return Delta("s/d", prev, rev, b"x" * size)


def fresh(rev: int) -> Snapshot:
    return Snapshot("s/d", rev, "new", b"{}")


class Follower:
    """Who follows one device from a rev."""

    def __init__(self, rev: int | None, limit_bytes: int = 1_000) -> None:
        self.rev = rev
        self.got: list[StreamChange] = []
        self.sequencer = Sequencer(lambda _device: self.rev, self.accept, limit_bytes)

    def accept(self, change: StreamChange) -> None:
        self.rev = None if isinstance(change, Gone) else change.rev
        self.got.append(change)

    def asks_since(self) -> list[int | None]:
        return [query.since for query in self.sequencer.queries(9)]


def test_judgements() -> None:
    assert judge(5, delta(5, 7)) == "next"
    assert judge(5, delta(3, 5)) == "past"
    assert judge(5, delta(6, 7)) == "gap"
    assert judge(5, delta(4, 6)) == "gap"  # it can't be cut
    assert judge(None, delta(0, 1)) == "gap"
    assert judge(None, fresh(3)) == "next"
    assert judge(3, fresh(3)) == "past"
    assert judge(2, fresh(3)) == "gap"  # a snapshot would swallow what lies between
    assert judge(2, Gone("s/d")) == "gap"
    assert judge(None, Gone("s/d")) == "past"


def test_a_gap_is_mended_by_the_answer_and_what_was_set_aside() -> None:
    one = Follower(5)
    one.sequencer.take(delta(6, 7))
    one.sequencer.take(delta(7, 9))
    assert (one.got, one.asks_since()) == ([], [5])
    one.sequencer.settle(Replayed("s/d", 7, (delta(5, 7),), complete=True))
    assert [change.rev for change in one.got if isinstance(change, Delta)] == [7, 9]
    assert one.asks_since() == []


def test_a_change_from_where_nobody_stands_asks_the_database() -> None:
    one = Follower(5)
    one.sequencer.take(delta(9, 9, 0))
    assert one.asks_since() == [5]
    one.sequencer.settle(fresh(9))
    assert (one.rev, one.asks_since()) == (9, [])
    one.sequencer.take(delta(9, 9, 0))
    assert one.asks_since() == [], "it is there already"


def test_an_incomplete_answer_is_followed_by_another_question() -> None:
    one = Follower(5)
    one.sequencer.take(delta(8, 9))
    one.sequencer.settle(Replayed("s/d", 6, (delta(5, 6),), complete=False))
    assert one.asks_since() == [6]
    one.sequencer.settle(Replayed("s/d", 9, (delta(6, 9),), complete=True))
    assert one.rev == 9
    assert one.asks_since() == []


def test_a_gap_that_the_answer_does_not_reach_is_asked_about_again() -> None:
    one = Follower(5)
    one.sequencer.take(delta(8, 9))
    one.sequencer.settle(Replayed("s/d", 6, (delta(5, 6),), complete=True))
    assert one.asks_since() == [6]


def test_too_much_set_aside_is_thrown_away_and_asked_about_again() -> None:
    one = Follower(5, limit_bytes=100)
    one.sequencer.take(delta(6, 7, size=60))
    one.sequencer.take(delta(7, 8, size=60))
    assert one.sequencer.aside_bytes == 0
    one.sequencer.settle(Replayed("s/d", 7, (delta(5, 7),), complete=True))
    assert (one.rev, one.asks_since()) == (7, [7])


def test_a_deletion_is_believed_when_the_database_says_so() -> None:
    one = Follower(5)
    one.sequencer.take(Gone("s/d"))
    assert (one.got, one.asks_since()) == ([], [5])
    one.sequencer.settle(NotFound("s/d"))
    assert one.got == [Gone("s/d")]
    assert one.asks_since() == []


def test_a_late_deletion_of_a_former_life_does_nothing() -> None:
    one = Follower(5)
    one.sequencer.take(Gone("s/d"))
    one.sequencer.take(delta(5, 6))
    one.sequencer.settle(Replayed("s/d", 6, (delta(5, 6),), complete=True))
    assert [type(change) for change in one.got] == [Delta]
    assert one.asks_since() == []


def test_a_deletion_while_the_database_is_asked_is_another_question() -> None:
    one = Follower(5)
    one.sequencer.take(delta(6, 7))
    one.sequencer.take(Gone("s/d"))
    one.sequencer.settle(Replayed("s/d", 7, (delta(5, 7),), complete=True))
    assert one.asks_since() == [7]
    one.sequencer.settle(NotFound("s/d"))
    assert one.rev is None


def test_what_came_after_a_deletion_is_asked_about() -> None:
    one = Follower(5)
    one.sequencer.take(Gone("s/d"))
    one.sequencer.take(delta(7, 8))
    one.sequencer.settle(NotFound("s/d"))
    assert one.asks_since() == [None]
    one.sequencer.settle(fresh(8))
    assert one.rev == 8


def test_what_is_held_back_goes_on_without_a_question() -> None:
    one = Follower(5)
    one.sequencer.hold("s/d")
    one.sequencer.take(delta(5, 6))
    assert (one.got, one.asks_since(), one.sequencer.has_queries) == ([], [], False)
    one.sequencer.release("s/d")
    assert one.rev == 6
    assert "s/d" not in one.sequencer


def test_what_is_held_back_too_long_is_asked_about() -> None:
    one = Follower(5, limit_bytes=15)
    one.sequencer.hold("s/d")
    one.sequencer.take(delta(5, 6))
    one.sequencer.take(delta(6, 7))
    one.sequencer.release("s/d")
    assert (one.got, one.asks_since()) == ([], [5])


def test_an_answer_while_held_back_waits() -> None:
    one = Follower(5)
    one.sequencer.take(delta(6, 7))
    one.sequencer.hold("s/d")
    one.sequencer.settle(Replayed("s/d", 7, (delta(5, 7),), complete=True))
    assert one.got == []
    one.sequencer.release("s/d")
    assert one.asks_since() == [5]
