"""Protocol Buffers on the wire, against Google's own library where it is installed with the tests."""

import contextlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.forms import protobuf
from bridge.dialects.forms.protobuf import WireError, fields

NUMBERS = st.integers(1, 2**29 - 1)


@given(st.lists(st.tuples(NUMBERS, st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=300)), max_size=20))
def test_what_is_written_is_read_again(wanted: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(
        protobuf.number_field(number, value) if isinstance(value, int) else protobuf.bytes_field(number, value)
        for number, value in wanted
    )
    expected = [(number, value & (2**64 - 1) if isinstance(value, int) else value) for number, value in wanted]
    assert list(fields(message)) == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_refused(message: bytes) -> None:
    with contextlib.suppress(WireError):
        assert all(number > 0 for number, _ in fields(message))


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x08\xff", b"\x12\x05abc", b"\x0d\0\0", b"\x0b", b"\x0c", b"\x00\x01", b"\x08" + b"\x80" * 10],
)
def test_what_is_refused(message: bytes) -> None:
    with pytest.raises(WireError):
        list(fields(message))


def test_a_length_beyond_the_message_allocates_nothing() -> None:
    with pytest.raises(WireError, match="cut off"):
        list(fields(b"\x12" + b"\xff" * 9 + b"\x01"))


@given(st.floats(width=32))
def test_a_float_is_the_shortest_number_that_is_the_same(value: float) -> None:
    ((_, raw),) = fields(protobuf.float_field(1, value))
    found = protobuf.as_float(raw)
    assert struct.pack("<f", found) == struct.pack("<f", value) or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize("value", [21.3, 0.1, -7.25, 1e30, 16777216.0])
def test_floats_look_as_they_were_written(value: float) -> None:
    ((_, raw),) = fields(protobuf.float_field(1, value))
    assert repr(protobuf.as_float(raw)) == repr(value)


@given(st.floats(allow_nan=False))
def test_doubles(value: float) -> None:
    ((_, raw),) = fields(protobuf.double_field(1, value))
    assert protobuf.as_double(raw) == value


@pytest.mark.parametrize(("raw", "bits", "value"), [(251, 8, -5), (65495, 16, -41), (2**32 - 41, 16, -41), (5, 64, 5)])
def test_twos_complement_of_any_width(raw: int, bits: int, value: int) -> None:
    assert protobuf.as_signed(raw, bits) == value
