"""What is retained comes again once a minute at most, and whoever asks in between is not forgotten."""

from mqtt_gateway.rules.refetches import APART_S, MOST, Refetches


def test_the_first_is_due_at_once_and_the_next_a_minute_later() -> None:
    refetches = Refetches()
    assert refetches.next_s() == float("inf")
    refetches.ask(["a/#"])
    assert refetches.due(100.0, 10) == ["a/#"]
    refetches.done(["a/#"], 100.0)
    assert refetches.due(100.0, 10) == []
    refetches.ask(["a/#"])
    refetches.ask(["a/#", "b"])
    assert refetches.due(100.0 + APART_S - 1, 10) == ["b"]
    assert refetches.next_s() < 100.0
    refetches.done(["b"], 101.0)
    assert refetches.next_s() == 100.0 + APART_S
    assert refetches.due(100.0 + APART_S, 10) == ["a/#"]


def test_what_comes_for_another_reason_counts_as_done() -> None:
    refetches = Refetches()
    refetches.ask(["a/#"])
    refetches.done(["a/#"], 5.0)
    assert refetches.due(5.0, 10) == []
    refetches.ask(["a/#"])
    assert refetches.due(6.0, 10) == []


def test_it_is_bounded() -> None:
    refetches = Refetches()
    assert refetches.ask(f"t/{number}" for number in range(MOST + 5)) == 5
    due = refetches.due(0.0, 100)
    assert len(due) == 100
    refetches.done((f"u/{number}" for number in range(MOST + 5)), 1.0)
    refetches.forget(f"t/{number}" for number in range(MOST))
    assert refetches.next_s() == float("inf")
