"""Old snapshot + stream = fresh snapshot, for any history, since any rev."""

import copy
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages import Delta
from bridge.observations import RawReading, Telemetry
from devices.rules.metrics import MAX_REMOVED_CHARS
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.requested import remove_metric
from devices.rules.stream import StreamReading, can_replay, replay, snapshot
from devices.rules.twin import TwinState, dump, load
from tests.unit.devices.rules.test_documents import merge_patch, patches
from tests.unit.devices.twin_history import NOW, TwinHistory, descriptions_said

names = st.sampled_from(["t", "h"])
readings = st.fixed_dictionaries(
    {}, optional={"t": st.integers(0, 3), "h": st.booleans(), "ts": st.integers(1_600_000_000_000, 1_600_000_000_009)}
)
messages = st.one_of(
    st.tuples(st.just("telemetry"), st.one_of(readings, st.lists(readings, max_size=3))),
    st.tuples(st.just("state"), patches),
    st.tuples(st.just("status"), st.sampled_from(["online", "offline"])),
    st.tuples(st.just("event"), st.integers()),
    st.tuples(st.just("telemetry"), st.just("rubbish")),
)
steps = st.one_of(
    st.tuples(st.just("message"), messages, st.booleans()),
    st.tuples(st.just("ahead"), messages, st.just(False)),
    st.tuples(st.just("desired"), patches),
    st.tuples(st.just("tags"), st.lists(names, max_size=2)),
    st.tuples(st.just("remove"), names),
    descriptions_said,
)


class History(TwinHistory):
    """With its snapshot at every rev that it stopped at."""

    def __init__(self, most: int = 200) -> None:
        super().__init__("s/d", TwinState(), most=most)
        self.snapshots = {0: self.fresh()}

    def fresh(self) -> dict[str, Any]:
        return copy.deepcopy(snapshot(self.device, self.twin, self.kept))

    def step(self, step: Any) -> None:
        super().step(step)
        before = self.snapshots.setdefault(self.twin.rev, self.fresh())
        assert before == self.fresh(), "a visible change without a rev"


def follow(client: dict[str, Any], item: dict[str, Any]) -> None:
    """A client's part of docs/websocket.md."""
    assert item["prev"] == client["rev"]
    for reading in item["readings"]:
        assert item["prev"] < reading["rev"] <= item["rev"]
        for name, value in reading["metrics"].items():
            current = client["metrics"].get(name)
            if current is None or reading["ts"] >= current["ts"]:
                client["metrics"][name] = {"value": value, "ts": reading["ts"]}
    for section in ("metrics", "reported", "desired", "presence"):
        if section in item:
            client[section] = merge_patch(client[section], item[section])
    for section in ("tags", "desired_version"):
        client[section] = item.get(section, client[section])
    if "description" in item:
        client["description"] = merge_patch(client.get("description"), item["description"])
        if client["description"] is None:
            del client["description"]
    client["rev"] = item["rev"]


@settings(max_examples=300)
@given(st.lists(steps, max_size=12), st.sampled_from([1, 200]))
def test_old_snapshot_and_stream_give_the_fresh_snapshot(history: list[Any], most: int) -> None:
    kept = History(most)
    for step in history:
        kept.step(step)
    for rev, old in kept.snapshots.items():
        client, seen = copy.deepcopy(old), []
        for change in kept.since(rev):
            assert change.prev == client["rev"]
            if isinstance(change, Delta):
                item = msgspec.json.decode(change.item)
                follow(client, item)
                seen += [reading["rev"] for reading in item["readings"]]
            else:
                client["rev"] = change.rev
                seen.append(msgspec.json.decode(change.frame)["rev"])
        assert client == kept.fresh()
        stored = [r.rev for r in kept.readings] + [e.rev for e in kept.events]
        assert seen == sorted(number for number in stored if number > rev)


@given(st.lists(steps, max_size=8))
def test_a_twin_survives_storage(history: list[Any]) -> None:
    kept = History()
    for step in history:
        kept.step(step)
    assert load(dump(kept.twin)) == kept.twin


def test_case_b5_a_metric_removed_and_brought_again_by_an_older_time_is_right_for_every_client() -> None:
    kept = History()
    kept.step(("message", ("telemetry", {"t": 1, "ts": NOW - 1}), False))
    old = copy.deepcopy(kept.fresh())
    kept.step(("message", ("telemetry", {"t": 2, "ts": NOW}), False))
    kept.step(("remove", "t"))
    kept.step(("message", ("telemetry", {"t": 3, "ts": NOW - 9}), False))
    assert kept.fresh()["metrics"] == {"t": {"value": 3, "ts": NOW - 9}}
    items = [msgspec.json.decode(change.item) for change in kept.since(old["rev"]) if isinstance(change, Delta)]
    assert [item.get("metrics") for item in items] == [{"t": None}, None]
    for item in items:
        follow(old, item)
    assert old == kept.fresh()


def test_case_b5_what_was_removed_is_remembered_up_to_a_size_then_old_streams_are_refused() -> None:
    twin = TwinState()
    for number in range(300):
        name = f"{number:0128}"
        reduce(twin, Telemetry((RawReading(None, {name: 1}),)), Arrival(NOW), Limits())
        remove_metric(twin, name)
    assert sum(map(len, twin.removed)) <= MAX_REMOVED_CHARS
    first = min(twin.removed.values())
    assert not can_replay(twin, twin.removed_floor - 1)
    assert twin.removed_floor < first
    assert can_replay(twin, twin.removed_floor)


def test_large_replays_come_in_pages() -> None:
    twin = TwinState(rev=100)
    big = [StreamReading(rev, NOW, msgspec.json.encode({"t": "x" * 60_000})) for rev in range(1, 101)]
    items = list(replay("s/d", twin, 0, big, []))
    assert [item.prev for item in items[1:]] == [item.rev for item in items[:-1]]
    assert all(len(item.item) < 512 * 1024 for item in items if isinstance(item, Delta))
    assert len(items) > 10


@settings(max_examples=300)
@given(st.lists(steps, max_size=12), st.lists(steps, max_size=6), st.data())
def test_whoever_stops_half_way_can_go_on_from_there(first: list[Any], second: list[Any], data: st.DataObject) -> None:
    """A replay that broke off is continued after more has happened: the halves were made from different twins."""
    kept = History()
    for step in first:
        kept.step(step)
    start = data.draw(st.sampled_from(sorted(kept.snapshots)))
    client = copy.deepcopy(kept.snapshots[start])
    for change in kept.since(start)[: data.draw(st.integers(0, 3))]:
        _apply(client, change)
    for step in second:
        kept.step(step)
    for change in kept.since(client["rev"]):
        _apply(client, change)
    assert client == kept.fresh()


def test_an_object_that_became_a_scalar_leaves_nothing_behind_for_whoever_stops_before_that() -> None:
    kept = History()
    kept.step(("message", ("state", {"a": {"x": 1}}), False))
    client = copy.deepcopy(kept.fresh())
    kept.step(("message", ("state", {"a": None}), False))
    kept.step(("message", ("event", 1), False))
    kept.step(("message", ("state", {"a": 1}), False))
    _apply(client, kept.since(client["rev"])[0])  # up to the event
    assert client["reported"] == {}
    kept.step(("message", ("state", {"a": {}}), False))
    for change in kept.since(client["rev"]):
        _apply(client, change)
    assert client == kept.fresh()


def _apply(client: dict[str, Any], change: Any) -> None:
    if isinstance(change, Delta):
        follow(client, msgspec.json.decode(change.item))
    else:
        client["rev"] = change.rev
