"""A world for the stream rule, without I/O: devices with histories, a database to ask, and strict clients."""

import copy
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import structs

from bridge.messages import Gone
from devices.requests.registry import new_twin
from devices.rules.stream import snapshot
from devices.rules.twin import TwinState, dump, load
from devices.web.live.queries.answers import Rows, answer, refusal, winners
from devices.web.live.stream.changes import Answer, Query, StreamChange
from devices.web.live.stream.server_frames import decode as decode_frame
from tests.unit.devices.rules.test_documents import merge_patch, patches
from tests.unit.devices.twin_history import TwinHistory, descriptions_said

_readings = st.fixed_dictionaries(
    {},
    optional={
        "t": st.one_of(st.none(), st.integers(0, 3)),
        "h": st.booleans(),
        "ts": st.integers(1_600_000_000_000, 1_600_000_000_009),
    },
)
_messages = st.one_of(
    st.tuples(st.just("telemetry"), st.one_of(_readings, st.lists(_readings, max_size=3))),
    st.tuples(st.just("telemetry"), st.one_of(_readings, st.lists(_readings, max_size=3))),
    st.tuples(st.just("state"), patches),
    st.tuples(st.just("status"), st.sampled_from(["online", "offline"])),
    st.tuples(st.just("event"), st.integers()),
)
steps = st.one_of(
    st.tuples(st.just("message"), _messages, st.booleans()),
    st.tuples(st.just("message"), _messages, st.just(False)),
    st.tuples(st.just("ahead"), _messages, st.just(False)),
    st.tuples(st.just("desired"), patches),
    st.tuples(st.just("tags"), st.lists(st.sampled_from(["x", "y"]), max_size=2)),
    st.tuples(st.just("remove"), st.sampled_from(["t", "h"])),
    descriptions_said,
)


class Database:
    """The committed truth."""

    def __init__(self) -> None:
        self.devices: dict[str, TwinHistory] = {}
        self.retired: dict[str, int] = {}
        self.purged: dict[str, int] = {}  # through which rev
        self.stored: dict[str, dict[int, Any]] = {}  # readings and events of all lives, by device and rev

    def commit(self, work: list[tuple[str, Any]]) -> list[StreamChange]:
        """One transaction of a worker; its broadcast's changes."""
        before: dict[str, int] = {}
        for device, step in work:
            history = self._history(device)
            before.setdefault(device, history.twin.rev)
            history.step(step)
        changes: list[StreamChange] = []
        for device, rev in before.items():
            history = self.devices[device]
            changes += history.since(rev)
            kept = self.stored.setdefault(device, {})
            kept |= {one.rev: one.json() for one in history.readings}
            kept |= {one.rev: one.name for one in history.events}
        return changes

    def _history(self, device: str) -> TwinHistory:
        if device not in self.devices:
            self.devices[device] = TwinHistory(device, new_twin(self.retired.get(device)))
        return self.devices[device]

    def delete(self, device: str) -> list[StreamChange]:
        """One transaction that deletes a device."""
        history = self.devices.pop(device, None)
        if history is None:
            return []
        self.retired[device] = history.twin.rev
        self.purged.pop(device, None)
        return [Gone(device)]

    def purge(self, device: str, count: int) -> None:
        """Retention removes the oldest ``count`` rows."""
        history = self.devices.get(device)
        if history is None:
            return
        revs = sorted([one.rev for one in history.readings] + [one.rev for one in history.events])
        if revs:
            upto = self.purged[device] = revs[:count][-1]
            history.readings = [one for one in history.readings if one.rev > upto]
            history.events = [one for one in history.events if one.rev > upto]

    def list(self, covers: Any) -> list[tuple[str, int]]:
        """Keys and revs of what a target covers."""
        return [(device, one.twin.rev) for device, one in sorted(self.devices.items()) if covers(device)]

    def ask(self, query: Query, *, latest: bool = False, most: int = 1_000) -> Answer:
        """What devices.web.live.queries.replay does with real rows; at most ``most`` readings at a time."""
        history, purged_rev = self.devices.get(query.device), self.purged.get(query.device, 0)
        if history is None or refusal(query, history.twin, purged_rev):
            twin, kept = (load(dump(history.twin)), history.kept) if history else (None, None)
            return answer(query, twin, Rows(purged_rev=purged_rev), kept)
        since = query.since or 0
        readings = [one for one in history.readings if one.rev > since]
        if latest:
            readings = [one for one in readings if one.rev in winners(history.twin, since)]
        upto = readings[most - 1].rev if len(readings) > most else history.twin.rev
        rows = Rows(
            [one for one in readings if one.rev <= upto],
            [one for one in history.events if since < one.rev <= upto],
            upto if upto < history.twin.rev else None,
            purged_rev,
        )
        return answer(query, load(dump(history.twin)), rows, history.kept)

    def truth(self, device: str) -> dict[str, Any]:
        """The fresh snapshot."""
        return copy.deepcopy(snapshot(device, self.devices[device].twin, self.devices[device].kept))


class Client:
    """Applies frames by docs/websocket.md and checks the stream rule for each."""

    def __init__(self, database: Database, *, latest: bool, named: bool) -> None:
        self._named = named  # it asked for devices by name: of those it may hear that they are gone before it saw them
        self.devices: dict[str, dict[str, Any]] = {}
        self.complete = False
        self._database = database
        self._latest = latest

    @property
    def revs(self) -> dict[str, int]:
        """What it resumes from."""
        return {device: state["rev"] for device, state in self.devices.items()}

    def take(self, raw: bytes) -> None:
        """Apply one stream frame."""
        decode_frame(raw)
        frame = msgspec.json.decode(raw)
        match frame["type"]:
            case "snapshot":
                for one in frame["devices"]:
                    if frame["reason"] in ("subscribe", "new"):
                        assert one["device"] not in self.devices, "shown again without need"
                    self.devices[one["device"]] = one
                if frame["reason"] == "subscribe":
                    assert not self.complete, "a page after the last one"
                    self.complete = not frame["more"]
            case "delta":
                for item in frame["items"]:
                    self._item(item)
            case "event":
                self._event(frame)
            case "gone":
                assert frame["device"] in self.devices or self._named, "gone before it was shown"
                self.devices.pop(frame["device"], None)

    def _item(self, item: dict[str, Any]) -> None:
        state = self.devices[item["device"]]
        assert item["prev"] == state["rev"] < item["rev"]
        self._check_readings(item)
        for reading in item["readings"]:
            for name, value in reading["metrics"].items():
                current = state["metrics"].get(name)
                if current is None or reading["ts"] >= current["ts"]:
                    state["metrics"][name] = {"value": value, "ts": reading["ts"]}
        for section in ("metrics", "reported", "desired", "presence"):
            if section in item:
                state[section] = merge_patch(state[section], item[section])
        if "description" in item:
            state["description"] = merge_patch(state.get("description"), item["description"])
            if state["description"] is None:
                del state["description"]
        for section in ("tags", "desired_version", "rev"):
            state[section] = item.get(section, state[section])

    def _check_readings(self, item: dict[str, Any]) -> None:
        """Every reading that is stored, once, in order; with ``latest`` none but stored ones."""
        revs = [reading["rev"] for reading in item["readings"]]
        assert revs == sorted(set(revs))
        stored = {
            rev: what
            for rev, what in self._database.stored.get(item["device"], {}).items()
            if item["prev"] < rev <= item["rev"]
        }
        assert set(revs) <= set(stored) if self._latest else revs == sorted(stored)
        for reading in item["readings"]:
            assert msgspec.json.decode(stored[reading["rev"]]) == reading

    def _event(self, frame: dict[str, Any]) -> None:
        state = self.devices[frame["device"]]
        assert frame["rev"] == state["rev"] + 1
        assert self._database.stored[frame["device"]][frame["rev"]] == frame["name"]
        state["rev"] = frame["rev"]


def at_rev(twin: TwinState, rev: int) -> TwinState:
    """The twin with another rev, as a worker never has it."""
    return structs.replace(twin, rev=rev)
