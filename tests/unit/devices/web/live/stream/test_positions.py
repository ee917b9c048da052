"""Ids of events: whatever was sent comes back from them, within their bound; nothing else does any harm."""

import base64
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.web.live.stream.positions import MAX_ID_BYTES, Place, Position, Sent, pack, place_of, read, unpack

names = st.text("aZ0_-.:~", min_size=1, max_size=64)
devices = st.builds("/".join, st.tuples(names, names))
revs = st.dictionaries(devices, st.one_of(st.none(), st.integers(0, 2**63 - 1)), max_size=5)


@settings(max_examples=50)
@given(revs, st.integers(0, 2**40))
def test_an_id_says_where_the_client_stands(moved: dict[str, int | None], number: int) -> None:
    position = Position("aB-_3", moved)
    position.number = number
    found = position.event_id()
    assert found is not None
    assert len(found) <= MAX_ID_BYTES
    assert "\n" not in found
    assert place_of(found) == Place("aB-_3", number, moved, found)


def test_what_does_not_fit_is_to_be_kept_first() -> None:
    position = Position("s", {f"demo/thermostat-{number:04}": number * 7919 % 10_007 for number in range(240)})
    assert position.event_id() is None
    position.kept()
    position.take(Sent("event", device="demo/thermostat-0001", rev=17))
    found = position.event_id()
    assert found is not None
    assert place_of(found) == Place("s", 1, {"demo/thermostat-0001": 17}, found)


def test_dozens_of_devices_fit_into_an_id() -> None:
    position = Position("0123456789abcdef", {f"demo/thermostat-{n:03}": 100_000 + n * 7919 % 10_007 for n in range(80)})
    assert position.event_id() is not None


def _packed(text: bytes) -> str:
    packer = zlib.compressobj(wbits=-15)
    return base64.urlsafe_b64encode(packer.compress(text) + packer.flush()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "s.1", "s.1.", "s.x.AA", "s.-1." + _packed(b"{}"), "." + "0." + _packed(b"{}"),
        "s.1.====", "s.1.\u00e4", "s.1." + _packed(b"[1]"), "s.1." + _packed(b'{"a/b":-1}'),
        "s.1." + _packed(b'{"a/b":1.5}'), "s.1." + _packed(b'{"a/b":true}'),
        "s.1." + _packed(b'{"a/b":' + b"9" * 30 + b"}"), "s.1." + _packed(b"{}")[:-1],
        "s.1." + _packed(b" " * 200_000 + b"{}"), f"{'s' * 33}.1." + _packed(b"{}"), f"s.{'9' * 19}." + _packed(b"{}"),
        "x" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_id_of_ours_is_none(text: str) -> None:
    assert place_of(text) is None


@settings(max_examples=50)
@given(st.text())
def test_no_text_does_any_harm(text: str) -> None:
    place_of(text)
    place_of(f"s.1.{text}")


def test_something_after_the_packed_revs_is_no_part_of_them() -> None:
    with pytest.raises(ValueError, match="cut off"):
        unpack(pack({}) + b"x", 100)


@pytest.mark.parametrize(
    ("frame", "has_id", "moved"),
    [
        ({"type": "delta", "items": [{"device": "a/b", "prev": 1, "rev": 3, "readings": []}]}, True, {"a/b": 3}),
        ({"type": "event", "device": "a/b", "rev": 4, "name": "x", "data": {"rev": 9}}, True, {"a/b": 4}),
        ({"type": "gone", "device": "a/b"}, True, {"a/b": None}),
        ({"type": "snapshot", "more": True, "devices": [{"device": "a/b", "rev": 1}]}, False, {"a/b": 1}),
        ({"type": "snapshot", "more": False, "devices": [{"device": "a/b", "rev": 1}]}, True, {"a/b": 1}),
        ({"type": "snapshot", "more": False, "devices": []}, True, {}),
        ({"type": "link", "broker": "up"}, False, {}),
        ({"type": "command", "command": {"device": "a/b"}}, False, {}),
        ({"type": "alert", "alert": {}, "device": 7}, False, {}),
    ],
)
def test_frames_that_move_their_client_have_ids(frame: dict[str, Any], has_id: bool, moved: dict[str, Any]) -> None:
    sent = read(msgspec.json.encode({"n": 1, "sub": "1", **frame}))
    assert (sent.has_id, sent.moved) == (has_id, moved)
