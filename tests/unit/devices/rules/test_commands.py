from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.observations import CommandAck
from devices.rules.commands import Status, acknowledged, advance, begun

ACKS = ("accepted", "done", "rejected", "failed")
steps = st.lists(st.sampled_from(["sent", "expired", "cancelled", *(f"ack:{ack}" for ack in ACKS)]), max_size=8)


def run(*whats: str) -> list[str]:
    progress = begun(0)
    for at, what in enumerate(whats, 1):
        if what.startswith("ack:"):
            progress = acknowledged(progress, CommandAck("c", what[4:]), at)  # type: ignore[arg-type]
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
    progress = acknowledged(begun(0), CommandAck("c", "failed", {"code": 7}, "jammed"), 5)
    assert progress.timeline[-1] == {"status": "failed", "at_ms": 5, "result": {"code": 7}, "reason": "jammed"}
