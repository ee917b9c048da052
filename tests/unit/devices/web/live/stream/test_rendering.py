from typing import Any

import msgspec

from bridge.messages import Delta, EventRecorded, Gone
from devices.web.live.stream.changes import Snapshot, StreamChange
from devices.web.live.stream.rendering import MAX_BODY_BYTES, MAX_PAGE_DEVICES, bodies
from devices.web.live.stream.targets import DeliveryOptions


def delta(device: str, prev: int, rev: int, size: int = 0) -> Delta:
    text = {"device": device, "prev": prev, "rev": rev, "readings": [], "tags": ["x" * size]}
    return Delta(device, prev, rev, msgspec.json.encode(text))


def event(device: str, rev: int) -> EventRecorded:
    text = {"type": "event", "device": device, "prev": rev - 1, "rev": rev, "name": "e", "data": None, "ts": 1}
    return EventRecorded(device, rev - 1, rev, msgspec.json.encode(text))


def fresh(device: str, reason: Any = "subscribe", size: int = 0) -> Snapshot:
    return Snapshot(device, 1, reason, msgspec.json.encode({"device": device, "rev": 1, "tags": ["x" * size]}))


def rendered(changes: dict[str, list[StreamChange]], *, more: bool = False) -> list[dict[str, Any]]:
    return [msgspec.json.decode(body.frame(7, b'"s"')) for body in bodies(changes, DeliveryOptions(), more=more)]


def test_what_is_due_together_is_one_frame() -> None:
    [frame] = rendered({"s/a": [delta("s/a", 1, 2)], "s/b": [delta("s/b", 5, 6)]})
    assert (frame["n"], frame["type"], frame["sub"]) == (7, "delta", "s")
    assert [(one["device"], one["prev"], one["rev"]) for one in frame["items"]] == [("s/a", 1, 2), ("s/b", 5, 6)]


def test_events_cut_a_devices_deltas() -> None:
    frames = rendered({"s/a": [delta("s/a", 1, 2), delta("s/a", 2, 3), event("s/a", 4), delta("s/a", 4, 5)]})
    assert [frame["type"] for frame in frames] == ["delta", "event", "delta"]
    assert [(one["prev"], one["rev"]) for one in frames[0]["items"] + frames[2]["items"]] == [(1, 3), (4, 5)]
    assert frames[1]["sub"] == "s"
    assert frames[1]["prev"] == 3


def test_each_reason_has_its_own_snapshot_frame() -> None:
    frames = rendered({"s/a": [fresh("s/a")], "s/b": [fresh("s/b", "reset")], "s/c": [Gone("s/c")]}, more=True)
    by_reason = {frame.get("reason"): frame for frame in frames}
    assert by_reason["subscribe"]["more"] is True
    assert by_reason["reset"]["more"] is False
    assert by_reason[None] == {"n": 7, "type": "gone", "sub": "s", "device": "s/c"}


def test_snapshots_come_in_pages_of_200_devices() -> None:
    changes: dict[str, list[StreamChange]] = {f"s/{n}": [fresh(f"s/{n}")] for n in range(MAX_PAGE_DEVICES + 1)}
    frames = rendered(changes)
    assert [len(frame["devices"]) for frame in frames] == [MAX_PAGE_DEVICES, 1]
    assert [frame["more"] for frame in frames] == [True, False]


def test_no_frame_is_larger_than_half_a_mebibyte_and_one_item() -> None:
    size = 200_000
    for changes in (
        {f"s/{n}": [fresh(f"s/{n}", size=size)] for n in range(7)},
        {f"s/{n}": [delta(f"s/{n}", 1, 2, size)] for n in range(7)},
    ):
        made = bodies(changes, DeliveryOptions())
        assert len(made) == 4
        assert all(body.size <= MAX_BODY_BYTES + 1_000 for body in made)


def test_one_item_larger_than_a_frame_goes_alone() -> None:
    made = bodies({"s/a": [delta("s/a", 1, 2, 600_000)], "s/b": [delta("s/b", 1, 2)]}, DeliveryOptions())
    assert len(made) == 2
