"""*Old snapshot + deltas = fresh snapshot*: the client at one end, a model of the server at the other, faults between.

The server keeps a log of changes a device and sends what a client lacks, conflated at random; connections break in the
middle, devices are deleted and come back, retention passes. Whatever the run, the client ends with the truth, and of
all readings since it was shown the device it has each once, unless it was told that it missed some.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway_client import Delta, Snapshot, Stream, StreamBrokenError, merge_patch

Frame = dict[str, Any]
DEVICES = ["s/a", "s/b"]

patches = st.dictionaries(
    st.sampled_from("xyz"), st.none() | st.integers(0, 2) | st.dictionaries(st.sampled_from("pq"), st.integers(0, 2))
)
readings = st.fixed_dictionaries(
    {
        "ts": st.integers(1, 4),
        "metrics": st.dictionaries(st.sampled_from("tu"), st.none() | st.integers(0, 9), min_size=1),
    }
)
happenings = st.one_of(
    st.tuples(st.just("reading"), readings),
    st.tuples(st.just("reported"), patches),
    st.tuples(st.just("tags"), st.lists(st.sampled_from("abc"), max_size=2)),
    st.tuples(st.just("event"), st.integers()),
    st.tuples(st.just("removed"), st.sampled_from("tu")),
)
steps = st.one_of(
    st.tuples(st.just("happens"), st.sampled_from(DEVICES), happenings),
    st.tuples(st.just("happens"), st.sampled_from(DEVICES), happenings),
    st.tuples(st.just("sends"), st.integers(1, 4)),
    st.tuples(st.just("breaks"), st.integers(0, 3)),
    st.tuples(st.just("deletes"), st.sampled_from(DEVICES)),
    st.tuples(st.just("purges"), st.sampled_from(DEVICES)),
)


@dataclass
class Device:
    """One life of a device: its state, and each change as the item that says it."""

    state: Frame
    floor: int  # older revs can't be resumed from
    log: list[Frame] = field(default_factory=list)

    def happens(self, what: tuple[str, Any]) -> None:
        prev, rev = self.state["rev"], self.state["rev"] + 1
        entry: Frame = {"prev": prev, "rev": rev, "readings": []}
        match what:
            case "reading", reading:
                entry["readings"] = [{"rev": rev, **reading}]
                for name, value in reading["metrics"].items():
                    old = self.state["metrics"].get(name)
                    if old is None or old["ts"] <= reading["ts"]:
                        self.state["metrics"][name] = {"value": value, "ts": reading["ts"]}
            case "reported", patch:
                entry["reported"] = patch
                self.state["reported"] = merge_patch(self.state["reported"], patch)
            case "tags", tags:
                entry["tags"] = self.state["tags"] = tags
            case "removed", name:
                entry["metrics"] = {name: None}
                self.state["metrics"].pop(name, None)
            case "event", data:
                entry = {"prev": prev, "rev": rev, "name": "e", "data": data, "ts": 1, "event": True}
        self.state["rev"] = rev
        self.log.append(entry)

    def frames(self, key: str, since: int, most: int) -> list[Frame]:
        """Up to ``most`` changes after ``since`` as frames: events alone, the rest in items of one frame."""
        frames: list[Frame] = []
        for entry in [one for one in self.log if one["prev"] >= since][:most]:
            if entry.get("event"):
                frames.append({"type": "event", "sub": "1", "device": key, **entry})
            elif frames and frames[-1]["type"] == "delta":
                items = frames[-1]["items"]
                if not joined(items[-1], entry):
                    items.append({"device": key, **entry})
            else:
                frames.append({"type": "delta", "sub": "1", "items": [{"device": key, **entry}]})
        return frames


def joined(item: Frame, entry: Frame) -> bool:
    """Let one item say both, where it can."""
    if "metrics" in item or any(section in item and section in entry for section in ("reported", "tags")):
        return False
    item |= {**entry, "prev": item["prev"], "readings": item["readings"] + entry["readings"]}
    return True


class Server:
    """The truth, and where the one connection stands."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.retired: dict[str, int] = {}
        self.sent: dict[str, int | None] = {}

    def happens(self, key: str, what: tuple[str, Any]) -> None:
        if key not in self.devices:
            rev = self.retired.get(key, 0) + 1
            empty = {"metrics": {}, "reported": {}, "desired": {}, "desired_version": 0, "presence": {}, "tags": []}
            self.devices[key] = Device({"rev": rev, **empty}, floor=rev)
        self.devices[key].happens(what)

    def deletes(self, key: str) -> None:
        if device := self.devices.pop(key, None):
            self.retired[key] = device.state["rev"]

    def connected(self, known: dict[str, int]) -> None:
        self.sent = dict(known)
        self.first = set(self.devices) - set(known)

    def next_frames(self, most: int) -> Iterator[Frame]:
        """Of each device the next changes that the client lacks."""
        for key in [key for key in self.sent if key not in self.devices]:
            del self.sent[key]
            yield {"type": "gone", "sub": "1", "device": key}
        for key, device in self.devices.items():
            rev = self.sent.get(key)
            if rev is None or not device.floor <= rev <= device.state["rev"]:
                self.sent[key] = device.state["rev"]
                reason = "too_far" if rev is not None else "subscribe" if key in self.first else "new"
                state = copy.deepcopy(device.state)
                yield {
                    "type": "snapshot",
                    "sub": "1",
                    "reason": reason,
                    "more": True,
                    "devices": [{"device": key, **state}],
                }
                continue
            for frame in device.frames(key, rev, most):
                self.sent[key] = frame["rev"] if frame["type"] == "event" else frame["items"][-1]["rev"]
                yield copy.deepcopy(frame)


class Client:
    """A stream that remembers its readings since it was last shown the device or missed something."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.since: dict[str, int] = {}
        self.readings: dict[str, list[int]] = {}

    def take(self, frame: Frame) -> None:
        for change in self.stream.apply(frame):
            if isinstance(change, Snapshot):
                self.since[change.device] = change.state["rev"]
                self.readings[change.device] = []
            elif isinstance(change, Delta):
                self.readings[change.device] += [reading["rev"] for reading in change.readings]


def run(server: Server, client: Client, story: list[Any]) -> None:
    server.connected(client.stream.resume())
    for step in story:
        match step:
            case "happens", key, what:
                server.happens(key, what)
            case "sends", most:
                for frame in server.next_frames(most):
                    client.take(frame)
            case "breaks", arrive:  # only so many of the frames under way still come
                for frame in list(server.next_frames(9))[:arrive]:
                    client.take(frame)
                server.connected(client.stream.resume())
            case "deletes", key:
                server.deletes(key)
            case "purges", key if key in server.devices:
                device = server.devices[key]
                device.floor = device.state["rev"]
    for frame in server.next_frames(10**6):
        client.take(frame)


@settings(max_examples=300)
@given(st.lists(steps, max_size=60))
def test_every_story_ends_with_the_truth_and_every_reading(story: list[Any]) -> None:
    server, client = Server(), Client()
    run(server, client, story)
    assert client.stream.devices == {key: device.state for key, device in server.devices.items()}
    for key, device in server.devices.items():
        expected = [one["rev"] for one in device.log if one.get("readings") and one["prev"] >= client.since[key]]
        assert client.readings[key] == expected


@given(
    story=st.lists(happenings, min_size=1, max_size=12),
    most=st.integers(1, 3),
    victim=st.integers(0, 11),
    fault=st.sampled_from(["lost", "repeated", "swapped"]),
)
def test_no_frame_is_lost_repeated_or_swapped_unnoticed(story: list[Any], most: int, victim: int, fault: str) -> None:
    server, stream = Server(), Stream()
    server.happens("s/a", ("tags", []))
    server.connected({})
    stream.apply(next(server.next_frames(1)))
    frames: list[Frame] = []
    for what in story:
        server.happens("s/a", what)
        frames += server.next_frames(most)
    at = victim % len(frames)
    if fault == "swapped" and at == len(frames) - 1:
        fault = "repeated"
    if fault == "lost":
        del frames[at]
        frames.append({"type": "event", "sub": "1", "device": "s/a", "prev": 10**6, "rev": 10**6 + 1})
    elif fault == "repeated":
        frames.insert(at, frames[at])
    else:
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    with pytest.raises(StreamBrokenError):
        apply_all(stream, frames)


def apply_all(stream: Stream, frames: list[Frame]) -> None:
    for frame in frames:
        stream.apply(frame)
