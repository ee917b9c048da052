from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.observations import CommandAck
from devices.rules.commands import Progress, Status, acknowledged, advance, begun, expired

FAR_MS = 10**15
ACKS = ("accepted", "done", "rejected", "failed")
steps = st.lists(st.sampled_from(["sent", "expired", "cancelled", *(f"ack:{ack}" for ack in ACKS)]), max_size=8)


def run(*whats: str) -> list[str]:
    progress = begun(0)
    for at, what in enumerate(whats, 1):
        if what.startswith("ack:"):
            progress = acknowledged(progress, CommandAck("c", what[4:]), at, FAR_MS)  # type: ignore[arg-type]
        else:
            progress = advance(progress, what, at)  # type: ignore[arg-type]
    assert progress.status == progress.timeline[-1]["status"]
    return [step["status"] + ("!" if step.get("late") else "") for step in progress.timeline]


@pytest.mark.parametrize(
    ("whats", "timeline"),
    [
        (["sent", "ack:accepted", "ack:done"], ["accepted", "sent", "delivered", "done"]),
        (["sent", "ack:done"], ["accepted", "sent", "delivered", "done"]),
        (["ack:done", "sent"], ["accepted", "sent", "delivered", "done"]),
        (["sent", "sent", "ack:rejected", "ack:done"], ["accepted", "sent", "delivered", "rejected"]),
        (["sent", "expired", "sent"], ["accepted", "sent", "expired"]),
        (["sent", "expired", "ack:done"], ["accepted", "sent", "expired", "delivered!", "done!"]),
        (["cancelled", "ack:failed"], ["accepted", "cancelled", "sent!", "delivered!", "failed!"]),
        (["sent", "ack:accepted", "expired"], ["accepted", "sent", "delivered"]),
    ],
)
def test_ways_of_a_command(whats: list[str], timeline: list[str]) -> None:
    assert run(*whats) == timeline


@given(steps)
def test_delivered_and_later_only_ever_come_from_the_device(whats: list[str]) -> None:
    timeline = [step.rstrip("!") for step in run(*whats)]
    first_ack = next((index for index, what in enumerate(whats) if what.startswith("ack:")), None)
    if first_ack is None:
        assert not set(timeline) & {"delivered", "done", "rejected", "failed"}


@given(steps)
def test_no_status_is_entered_twice_and_final_ones_end_it(whats: list[str]) -> None:
    timeline = [step.rstrip("!") for step in run(*whats)]
    assert len(timeline) == len(set(timeline))
    assert set(timeline) <= set(get_args(Status))
    assert not any(step in ("done", "rejected", "failed") for step in timeline[:-1])


def test_results_and_reasons_are_kept_with_the_step() -> None:
    progress = acknowledged(begun(0), CommandAck("c", "failed", {"code": 7}, "jammed"), 5, FAR_MS)
    assert progress.timeline[-1] == {"status": "failed", "at_ms": 5, "result": {"code": 7}, "reason": "jammed"}


# ---- in time, or late


def told(progress: Progress) -> list[tuple[str, int, bool]]:
    return [(step["status"], step["at_ms"], step.get("late", False)) for step in progress.timeline]


def test_case_d5_an_answer_is_judged_by_when_it_was_received() -> None:
    sent = advance(begun(0), "sent", 1)
    assert told(acknowledged(sent, CommandAck("c", "done"), 3000, 3000))[-1] == ("done", 3000, False)
    over = expired(sent, 3000)
    assert told(acknowledged(over, CommandAck("c", "done"), 2999, 3000))[-2:] == [
        ("delivered", 2999, False),
        ("done", 2999, False),
    ]
    late = [("expired", 3000, False), ("delivered", 3001, True), ("done", 3001, True)]
    assert told(acknowledged(over, CommandAck("c", "done"), 3001, 3000))[2:] == late
    assert told(acknowledged(sent, CommandAck("c", "done"), 3001, 3000))[2:] == late, "nobody had noticed yet"


def test_case_d5_what_the_broker_kept_came_in_time_as_long_as_the_command_waits() -> None:
    sent = advance(begun(0), "sent", 1)
    kept = acknowledged(sent, CommandAck("c", "done"), 9000, 3000, replayed=True)
    assert told(kept)[2:] == [("delivered", 9000, False), ("done", 9000, False)]
    assert told(acknowledged(expired(sent, 3000), CommandAck("c", "done"), 9000, 3000, replayed=True))[-1][2]


def test_case_d5_an_answer_from_before_it_was_taken_back_is_not_late() -> None:
    cancelled = advance(begun(0), "cancelled", 2000)
    assert told(acknowledged(cancelled, CommandAck("c", "done"), 1999, 3000))[-1] == ("done", 1999, False)


def test_case_d6_every_step_after_expiry_is_late() -> None:
    progress = expired(advance(begun(0), "sent", 1), 3000)
    for at_ms, status in ((4000, "accepted"), (5000, "done")):
        progress = acknowledged(progress, CommandAck("c", status), at_ms, 3000)  # type: ignore[arg-type]
    assert told(progress)[2:] == [("expired", 3000, False), ("delivered", 4000, True), ("done", 5000, True)]


def test_what_was_delivered_in_time_does_not_expire() -> None:
    delivered = acknowledged(begun(0), CommandAck("c", "accepted"), 2000, 3000)
    assert told(acknowledged(delivered, CommandAck("c", "done"), 9000, 3000))[-1] == ("done", 9000, False)


def test_a_command_does_not_expire_before_what_has_happened_to_it() -> None:
    assert told(expired(advance(begun(0), "sent", 3005), 3000))[-1] == ("expired", 3005, False)
