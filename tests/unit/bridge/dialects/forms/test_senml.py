"""SenML and CBOR: the corpus, and whatever else may come."""

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.forms import senml
from bridge.dialects.forms.cbor import CborError, decode, is_cbor
from bridge.json_limits import MalformedError
from bridge.json_values import Sieve
from tests.support.dialects.rows import rows

NOW_MS = 1_795_944_900_000
ROWS = [row.payload for row in rows("senml")]


def read(payload: bytes) -> senml.Pack:
    return senml.read(payload, NOW_MS, Sieve(len(payload)))


def test_a_pack_with_base_values() -> None:
    pack = read(ROWS[0])
    assert [(one.ts_ms, one.metrics) for one in pack.readings] == [
        (NOW_MS - 5_000, {"humidity": 67.9}),
        (NOW_MS, {"temperature": 23.1, "label": "Machine Room", "open": False, "energy": 12045.5}),
    ]
    assert pack.units == {"temperature": "°C", "label": "°C", "open": "°C", "humidity": "%", "energy": "Wh"}


def test_names_that_are_devices_and_times_from_now() -> None:
    (one,) = read(ROWS[1]).readings
    assert (one.ts_ms, one.metrics) == (None, {"value": 23.1})
    assert [(one.ts_ms, one.metrics) for one in read(ROWS[2]).readings] == [
        (NOW_MS - 5_000, {"current": 1.2}),
        (None, {"voltage": 120.1, "current": 1.7}),
    ]


def test_cbor_gives_the_same_as_json() -> None:
    pack = read(ROWS[4])
    metrics = {name: value for one in pack.readings for name, value in one.metrics.items()}
    assert metrics == {"temperature": 23.125, "open": False, "humidity": 67.5}
    assert pack.units["humidity"] == "%"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (ROWS[3], "bad_senml"),
        (b'[{"bver":11,"n":"x","v":1}]', "bad_senml"),
        (b'{"n":"x","v":1}', "bad_senml"),
        (b"[1]", "bad_senml"),
        (b"[", "bad_json"),
        (ROWS[7], "bad_cbor"),
        (ROWS[8], "bad_cbor"),
    ],
)
def test_what_is_no_pack(payload: bytes, reason: str) -> None:
    with pytest.raises(MalformedError) as error:
        read(payload)
    assert error.value.malformed.reason == reason


def test_sums_and_base_sums() -> None:
    pack = read(b'[{"bn":"d/","bs":10,"n":"e","s":2.5},{"bv":100,"n":"v","v":1}]')
    assert pack.readings[0].metrics == {"e": 12.5, "v": 101}


# CBOR --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (ROWS[5], {"t": 21.5, "h": 48, "ok": True, "name": "a"}),
        (ROWS[6], {"t": 21.5, "h": 63}),
        (bytes.fromhex("83f6f7e0"), [None, None, None]),
        (bytes.fromhex("8120"), [-1]),
        (bytes.fromhex("811bffffffffffffffff"), [2**64 - 1]),
        (bytes.fromhex("81c249010000000000000000"), [2**64]),
        (bytes.fromhex("81c11a514b67b0"), [1363896240]),
        (bytes.fromhex("8142010a"), ["010a"]),
        (bytes.fromhex("817f61616162ff"), ["ab"]),
        (bytes.fromhex("a10102"), {"1": 2}),
        (bytes.fromhex("81fa47c35000"), [100000.0]),
    ],
)
def test_values(payload: bytes, value: Any) -> None:
    assert decode(payload) == value


@pytest.mark.parametrize(
    "text",
    ["", "81", "8100ff", "ff", "81ff", "a101", "a1f600", "9b7fffffffffffffff", "5f01ff", "1c", "81f8", "c1", "9f"],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(CborError):
        decode(bytes.fromhex(text))


def written(value: Any) -> bytes:
    """CBOR by another hand, for the test."""
    match value:
        case None | bool():
            return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(written, value))
    return _head(5, len(value)) + b"".join(written(key) + written(one) for key, one in value.items())


def _head(kind: int, count: int) -> bytes:
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if count < 24:
            return bytes([kind << 5 | count])
        if count < 256**size:
            return bytes([kind << 5 | code]) + count.to_bytes(size, "big")
    raise AssertionError(count)


SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert decode(written(value)) == value


@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_or_refused(payload: bytes) -> None:
    with contextlib.suppress(CborError):
        decode(payload)
    if payload:
        try:
            payload.decode()
        except UnicodeDecodeError:
            return
        assert not is_cbor(payload)
