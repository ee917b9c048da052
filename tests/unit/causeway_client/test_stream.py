"""The stream rule as the client keeps it: the cases that it shares with the JavaScript client, and what it refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from causeway_client import Delta, Event, Gone, Link, Snapshot, Stream, StreamBrokenError, merge_patch

Frame = dict[str, Any]
CASES = json.loads((Path(__file__).parent / "streams.json").read_text())  # also read by tests/unit/js/streams.test.js


def device(rev: int, **sections: Any) -> Frame:
    return {"device": "s/d", "rev": rev, **sections}


def shown(*devices: Frame, reason: str = "subscribe") -> Frame:
    return {"type": "snapshot", "sub": "1", "reason": reason, "more": False, "devices": list(devices)}


def delta(prev: int, rev: int, **sections: Any) -> Frame:
    return {
        "type": "delta",
        "sub": "1",
        "items": [{"device": "s/d", "prev": prev, "rev": rev, "readings": [], **sections}],
    }


def event(rev: int) -> Frame:
    return {"type": "event", "device": "s/d", "prev": rev - 1, "rev": rev, "name": "door", "data": 1, "ts": 7}


def at(rev: int) -> Stream:
    stream = Stream()
    stream.apply(shown(device(rev)))
    return stream


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_cases_that_all_clients_share(case: Any) -> None:
    stream, gap = Stream(), None
    for frame in case["frames"]:
        before = copy.deepcopy(stream.devices)
        try:
            stream.apply(frame)
        except StreamBrokenError as broken:
            gap = broken.device
            assert stream.devices == before, "a frame that does not fit changed something"
    assert stream.devices == case["devices"]
    assert stream.complete == case["complete"]
    assert gap == case.get("gap")


def test_changes_say_what_happened() -> None:
    stream = Stream()
    [first] = stream.apply(shown(device(5)))
    assert isinstance(first, Snapshot)
    assert (first.device, first.reason, first.missed, first.state["rev"]) == ("s/d", "subscribe", False, 5)
    reading = {"rev": 6, "ts": 1, "metrics": {"t": 1}}
    [second] = stream.apply(delta(5, 6, readings=[reading]))
    assert isinstance(second, Delta)
    assert second.readings == [reading]
    assert second.state["metrics"] == {"t": {"value": 1, "ts": 1}}
    [third] = stream.apply(event(7))
    assert third == Event("s/d", stream.devices["s/d"], 7, "door", 1, 7)
    assert stream.apply({"type": "gone", "sub": "1", "device": "s/d"}) == [Gone("s/d")]
    assert stream.apply({"type": "link", "broker": "up", "workers": "down", "since": 3}) == [Link("up", "down", 3)]


def test_a_command_is_told_where_its_device_is_followed() -> None:
    frame = {"type": "command", "command": {"id": "c", "device": "s/d", "status": "sent"}}
    assert Stream().apply(frame) == []
    [step] = at(1).apply(frame)
    assert step.command["status"] == "sent"  # type: ignore[union-attr]


def test_frames_of_unknown_kinds_are_left() -> None:
    assert Stream().apply({"type": "something of a later version"}) == []


def test_earlier_states_stay_as_they_were() -> None:
    stream = Stream()
    [first] = stream.apply(shown(device(1, reported={"a": {"b": 1}}, metrics={"t": {"value": 1, "ts": 1}})))
    kept = copy.deepcopy(first)
    reading = {"rev": 2, "ts": 2, "metrics": {"t": 2}}
    stream.apply(delta(1, 2, readings=[reading], reported={"a": {"b": 2}}, tags=["x"]))
    stream.apply(event(3))
    assert first == kept


@pytest.mark.parametrize(
    "frame",
    [
        delta(5, 6),  # a repeat
        delta(6, 6),
        delta(7, 8),
        delta(6, 5),
        event(6),
        event(8),
        delta(6, 8, readings=[{"rev": 8, "ts": 1, "metrics": {}}, {"rev": 7, "ts": 1, "metrics": {}}]),
        delta(6, 7, readings=[{"rev": 6, "ts": 1, "metrics": {}}]),
        delta(6, 7, readings=[{"rev": 8, "ts": 1, "metrics": {}}]),
        shown(device(6)),
        shown(device(9), reason="new"),
    ],
)
def test_what_does_not_follow_is_refused_and_changes_nothing(frame: Frame) -> None:
    stream = at(6)
    before = copy.deepcopy(stream.devices)
    with pytest.raises(StreamBrokenError, match=r"s/d") as raised:
        stream.apply(frame)
    assert raised.value.device == "s/d"
    assert stream.devices == before


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"type": "snapshot"},
        {"type": "snapshot", "reason": "subscribe", "devices": [{"device": "s/d"}]},
        {"type": "delta", "items": 3},
        {"type": "delta", "items": [None]},
        {"type": "event", "device": "s/d"},
        {"type": "gone"},
        {"type": "command", "command": None},
        {"type": "link"},
    ],
)
def test_frames_that_make_no_sense_are_refused(frame: Frame) -> None:
    with pytest.raises(StreamBrokenError) as raised:
        at(1).apply(frame)
    assert raised.value.device is None


@pytest.mark.parametrize(
    ("reason", "rev", "missed"), [("too_far", 9, True), ("reset", 2, True), ("new", 6, False), ("subscribe", 9, True)]
)
def test_a_snapshot_says_whether_changes_were_missed(reason: str, rev: int, missed: bool) -> None:
    stream = at(6)
    stream.ask_anew("s/d")
    [change] = stream.apply(shown(device(rev), reason=reason))
    assert isinstance(change, Snapshot)
    assert change.missed is missed
    assert stream.revs == {"s/d": rev}


def test_what_is_asked_anew_is_not_resumed_until_it_was_shown() -> None:
    stream = at(6)
    stream.ask_anew("s/d")
    assert stream.resume() == {}
    stream.apply(shown(device(8)))
    assert stream.resume() == {"s/d": 8}


def test_revs_beyond_a_frame_are_left_out_and_expected_to_be_shown_again() -> None:
    stream = Stream()
    stream.apply(shown(*({"device": f"s/{number:04}", "rev": 10**6} for number in range(100))))
    known = stream.resume(1_000)
    assert 0 < len(known) < 100
    assert len(json.dumps(known)) <= 1_000 + 1
    left = sorted(stream.devices.keys() - known.keys())
    stream.apply(shown(*({"device": key, "rev": 10**6 + 1} for key in left)))
    assert all(stream.devices[key]["rev"] == 10**6 + 1 for key in left)


def test_a_stream_goes_on_from_what_was_saved() -> None:
    saved = json.loads(json.dumps(at(6).devices))
    stream = Stream(saved, complete=True)
    assert stream.resume() == {"s/d": 6}
    stream.apply(delta(6, 7))
    assert saved["s/d"]["rev"] == 6
    assert stream.revs == {"s/d": 7}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_are_those_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result
