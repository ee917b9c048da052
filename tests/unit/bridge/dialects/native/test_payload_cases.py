"""What devices in the field send that is not quite right: no good value is lost beside a bad one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.native.payloads import decode
from bridge.json_values import MAX_NOTES, MAX_SAMPLE_CHARS
from bridge.observations import Cleared, EventReported, Malformed, RawReading, StatePatch, StatusReported, Telemetry


def telemetry(payload: bytes | str) -> Telemetry:
    decoded = decode("telemetry", "", payload.encode() if isinstance(payload, str) else payload)
    assert isinstance(decoded, Telemetry), decoded
    return decoded


def metrics(payload: bytes | str) -> dict[str, Any]:
    [reading] = telemetry(payload).readings
    return reading.metrics


def noted(decoded: Any) -> list[tuple[str, str]]:
    return [(note.reason, note.metric) for note in decoded.notes]


# ---- A1


@pytest.mark.parametrize(
    "payload",
    [
        "Offline",
        "OFFLINE",
        "disconnected",
        "lost",
        "connection lost",
        "Connection Lost",
        "0",
        "false",
        "FALSE",
        "offline\0",
        '{"state":"offline"}',
        '{"status":"Offline"}',
        '{"Status":"Offline"}',
        '{"status":false}',
        '{"state":0}',
        '"Offline"',
        "\ufeffoffline \r\n\0",
        "unavailable",
        "not_available",
        "Connection-Lost",
        "ConnectionLost",
        "dead",
        '{"online":false}',
        '{"connected":"false"}',
        '{"availability":"Unavailable","since":5}',
    ],
)
def test_case_a1_a_will_in_other_words_is_understood(payload: str) -> None:
    assert decode("status", "", payload.encode()) == StatusReported(online=False)


@pytest.mark.parametrize(
    "payload",
    [
        "Online",
        "connected",
        "1",
        "true",
        '{"state":"ONLINE"}',
        '{"status":true}',
        "online\0\0",
        '{"online":true}',
        "up",
    ],
)
def test_case_a1_a_birth_in_other_words_is_understood(payload: str) -> None:
    assert decode("status", "", payload.encode()) == StatusReported(online=True)


@pytest.mark.parametrize(
    "payload", ["asleep", "2", "{}", '{"status":null}', '{"status":["online"]}', "[]", "{", "\udcff", "1.0"]
)
def test_case_a1_a_status_that_is_not_understood_is_no_proof_of_life(payload: str) -> None:
    decoded = decode("status", "", payload.encode(errors="surrogateescape"))
    assert isinstance(decoded, Malformed)
    assert not decoded.speaks


@pytest.mark.parametrize("payload", [b"", b"\0", b" \r\n", b"\xef\xbb\xbf\0"])
@pytest.mark.parametrize("kind", ["telemetry", "metric", "state", "status", "event"])
def test_case_a2_an_empty_payload_clears_however_it_is_padded(kind: Any, payload: bytes) -> None:
    assert decode(kind, "x", payload) == Cleared()


# ---- B1, B2


@pytest.mark.parametrize("bad", ["NaN", "nan", "-inf", "inf", "+Infinity", "-Infinity", "1e999", "-1e999"])
def test_case_b1_what_is_no_number_is_a_gap_and_noted(bad: str) -> None:
    decoded = telemetry(f'{{"a":1,"b":{bad},"c":"nan \\" inf"}}')
    assert decoded.readings == (RawReading(None, {"a": 1, "b": None, "c": 'nan " inf'}),)
    assert noted(decoded) == [("not_finite", "b")]


@pytest.mark.parametrize("bad", [b"NaN", b"nan", b"-inf", b"Infinity", b"1e999"])
def test_case_b1_on_a_metrics_own_topic(bad: bytes) -> None:
    decoded = decode("metric", "t", bad)
    assert isinstance(decoded, Telemetry)
    assert decoded.readings == (RawReading(None, {"t": None}),)
    assert noted(decoded) == [("not_finite", "t")]


def test_case_b1_quotes_that_never_close_are_read_once() -> None:
    assert decode("telemetry", "", b'{"' + b'\\"' * 100_000) == Malformed(
        "bad_json", "Unterminated string starting at at 1"
    )


@pytest.mark.parametrize(
    "digits", ["9007199254740993", "-9007199254740993", "1234567890123456789", "9" * 40, "9" * 5_000]
)
def test_case_b2_an_integer_that_is_too_large_stays_exact_as_text(digits: str) -> None:
    decoded = telemetry(f'{{"a":1,"id":{digits}}}')
    assert decoded.readings == (RawReading(None, {"a": 1, "id": digits}),)
    assert [(note.reason, note.metric, note.sample) for note in decoded.notes] == [
        ("integer_too_large", "id", digits[:MAX_SAMPLE_CHARS])
    ]


def test_case_b2_the_largest_integers_stay_numbers() -> None:
    assert metrics('{"a":9007199254740992,"b":-9007199254740992}') == {"a": 2**53, "b": -(2**53)}


# ---- B3


def test_case_b3_arrays_become_metrics_without_a_note() -> None:
    decoded = telemetry('{"Total":31.0,"Power":[11,0,[1,{"x":2}]],"none":[]}')
    assert decoded == Telemetry(
        (RawReading(None, {"Total": 31.0, "Power.0": 11, "Power.1": 0, "Power.2.0": 1, "Power.2.1.x": 2}),)
    )
    assert telemetry(json.dumps({"a": [0] * 64})).notes == ()


def test_case_b3_longer_arrays_are_cut_and_noted() -> None:
    decoded = telemetry(json.dumps({"a": list(range(65)), "b": 1}))
    assert len(decoded.readings[0].metrics) == 65
    assert noted(decoded) == [("array_too_long", "a")]


def test_case_b3_names_that_swell_are_left_out_and_noted() -> None:
    decoded = telemetry(json.dumps({"k" * 120: [[0] * 60 for _ in range(30)], "b": 1}))
    kept = decoded.readings[0].metrics
    assert sum(map(len, kept)) < 4 * 6_000 + 1_024
    assert kept["b"] == 1
    assert {reason for reason, _ in noted(decoded)} == {"names_too_long"}


# ---- B4


def test_case_b4_good_elements_are_readings_and_bad_ones_are_kept_together() -> None:
    decoded = telemetry('[{"v":1},{"v":2,"ts":5},{"v":3},5,{"v":NaN}]')
    assert [reading.metrics for reading in decoded.readings] == [{"v": 1}, {"v": 3}, {"v": None}]
    assert decoded.bad
    assert decoded.bad.malformed.reason == "ts_before_2000"
    assert decoded.bad.malformed.detail.startswith("elements 1, 3: ")
    assert json.loads(decoded.bad.payload) == [{"v": 2, "ts": 5}, 5]


def test_case_b4_an_element_too_deep_or_with_too_many_leaves_stands_for_itself() -> None:
    deep, wide = '{"a":' * 40 + "1" + "}" * 40, json.dumps({"a": [[0] * 60] * 40})
    decoded = telemetry(f'[{{"v":1}},{deep},{wide},{{"v":2}}]')
    assert [reading.metrics for reading in decoded.readings] == [{"v": 1}, {"v": 2}]
    assert decoded.bad
    assert decoded.bad.malformed.detail.startswith("elements 1, 2: ")


def test_case_b4_a_batch_of_bad_elements_is_quarantined_as_it_came() -> None:
    decoded = decode("telemetry", "", b"[5, 6]")
    assert isinstance(decoded, Malformed)
    assert (decoded.reason, decoded.detail) == ("not_an_object", "elements 0, 1: telemetry is a number")


# ---- B6, B7


@pytest.mark.parametrize("ts", ["null", '""', '"  "'])
def test_case_b6_no_time_is_as_without_one(ts: str) -> None:
    assert telemetry(f'{{"a":1,"ts":{ts}}}') == Telemetry((RawReading(None, {"a": 1}),))


@pytest.mark.parametrize(
    ("ts", "ms"),
    [
        ("2023-11-14t22:13:20z", 1_700_000_000_000),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000_500),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31 23:59:60z", 1_483_228_800_000),
        ("2017-01-01t00:59:60+01:00", 1_483_228_800_000),
    ],
)
def test_case_b6_times_of_rfc_3339_in_any_case_and_leap_seconds(ts: str, ms: int) -> None:
    assert telemetry(json.dumps({"a": 1, "ts": ts})).readings[0].ts_ms == ms


@pytest.mark.parametrize("ts", ["1790000000", "1790000000.5"])
def test_case_b7_a_time_in_seconds_is_quarantined_and_told(ts: str) -> None:
    decoded = decode("telemetry", "", f'{{"a":1,"ts":{ts}}}'.encode())
    assert decoded == Malformed("ts_before_2000", f"{ts} looks like seconds")


@pytest.mark.parametrize("ts", ["NaN", "1e999", "1e300", "9" * 5_000, "-1", "5"])
def test_case_b7_other_times_that_are_none_are_quarantined(ts: str) -> None:
    decoded = decode("telemetry", "", f'{{"a":1,"ts":{ts}}}'.encode())
    assert isinstance(decoded, Malformed)
    assert "seconds" not in decoded.detail


# ---- B8


@pytest.mark.parametrize(
    "padded", [b'\xef\xbb\xbf{"a":1}', b'{"a":1}\0\0', b'{"a":1} \r\n\0', b'\xef\xbb\xbf {"a":1}\t\0 ']
)
def test_case_b8_padding_is_taken_away_from_json(padded: bytes) -> None:
    assert telemetry(padded) == Telemetry((RawReading(None, {"a": 1}),))
    assert decode("state", "", padded) == StatePatch({"a": 1})


@pytest.mark.parametrize(
    ("padded", "value"),
    [(b"\xef\xbb\xbf21.5", 21.5), (b"21.5\0", 21.5), (b"\xef\xbb\xbfhello\0 \0", "hello"), (b" on \n", "on")],
)
def test_case_b8_padding_is_taken_away_from_scalars(padded: bytes, value: Any) -> None:
    assert decode("metric", "t", padded) == Telemetry((RawReading(None, {"t": value}),))


# ---- B10, and texts


def test_case_b10_a_name_that_stands_twice_is_left_out_and_noted() -> None:
    decoded = telemetry('{"a":{"b":1},"a.b":2,"c":3}')
    assert decoded.readings == (RawReading(None, {"c": 3}),)
    assert noted(decoded) == [("name_collision", "a.b")]


def test_case_b10_of_members_with_one_name_the_last_counts() -> None:
    assert telemetry('{"a":1,"a":2}') == Telemetry((RawReading(None, {"a": 2}),))
    assert metrics('{"a":1,"b":NaN,"a":2}') == {"a": 2, "b": None}


@pytest.mark.parametrize("bad", ["a\\u0000b", "\\ud800"])
def test_case_b10_bad_texts_are_gaps_and_bad_names_are_left_out(bad: str) -> None:
    decoded = telemetry(f'{{"a":"{bad}","{bad}":1,"{"x" * 129}":2,"":3,"c":"grün"}}')
    assert decoded.readings == (RawReading(None, {"a": None, "c": "grün"}),)
    assert [reason for reason, _ in noted(decoded)] == ["bad_text", *["bad_metric_name"] * 3]
    for note in decoded.notes:
        assert "\0" not in f"{note.metric}{note.sample}".encode().decode()


# ---- state and events, too


def test_case_b1_values_in_state_and_events_stand_for_themselves() -> None:
    payload = b'{"a":1,"b":NaN,"id":9007199254740993,"l":["\\u0000",{"c\\u0000":1}]}'
    storable: Any = {"a": 1, "b": None, "id": "9007199254740993", "l": [None, {}]}
    state, event = decode("state", "", payload), decode("event", "e", payload)
    assert isinstance(state, StatePatch)
    assert isinstance(event, EventReported)
    assert (state.patch, event.data) == (storable, storable)
    assert {reason for reason, _ in noted(state)} == {"not_finite", "integer_too_large", "bad_text", "bad_metric_name"}


def test_notes_are_few() -> None:
    decoded = telemetry("{" + ",".join(f'"m{number}":NaN' for number in range(100)) + "}")
    assert len(decoded.readings[0].metrics) == 100
    assert len(decoded.notes) == MAX_NOTES


scraps = st.lists(
    st.sampled_from(
        [
            '{"a":',
            "[",
            "]",
            "}",
            ",",
            "1",
            "NaN",
            '"',
            "\\",
            "\0",
            "\ufeff",
            "-inf",
            '"ts":',
            '"b":',
            " ",
            "9" * 30,
            "1e999",
        ]
    ),
    max_size=30,
)


@given(st.sampled_from(["telemetry", "metric", "state", "status", "event", "ack"]), scraps)
def test_no_scraps_of_json_raise_and_all_that_is_kept_is_storable(kind: Any, parts: list[str]) -> None:
    decoded = decode(kind, "x", "".join(parts).encode())
    if isinstance(decoded, Telemetry):
        kept = json.dumps([reading.metrics for reading in decoded.readings], allow_nan=False, ensure_ascii=False)
        assert "\0" not in kept.encode().decode()


def test_case_h1_names_and_notes_take_no_more_than_a_message_may() -> None:
    ordinary = decode("telemetry", "", json.dumps({"temperatures": [21.5 + number for number in range(64)]}).encode())
    assert isinstance(ordinary, Telemetry)
    assert len(ordinary.readings[0].metrics) == 64
    swelling = decode("telemetry", "", json.dumps({"k" * 100: [1] * 64}).encode())
    assert isinstance(swelling, Telemetry)
    assert 3 < len(swelling.readings[0].metrics) < 10, "the first ones stay"
    assert [note.reason for note in swelling.notes] == ["names_too_long"]
    noted = decode("telemetry", "", b"{%b}" % b",".join(b'"%b":NaN' % (b"%d" % n * 60) for n in range(20)))
    assert isinstance(noted, Telemetry)
    assert len(noted.readings[0].metrics) == 20
    assert sum(len(note.metric) for note in noted.notes) < 3_000
