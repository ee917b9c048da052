"""Cayenne LPP."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.forms.cayenne import decode


def test_values_of_several_channels() -> None:
    found = decode(bytes.fromhex("03670110056700ff") + bytes.fromhex("067104d2fb2e0000"))
    assert found == {
        "3.temperature": 27.2,
        "5.temperature": 25.5,
        "6.accelerometer.x": 1.234,
        "6.accelerometer.y": -1.234,
        "6.accelerometer.z": 0.0,
    }
    assert decode(bytes.fromhex("018806765ff2960a0003e8")) == {
        "1.gps.latitude": 42.3519,
        "1.gps.longitude": -87.9094,
        "1.gps.altitude": 10.0,
    }


def test_it_ends_at_what_it_does_not_know_or_what_is_cut_off() -> None:
    assert decode(bytes.fromhex("0367010402687f0105ff")) == {"3.temperature": 26.0, "2.humidity": 63.5}
    assert decode(b"\x03\x67\x01") == {}


@given(st.binary(max_size=260))
def test_any_bytes(payload: bytes) -> None:
    assert all(isinstance(value, int | float) for value in decode(payload).values())
