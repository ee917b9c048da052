from typing import Any

import msgspec
import pytest

from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind
from devices.rules.clocks import AHEAD_MS, CLOCK_TOLERANCE_MS
from devices.rules.reducer import Arrival, Limits, Outcome, reduce
from devices.rules.requested import remove_metric
from devices.rules.twin import TwinState, Unconfirmed

NOW = 1_700_000_000_000


def send(twin: TwinState, kind: Kind, payload: Any, *, at: int = NOW, retain: bool = False, most: int = 200) -> Outcome:
    encoded = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return reduce(twin, decode(kind, "name", encoded), Arrival(at, retain), Limits(max_metrics=most))


def value(twin: TwinState, name: str) -> Any:
    return twin.metrics[name].value


def test_n_readings_of_one_payload_take_n_revs() -> None:
    twin = TwinState()
    outcome = send(twin, "telemetry", [{"t": 1}, {"t": 2}, {"t": 3}])
    assert [reading.rev for reading in outcome.readings] == [1, 2, 3]
    assert value(twin, "t") == 3
    assert twin.rev == 4  # the device was also seen for the first time


def test_an_empty_object_changes_nothing() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 1})
    before = twin.rev
    assert send(twin, "telemetry", {}).outcome == "applied"
    assert send(twin, "state", {}).outcome == "applied"
    assert twin.rev == before


def test_an_older_ts_goes_to_history_only() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 1, "ts": NOW})
    outcome = send(twin, "telemetry", {"t": 2, "ts": NOW - 1})
    assert len(outcome.readings) == 1
    assert value(twin, "t") == 1


def test_an_equal_ts_lets_the_later_rev_win() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 1, "ts": NOW})
    send(twin, "telemetry", {"t": 2, "ts": NOW})
    assert value(twin, "t") == 2


def test_without_ts_the_later_of_reception_and_the_metrics_last_counts() -> None:
    twin = TwinState()
    ahead = NOW + 7
    send(twin, "telemetry", {"t": 1}, at=ahead)
    outcome = send(twin, "telemetry", {"t": 2})
    assert outcome.readings[0].ts == ahead
    assert value(twin, "t") == 2


def test_a_time_far_ahead_is_clamped_and_flagged() -> None:
    twin = TwinState()
    (reading,) = send(twin, "telemetry", {"t": 1, "ts": NOW + CLOCK_TOLERANCE_MS + 1}).readings
    assert (reading.ts, reading.clamped) == (NOW, True)


def test_retained_telemetry_fills_only_what_was_never_set_live_and_makes_no_reading() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"live": 1})
    outcome = send(twin, "telemetry", {"live": 2, "old": 3}, at=NOW + 5, retain=True)
    assert outcome.readings == []
    assert (value(twin, "live"), value(twin, "old")) == (1, 3)
    before = twin.rev
    send(twin, "telemetry", {"live": 2, "old": 3}, at=NOW + 9, retain=True)
    assert twin.rev == before


def test_retained_messages_say_nothing_about_presence_once_the_device_spoke() -> None:
    twin = TwinState()
    send(twin, "status", b"online", retain=True)
    assert (twin.presence.status, twin.presence.why) == ("unknown", "retained")
    send(twin, "telemetry", {"t": 1}, at=NOW + 5)
    assert (twin.presence.status, twin.presence.why, twin.presence.since) == ("online", "message", NOW + 5)
    send(twin, "status", b"offline", retain=True)
    assert twin.presence.status == "online"


def test_case_b5_known_metrics_go_on_and_new_ones_beyond_the_limit_are_left_out_and_noted() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"a": 1, "b": 1}, most=3)
    outcome = send(twin, "telemetry", [{"a": 2, "c": 1, "d": 1}, {"d": 2}, {"b": 3, "d": 3}], most=3)
    assert (outcome.outcome, len(outcome.readings)) == ("applied", 2)
    assert {name: metric.value for name, metric in twin.metrics.items()} == {"a": 2, "b": 3, "c": 1}
    [note] = twin.notes
    assert (note.reason, note.metric, note.count, note.sample) == ("too_many_metrics", "d", 3, "3")


def test_case_b9_a_payload_whose_times_are_all_ahead_is_shifted_back_and_blocks_nothing() -> None:
    twin = TwinState()
    first, last = send(twin, "telemetry", [{"a": 1, "ts": NOW + 199_000}, {"a": 2, "ts": NOW + 200_000}]).readings
    assert [(first.ts, first.clamped), (last.ts, last.clamped)] == [(NOW - 1_000, False), (NOW, False)]
    [later] = send(twin, "telemetry", {"a": 3, "b": 2}, at=NOW + 1).readings
    assert (later.ts, value(twin, "a"), twin.metrics["b"].ts, twin.notes) == (NOW + 1, 3, NOW + 1, [])


def test_case_b9_of_a_payload_that_is_partly_ahead_only_that_part_stands_at_reception() -> None:
    twin = TwinState()
    sent = [{"a": 1, "ts": NOW - 5}, {"a": 2, "ts": NOW + 60_000}, {"a": 3}, {"a": 4, "ts": NOW + 90_000}]
    assert [reading.ts for reading in send(twin, "telemetry", sent).readings] == [NOW - 5, NOW, NOW, NOW]


def test_case_b9_times_that_cannot_be_shifted_together_stand_at_reception() -> None:
    twin = TwinState()
    sent = [{"a": 1, "ts": NOW + 1}, {"a": 2, "ts": 253_402_300_799_999}]
    assert [reading.ts for reading in send(twin, "telemetry", sent).readings] == [NOW, NOW]


def test_case_b9_more_than_5_minutes_ahead_is_noted() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 1, "ts": NOW + CLOCK_TOLERANCE_MS})
    assert twin.notes == []
    send(twin, "telemetry", {"t": 1, "ts": NOW + CLOCK_TOLERANCE_MS + 1})
    assert [(note.reason, note.metric, note.at_ms) for note in twin.notes] == [("clock_ahead", "ts", NOW)]


def test_notes_are_kept_the_latest_20_kinds_each_with_its_count_and_last_sample() -> None:
    twin = TwinState()
    for number in range(30):
        send(twin, "telemetry", b'{"first": NaN, "m%d": -inf}' % number, at=NOW + number)
    assert len(twin.notes) == 20
    kept = {note.metric: (note.count, note.sample, note.at_ms) for note in twin.notes}
    assert (kept["first"], kept["m29"], "m0" in kept) == ((30, "nan", NOW + 29), (1, "-inf", NOW + 29), False)


@pytest.mark.parametrize("kind", ["state", "event", "telemetry"])
def test_case_b1_a_message_with_a_bad_value_is_applied_and_noted(kind: Kind) -> None:
    twin = TwinState()
    assert send(twin, kind, b'{"a": 1, "b": NaN}').outcome == "applied"
    assert [(note.reason, note.metric) for note in twin.notes] == [("not_finite", "b")]


def test_case_b4_good_elements_are_applied_and_the_bad_ones_quarantined() -> None:
    twin = TwinState()
    outcome = send(twin, "telemetry", b'[{"v":1},{"v":2,"ts":5},{"v":3}]')
    assert (outcome.outcome, outcome.reason, outcome.bad) == ("quarantined", "ts_before_2000", b'[{"v":2,"ts":5}]')
    assert [msgspec.json.decode(reading.metrics) for reading in outcome.readings] == [{"v": 1}, {"v": 3}]
    assert value(twin, "v") == 3


def test_case_a1_a_status_that_is_not_understood_improves_nothing() -> None:
    twin = TwinState()
    send(twin, "status", b"offline")
    dying, presence = twin.unconfirmed, twin.presence
    assert send(twin, "status", b"asleep", at=NOW + 1).outcome == "quarantined"
    assert dying is not None
    assert (twin.unconfirmed, twin.presence, twin.last_seen_ms) == (dying, presence, NOW)


@pytest.mark.parametrize("kind", ["status", "state", "telemetry", "event"])
def test_case_a2_clearing_a_retained_message_is_no_proof_of_life(kind: Kind) -> None:
    twin = TwinState()
    assert send(twin, kind, b"").outcome == "applied"
    assert (twin.presence.status, twin.last_seen_ms, twin.rev) == ("unknown", 0, 0)


@pytest.mark.parametrize("status", [b"online", b"offline"])
def test_case_a3_a_retained_status_alone_says_nothing_about_now(status: bytes) -> None:
    twin = TwinState()
    send(twin, "status", status, retain=True)
    assert (twin.presence.status, twin.presence.why) == ("unknown", "retained")


def test_case_c1_an_equal_value_takes_no_rev() -> None:
    twin = TwinState()
    send(twin, "state", b'{"target":21.0,"on":true,"l":[100]}')
    before = twin.rev
    send(twin, "state", b'{"target":21,"l":[1e2]}')
    assert twin.rev == before
    send(twin, "state", b'{"on":1}')
    assert twin.rev == before + 1


def test_case_h2_the_size_of_the_result_counts() -> None:
    twin = TwinState()
    for text in "xy":
        assert send(twin, "state", {"a": text * 140_000}).outcome == "applied"
    assert send(twin, "state", {"a": None, "b": "z" * 140_000}).outcome == "applied"
    assert send(twin, "state", {"c": "z" * 140_000}).reason == "state_too_large"
    assert set(twin.reported.value) == {"b"}


def test_the_latest_values_together_are_bounded() -> None:
    twin = TwinState()
    for name in "abcd":
        assert send(twin, "telemetry", {name: "x" * 60_000}).outcome == "applied"
    outcome = send(twin, "telemetry", {"e": "x" * 60_000})
    assert (outcome.outcome, outcome.reason) == ("rejected", "metrics_too_large")
    assert send(twin, "telemetry", {"a": 1, "e": "x" * 60_000}).outcome == "applied"


def test_a_state_document_is_bounded() -> None:
    twin = TwinState()
    for name in "abcd":
        send(twin, "state", {name: "x" * 60_000})
    outcome = send(twin, "state", {"e": "x" * 60_000})
    assert (outcome.outcome, outcome.reason) == ("rejected", "state_too_large")
    assert twin.reported.value.keys() == set("abcd")


def test_how_a_message_came_decides_what_it_says_about_presence() -> None:
    twin, seen = TwinState(), []
    for kind, payload, arrival in (
        ("status", b"online", Arrival(NOW, retain=True)),
        ("status", b"online", Arrival(NOW)),
        ("status", b"offline", Arrival(NOW, late=True)),
        ("telemetry", b"{}", Arrival(NOW, late=True)),
        ("telemetry", b"{}", Arrival(NOW)),
        ("status", b"offline", Arrival(NOW + 1, gateway="g")),
    ):
        reduce(twin, decode(kind, "", payload), arrival, Limits())  # type: ignore[arg-type]
        seen.append(twin.presence.why)
    assert seen == ["retained", "birth", "outage", "replayed", "message", "message"]
    assert twin.unconfirmed == Unconfirmed(NOW + 1, "g")


def test_wrong_content_is_quarantined_but_the_device_is_there() -> None:
    twin = TwinState()
    outcome = send(twin, "telemetry", b"{")
    assert (outcome.outcome, outcome.reason) == ("quarantined", "bad_json")
    assert twin.presence.status == "online"
    assert twin.metrics == {}


@pytest.mark.parametrize("kind", ["event", "ack"])
def test_retained_events_and_acks_are_no_news(kind: Kind) -> None:
    twin = TwinState()
    outcome = send(twin, kind, {"status": "done"}, retain=True)
    assert (outcome.outcome, outcome.events, outcome.ack, twin.rev) == ("applied", [], None, 0)


# ---- replayed from quarantine


def replay(twin: TwinState, kind: Kind, payload: Any, *, at: int, retain: bool = False) -> Outcome:
    decoded = decode(kind, "name", payload if isinstance(payload, bytes) else msgspec.json.encode(payload))
    return reduce(twin, decoded, Arrival(at, retain, late=True, replayed=True), Limits())


def test_a_replay_never_moves_presence_or_when_the_device_was_seen() -> None:
    for kind, payload in (("telemetry", {"t": 1}), ("status", b"online"), ("state", {"a": 1}), ("event", 1)):
        twin = TwinState()
        assert replay(twin, kind, payload, at=NOW).outcome == "applied"  # type: ignore[arg-type]
        assert (twin.presence.status, twin.last_seen_ms) == ("unknown", 0)


def test_a_replayed_reading_without_a_time_is_from_when_it_came() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 2}, at=NOW)
    [old] = replay(twin, "telemetry", {"t": 1, "h": 1}, at=NOW - 5).readings
    assert (old.ts, old.received_ms) == (NOW - 5, NOW - 5)
    assert (value(twin, "t"), value(twin, "h")) == (2, 1)


def test_a_replayed_reading_keeps_its_own_time_and_is_clamped_as_it_would_have_been() -> None:
    twin = TwinState()
    own, far = replay(twin, "telemetry", [{"t": 1, "ts": NOW - 9}, {"t": 2, "ts": NOW * 2}], at=NOW).readings
    assert (own.ts, own.clamped) == (NOW - 9, False)
    assert (far.ts, far.clamped) == (NOW, True)


def test_a_replayed_retained_message_still_only_fills() -> None:
    twin = TwinState()
    send(twin, "state", {"a": 1})
    replay(twin, "state", {"a": 2, "b": 2}, at=NOW, retain=True)
    assert twin.reported.value == {"a": 1, "b": 2}


DAY_MS = 86_400_000


def test_case_b5_a_metric_silent_for_longer_than_history_is_kept_gives_way_to_a_new_one() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"old": 1, "older": 1, "ts": NOW - 31 * DAY_MS}, most=3)
    send(twin, "telemetry", {"older": 0, "ts": NOW - 32 * DAY_MS}, most=3)
    send(twin, "telemetry", {"fresh": 1}, most=3)
    outcome = send(twin, "telemetry", {"new": 1}, most=3)
    assert set(twin.metrics) == {"fresh", "new"} | ({"old", "older"} & set(twin.metrics))
    assert len(twin.metrics) == 3
    assert outcome.notes == ()
    outcome = send(twin, "telemetry", {"new2": 1, "new3": 1}, most=3)
    assert set(twin.metrics) == {"fresh", "new", "new2"}
    assert [note.reason for note in outcome.notes] == ["too_many_metrics"]


def test_case_b5_no_metric_gives_way_to_what_is_retained_nor_to_a_clock_that_is_behind() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"a": 1, "ts": NOW - 31 * DAY_MS}, most=1)
    send(twin, "telemetry", {"b": 1}, most=1, retain=True)
    assert set(twin.metrics) == {"a"}
    send(twin, "telemetry", {"b": 1, "ts": NOW - 31 * DAY_MS + 1000}, most=1)
    assert set(twin.metrics) == {"a"}
    send(twin, "telemetry", {"b": 1}, most=1)
    assert set(twin.metrics) == {"b"}


def test_case_b5_what_is_retained_does_not_bring_a_removed_metric_back_but_the_device_does() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"t": 1})
    assert remove_metric(twin, "t") is None
    send(twin, "telemetry", {"t": 1}, retain=True)
    assert twin.metrics == {}
    send(twin, "telemetry", {"t": 2, "ts": NOW - 1000})
    assert value(twin, "t") == 2


def at(now_ms: int) -> Arrival:
    return Arrival(now_ms, latest_ms=now_ms + AHEAD_MS)


@pytest.mark.parametrize("payload", [{"t": 2, "u": 1}, {"t": 2, "u": 1, "ts": NOW - 5}], ids=["without", "with ts"])
def test_case_d1_a_stamp_ahead_of_now_never_blocks_a_later_value(payload: dict[str, Any]) -> None:
    twin = TwinState()
    reduce(twin, decode("telemetry", "", b'{"t":1}'), at(NOW + DAY_MS), Limits())
    before = twin.rev
    outcome = reduce(twin, decode("telemetry", "", msgspec.json.encode(payload)), at(NOW), Limits())
    assert {name: (one.value, one.ts) for name, one in twin.metrics.items()} == {
        "t": (2, payload.get("ts", NOW)),
        "u": (1, payload.get("ts", NOW)),
    }
    assert outcome.readings[0].ts <= NOW
    assert twin.removed["t"] < outcome.readings[0].rev == twin.metrics["t"].rev
    assert (twin.last_seen_ms, twin.presence.since) == (NOW, NOW)
    assert twin.rev == before + 3  # presence, the removal, the reading


def test_case_d1_what_is_a_little_ahead_keeps_its_order() -> None:
    twin = TwinState()
    reduce(twin, decode("telemetry", "", b'{"t":1}'), at(NOW + AHEAD_MS), Limits())
    outcome = reduce(twin, decode("telemetry", "", b'{"t":2}'), at(NOW), Limits())
    assert (value(twin, "t"), outcome.readings[0].ts, twin.removed) == (2, NOW + AHEAD_MS, {})
