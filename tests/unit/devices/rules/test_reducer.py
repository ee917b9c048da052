from typing import Any

import msgspec
import pytest

from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind
from devices.rules.reducer import CLOCK_TOLERANCE_MS, Arrival, Limits, Outcome, reduce
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
    ahead = NOW + CLOCK_TOLERANCE_MS
    send(twin, "telemetry", {"t": 1, "ts": ahead})
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
    assert (twin.presence.status, twin.presence.why) == ("online", "retained")
    send(twin, "telemetry", {"t": 1}, at=NOW + 5)
    assert (twin.presence.status, twin.presence.why, twin.presence.since) == ("online", "message", NOW)
    send(twin, "status", b"offline", retain=True)
    assert twin.presence.status == "online"


def test_too_many_metrics_are_rejected_whole() -> None:
    twin = TwinState()
    send(twin, "telemetry", {"a": 1, "b": 1}, most=3)
    outcome = send(twin, "telemetry", {"a": 2, "c": 1, "d": 1}, most=3)
    assert (outcome.outcome, outcome.reason) == ("rejected", "too_many_metrics")
    assert (value(twin, "a"), set(twin.metrics)) == (1, {"a", "b"})


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
