"""What becomes of conditions: by examples, and for anything that may happen."""

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from devices.rules.alerts.observations import (
    Happened,
    Kept,
    Observation,
    Passed,
    PresenceBecame,
    Resumed,
    State,
    Values,
)
from devices.rules.alerts.rule import TimedRule, rule_of
from devices.rules.alerts.steps import Cleared, Counted, Raised, Step, due, replay, step
from devices.rules.alerts.trial import Trial, decoder

HOT = {"metric": "t", "above": 30, "clear_below": 28}


def rule(condition: dict[str, Any], **more: Any) -> TimedRule:
    return rule_of({"name": "x", "condition": condition, **more}, lambda _: UTC)


def run(timed: TimedRule, seen: Iterable[Observation]) -> list[Step]:
    state, out = State(), list[Step]()
    for one in seen:
        state, steps = step(timed, state, one)
        out += steps
    return out


def told(steps: Iterable[Step]) -> list[tuple[str, int]]:
    return [(type(one).__name__[0], one.at // 1000) for one in steps]


def t(at_s: int, value: object) -> Values:
    return Values(1000 * at_s, {"t": value})  # type: ignore[dict-item]


def passed(at_s: int) -> Passed:
    return Passed(1000 * at_s)


def became(at_s: int, status: Any, since_s: int | None = None, *, link_down: bool = False) -> PresenceBecame:
    return PresenceBecame(1000 * at_s, status, 1000 * (at_s if since_s is None else since_s), link_down)


@pytest.mark.parametrize(
    ("condition", "more", "seen", "steps"),
    [
        (HOT, {}, [t(1, 30), t(2, 31), t(3, 29), t(4, 28), t(5, 27.9)], [("R", 2), ("C", 5)]),
        (HOT, {}, [t(1, 31), t(2, None), t(3, "x"), t(4, True), t(5, 5)], [("R", 1), ("C", 5)]),
        (HOT, {"for_s": 10}, [t(1, 31), t(5, 31), t(12, 31)], [("R", 11)]),
        (HOT, {"for_s": 10}, [t(1, 31), t(5, 20), t(6, 31), passed(15)], []),
        (HOT, {"for_s": 10}, [t(1, 31), t(5, 20), t(6, 31), passed(16)], [("R", 16)]),
        (
            HOT, {"keep_firing_s": 10},
            [t(1, 31), t(5, 20), t(6, 31), t(7, 1), passed(16), passed(17)], [("R", 1), ("C", 17)],
        ),
        (HOT, {}, [t(5, 31), t(3, 20), t(6, 31)], [("R", 5)]),  # late data clear nothing
        (HOT, {}, [t(5, 1), t(3, 99), t(6, 2)], []),  # and raise nothing
        ({"metric": "t", "below": 5, "clear_above": 7}, {}, [t(1, 4), t(2, 6), t(3, 8)], [("R", 1), ("C", 3)]),
        ({"metric": "t", "below": 5}, {}, [t(1, 4), t(2, 5)], [("R", 1), ("C", 2)]),
        ({"metric": "t", "rate_above": 1}, {}, [t(1, 0), t(3, 3), t(4, 4), t(4, 9)], [("R", 3), ("C", 4)]),
        ({"metric": "t", "rate_above": 1}, {}, [t(1, 0), t(2, "x"), t(3, 99)], []),
        ({"no_data_s": 10}, {}, [passed(99)], []),  # of what never came nothing is missed
        ({"no_data_s": 10}, {}, [t(1, 0), passed(10), t(20, 0), passed(29), passed(31)], [("R", 30)]),
        ({"no_data_s": 10}, {}, [t(1, 0), passed(12), t(13, 0)], [("R", 11), ("C", 13)]),
        ({"no_data_s": 10}, {}, [t(1, 0), Resumed(20_000), passed(29), passed(31)], [("R", 30)]),
        (
            {"no_data_s": 10}, {},
            [t(1, 0), became(5, "unknown", link_down=True), passed(9), became(100, "online"), *map(passed, (109, 110))],
            [("R", 110)],
        ),
        ({"presence": "offline"}, {}, [became(5, "offline", 4), became(9, "online")], [("R", 4), ("C", 9)]),
        ({"presence": ["offline", "stale"]}, {"for_s": 5}, [became(5, "stale"), passed(9), passed(10)], [("R", 10)]),
        (
            {"presence": "offline"}, {"for_s": 5},  # nothing is known from 7 to 100
            [became(5, "offline"), became(7, "unknown"), passed(90), became(100, "offline", 5)], [("R", 100)],
        ),
        (
            {"presence": "offline"}, {},
            [became(5, "offline"), became(7, "unknown"), became(8, "offline", 5)], [("R", 5)],
        ),
        (
            HOT, {"for_s": 10},
            [t(1, 31), became(5, "stale"), passed(99), t(100, 31), became(100, "online")], [("R", 100)],
        ),
        (HOT, {"for_s": 10}, [t(1, 31), became(5, "stale"), passed(99), t(100, 3), became(100, "online")], []),
        (HOT, {"keep_firing_s": 5}, [t(1, 31), t(2, 1), became(3, "offline"), passed(99)], [("R", 1)]),
        (
            {"event": "a", "clear_event": "b"}, {},
            [Happened(1000, "a"), Happened(2000, "c"), Happened(3000, "b")], [("R", 1), ("C", 3)],
        ),
        (
            {"event": "a"}, {"keep_firing_s": 9},
            [Happened(1000, "a"), Happened(5000, "a"), passed(13), passed(14)], [("R", 1), ("C", 14)],
        ),
        ({"event": "a"}, {}, [Happened(1000, "a"), passed(300), passed(301)], [("R", 1), ("C", 301)]),
    ],
)  # fmt: skip
def test_examples(
    condition: dict[str, Any], more: dict[str, Any], seen: Sequence[Observation], steps: list[tuple[str, int]]
) -> None:
    assert told(run(rule(condition, **more), seen)) == steps


def test_a_device_that_flaps_makes_one_with_a_count() -> None:
    seen: list[Observation] = [one for number in range(8) for one in (t(10 * number, 31), t(10 * number + 5, 1))]
    off = run(rule(HOT, flap=None), seen)
    assert told(off) == [step for n in range(8) for step in (("R", 10 * n), ("C", 10 * n + 5))]
    steps = run(rule(HOT), [*seen, passed(669), passed(670), t(680, 31)])
    assert told(steps)[:10] == told(off)[:10], "five raises are five alerts"
    assert told(steps)[10:] == [("R", 50), ("C", 60), ("C", 70), ("C", 670), ("R", 680)]
    assert [one.count for one in steps if isinstance(one, Counted)] == [2, 3]
    assert run(rule(HOT, flap={"count": 5, "within_s": 40}), seen) == off, "that is slow enough"


def test_a_schedule_holds_back_what_rises_and_not_what_clears() -> None:
    timed = rule(HOT, schedule={"from": "01:00", "until": "02:00"})
    night: list[Observation] = [t(10, 31), passed(3_599), passed(3_600), t(7_300, 5), t(7_400, 31)]
    assert told(run(timed, night)) == [("R", 3_600), ("C", 7_300)]


# ---- whatever may happen

_AT = st.integers(0, 120)
_SEEN = st.one_of(
    st.builds(t, _AT, st.one_of(st.integers(20, 40), st.none(), st.just("x"))),
    st.builds(passed, _AT),
    st.builds(became, _AT, st.sampled_from(["online", "offline", "stale", "unknown"])),
    st.builds(lambda at, name: Happened(1000 * at, name), _AT, st.sampled_from(["a", "b"])),
)
_STREAM = st.lists(_SEEN, max_size=40).map(lambda found: sorted(found, key=lambda one: one.at))
_RULES = st.builds(
    lambda condition, for_s, keep_s, flap: rule(
        condition, for_s=0 if "event" in condition else for_s, keep_firing_s=keep_s, flap=flap
    ),
    st.sampled_from([
        HOT, {"metric": "t", "below": 25}, {"metric": "t", "rate_above": 1}, {"no_data_s": 7},
        {"no_data_s": 7, "metric": "t"},
        {"presence": "offline"}, {"presence": ["offline", "stale"]}, {"event": "a"}, {"event": "a", "clear_event": "b"},
        {"expression": "t > 30 or t < 22"},
    ]),
    st.sampled_from([0, 5, 20]),
    st.sampled_from([0, 5]),
    st.sampled_from([None, {"count": 2, "within_s": 30}]),
)  # fmt: skip


@settings(max_examples=300)
@given(_RULES, _STREAM)
def test_alerts_rise_and_clear_in_turns_and_time_goes_on(timed: TimedRule, stream: list[Observation]) -> None:
    fires, last, count = False, 0, 0
    for one in run(timed, stream):
        assert one.at >= last
        last = one.at
        match one:
            case Raised():
                assert not fires
                fires, count = True, 1
            case Counted():
                assert fires
                assert one.count == count + 1
                count = one.count
            case Cleared():
                assert fires
                fires = False


@settings(max_examples=300)
@given(_RULES, _STREAM, st.data())
def test_late_data_change_nothing(timed: TimedRule, stream: list[Observation], data: st.DataObject) -> None:
    if timed.rule.condition.kind == "rate":
        return  # from the value before: that is another one then
    state, news = State(), list[Step]()
    for one in stream:
        late = data.draw(st.none() | st.integers(0, 10))
        heard = [at for _, at in state.latest.values()] + ([state.heard] if state.heard else [])
        if late is not None and heard:
            state, steps = step(timed, state, Values(min(heard) - 1 - late, {"t": 99}))
            assert steps == ()
        state, steps = step(timed, state, one)
        news += steps
    assert news == run(timed, stream)


@settings(max_examples=200)
@given(_RULES, _STREAM, st.data())
def test_what_is_kept_is_all_that_a_restart_needs(
    timed: TimedRule, stream: list[Observation], data: st.DataObject
) -> None:
    """All but ``kept`` is told from the twin again; ``kept`` is stored as JSON."""
    state, out = State(), list[Step]()
    for one in stream:
        if data.draw(st.booleans()):
            kept = json.decode(json.encode(state.kept), type=Kept)
            state = State(kept, state.latest, state.heard, state.resumed, state.status, state.dark)
        state, steps = step(timed, state, one)
        out += steps
    assert out == run(timed, stream)


@settings(max_examples=300)
@given(_RULES, _STREAM)
def test_a_backtest_says_what_live_would_have(timed: TimedRule, stream: list[Observation]) -> None:
    stream.append(passed(200))
    expected = list(replay(timed, State(), stream))
    trial, read = Trial(timed), decoder(timed.rule.condition)
    for one in stream:
        if isinstance(one, Values):
            trial.readings(read(json.encode([[one.at, {"a": 1, **one.metrics}]])))
        else:
            trial.take(one)
    alerts = list[tuple[int, int | None, int]]()
    for made in expected:
        match made:
            case Raised():
                alerts.append((made.at, None, 1))
            case Counted():
                alerts[-1] = (*alerts[-1][:2], made.count)
            case Cleared():
                alerts[-1] = (alerts[-1][0], made.at, alerts[-1][2])
    assert [(one.raised, one.cleared, one.count) for one in trial.raises] == alerts


@settings(max_examples=200)
@given(_RULES, _STREAM)
def test_looking_when_it_is_due_is_as_good_as_looking_always(timed: TimedRule, stream: list[Observation]) -> None:
    """The worker looks when a watch is due; so does nothing happen that a look at each second would have shown."""
    often, seldom = list[Observation](), list[Observation]()
    state = State()
    for index, one in enumerate(stream):
        often.append(one)
        seldom.append(one)
        state, _ = step(timed, state, one)
        until = stream[index + 1].at if index + 1 < len(stream) else one.at + 100_000
        for at in range(one.at, until, 1_000):
            often.append(Passed(at))
        while (when := due(timed, state)) is not None and when < until and (state.dark is None or when <= state.dark):
            seldom.append(Passed(when))
            state, _ = step(timed, state, Passed(when))
    assert run(timed, often) == run(timed, seldom)
