import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.native import payloads
from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind
from bridge.json_limits import MAX_PAYLOAD_BYTES, json_error
from bridge.observations import (
    Cleared,
    CommandAck,
    EventReported,
    Malformed,
    RawReading,
    StatePatch,
    StatusReported,
    Telemetry,
)

kinds = st.sampled_from(get_args(Kind))
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
integers = st.integers(-(2**53), 2**53)
scalars = st.one_of(st.none(), st.booleans(), integers, st.floats(allow_nan=False, allow_infinity=False), text)
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)
metric_names = st.text(st.characters(exclude_categories=["C"], exclude_characters="."), min_size=1, max_size=16)
flat = st.dictionaries(metric_names.filter(lambda name: name != "ts"), scalars, max_size=8)


@given(kinds, text, st.binary(max_size=200))
def test_no_bytes_raise(kind: Kind, detail: str, payload: bytes) -> None:
    assert decode(kind, detail, payload) is not None


@given(kinds, json_values)
def test_no_json_raises(kind: Kind, value: Any) -> None:
    assert decode(kind, "x", msgspec.json.encode(value)) is not None


@given(kinds, json_values, st.data())
def test_no_truncated_json_raises(kind: Kind, value: Any, data: st.DataObject) -> None:
    encoded = msgspec.json.encode(value)
    assert decode(kind, "x", encoded[: data.draw(st.integers(0, len(encoded)))]) is not None


@given(flat)
def test_flat_telemetry_round_trips(metrics: dict[str, Any]) -> None:
    expected = (RawReading(None, metrics),) if metrics else ()
    assert decode("telemetry", "", msgspec.json.encode(metrics)) == Telemetry(expected)


@given(json_values)
def test_events_round_trip(value: Any) -> None:
    assert decode("event", "pressed", msgspec.json.encode(value)) == EventReported("pressed", value)


@given(st.dictionaries(text, json_values))
def test_state_patches_round_trip(patch: dict[str, Any]) -> None:
    assert decode("state", "", msgspec.json.encode(patch)) == StatePatch(patch)


def test_nested_objects_flatten_with_dots_and_ts_is_only_the_top_levels() -> None:
    payload = b'{"ts": 1700000000000, "env": {"t": 21.5, "ts": 3}, "on": null}'
    assert decode("telemetry", "", payload) == Telemetry(
        (RawReading(1_700_000_000_000, {"env.t": 21.5, "env.ts": 3, "on": None}),)
    )


def test_an_array_is_a_batch() -> None:
    payload = b'[{"t": 1, "ts": "2023-11-14T23:13:20+01:00"}, {}, {"t": 2}]'
    assert decode("telemetry", "", payload) == Telemetry(
        (RawReading(1_700_000_000_000, {"t": 1}), RawReading(None, {"t": 2}))
    )


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"21.5", 21.5), (b"hello world", "hello world"), (b'"quoted"', "quoted"), (b" true ", True), (b"null", None)],
)
def test_a_scalar_is_json_or_plain_text(payload: bytes, value: Any) -> None:
    assert decode("metric", "t", payload) == Telemetry((RawReading(None, {"t": value}),))


@pytest.mark.parametrize("payload", [b"online", b" online\n", b'"online"', b'{"status": "online"}'])
def test_a_status_is_plain_or_json(payload: bytes) -> None:
    assert decode("status", "", payload) == StatusReported(online=True)


def test_an_ack_carries_its_result() -> None:
    payload = b'{"status": "done", "result": {"took_ms": 5}}'
    assert decode("ack", "c1", payload) == CommandAck("c1", "done", {"took_ms": 5}, None)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_empty_payload_clears(kind: Kind) -> None:
    assert decode(kind, "x", b"") == Cleared()


def test_case_h_too_many_leaves_are_refused_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "decode_json", None)
    nested = b'{"a":[%b]}' % b",".join([b"[" * 20 + b"1" + b"]" * 20] * 5_000)
    for kind in ("telemetry", "state", "event", "ack"):
        assert decode(kind, "x", nested) == Malformed("too_many_leaves", "over 2000")


def test_commas_within_texts_are_no_leaves() -> None:
    text = r",\"," * 3_000
    assert decode("event", "x", json.dumps({"a": text, "b,": 1}).encode()) == EventReported("x", {"a": text, "b,": 1})


def test_as_many_leaves_as_are_allowed() -> None:
    most: dict[str, Any] = {"a": list(range(1_000)), "b": {f"{number}": "," for number in range(1_000)}}
    assert decode("event", "x", json.dumps(most).encode()) == EventReported("x", most)
    most["c"] = 0
    assert decode("event", "x", json.dumps(most).encode()) == Malformed("too_many_leaves", "over 2000")


DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("telemetry", b"{", "bad_json"),
        ("telemetry", b"{} {}", "bad_json"),
        ("telemetry", b'{"a": "\xff"}', "bad_utf8"),
        ("telemetry", b"\xff\xfe", "bad_utf8"),
        ("telemetry", DEEP, "too_deep"),
        ("event", b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        ("state", b'{"a":' * 32 + b"{}" + b"}" * 32, "too_deep"),
        ("telemetry", b'"' + b"x" * MAX_PAYLOAD_BYTES + b'"', "too_large"),
        ("telemetry", b"3", "not_an_object"),
        ("telemetry", b"[[1]]", "not_an_object"),
        ("telemetry", b"[" + b"0," * 10_000 + b"0]", "too_many_leaves"),
        ("telemetry", b'{"a": [' + b"0," * 2_000 + b"0]}", "too_many_leaves"),
        (
            "telemetry",
            b"[" + b'{"a": [' + b"0," * 1_900 + b"0]}" + (b', {"a": [' + b"0," * 1_900 + b"0]}") * 5 + b"]",
            "too_many_leaves",
        ),
        ("state", b'{"a": [' + b"0," * 2_000 + b"0]}", "too_many_leaves"),
        ("telemetry", b'{"ts": 5, "a": 1}', "ts_before_2000"),
        ("telemetry", b'{"ts": "2024-01-01T00:00:00", "a": 1}', "bad_ts"),
        ("telemetry", b'{"ts": true, "a": 1}', "bad_ts"),
        ("telemetry", b'{"ts": "soon", "a": 1}', "bad_ts"),
        ("metric", b"{}", "not_a_scalar"),
        ("metric", b"[1]", "not_a_scalar"),
        ("metric", b"\xff", "bad_utf8"),
        ("state", b"[]", "not_an_object"),
        ("status", b"asleep", "bad_status"),
        ("status", b"{", "bad_json"),
        ("ack", b'{"status": "maybe"}', "bad_ack"),
        ("ack", b'{"status": ["done"]}', "bad_ack"),
        ("ack", b'"done"', "not_an_object"),
    ],
)
def test_wrong_content_has_its_reason(kind: Kind, payload: bytes, reason: str) -> None:
    decoded = decode(kind, "x", payload)
    assert isinstance(decoded, Malformed)
    assert decoded.reason == reason


@pytest.mark.parametrize(("reason", "shown"), [(b"3", "3"), (b'{"code": 5}', '{"code":5}'), (b"null", None)])
def test_an_answer_counts_whatever_its_reason_is(reason: bytes, shown: str | None) -> None:
    decoded = decode("ack", "x", b'{"status": "failed", "reason": ' + reason + b"}")
    assert isinstance(decoded, CommandAck)
    assert (decoded.status, decoded.reason) == ("failed", shown)


def test_32_levels_are_allowed() -> None:
    assert isinstance(decode("state", "", b'{"a":' * 31 + b"{}" + b"}" * 31), StatePatch)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_what_json_error_lets_pass_is_storable(value: Any) -> None:
    if json_error(value) is None:
        assert "\0" not in json.dumps(value, ensure_ascii=False)
        assert json.dumps(value, ensure_ascii=False).encode()
