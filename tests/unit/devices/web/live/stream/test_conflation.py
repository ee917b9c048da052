import copy
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages import Delta
from devices.rules.described import descriptions
from devices.rules.stream import snapshot
from devices.web.live.stream.conflation import MAX_MERGED_BYTES, brief, brief_snapshot, latest, merged
from tests.unit.devices.rules.test_stream import follow
from tests.unit.devices.twin_history import descriptions_said
from tests.unit.devices.web.live.world import Database, steps


def delta(prev: int, rev: int, **sections: Any) -> Delta:
    item = {"device": "s/d", "prev": prev, "rev": rev, "readings": sections.pop("readings", []), **sections}
    return Delta("s/d", prev, rev, msgspec.json.encode(item))


def reading(rev: int, ts: int, **metrics: Any) -> dict[str, Any]:
    return {"rev": rev, "ts": ts, "metrics": metrics}


def item(one: Delta) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(one.item)
    assert (decoded["device"], decoded["prev"], decoded["rev"]) == (one.device, one.prev, one.rev)
    return decoded


@settings(max_examples=300)
@given(st.lists(steps, max_size=4), st.lists(st.lists(steps, min_size=1, max_size=3), max_size=6))
def test_merged_deltas_do_what_the_single_ones_did(before: list[Any], commits: list[list[Any]]) -> None:
    database = Database()
    database.commit([("s/d", ("desired", {})), *(("s/d", step) for step in before)])
    client = database.truth("s/d")
    runs: list[list[Delta]] = [[]]
    for commit in commits:
        for change in database.commit([("s/d", step) for step in commit]):
            if isinstance(change, Delta):
                runs[-1].append(change)
            else:
                runs.append([])
    thin = copy.deepcopy(client)
    for number, run in enumerate(runs):
        if number:  # an event
            client["rev"] += 1
            thin["rev"] += 1
        together = merged(run) if run else []
        assert len(together) <= len(run)
        for one in together:
            follow(client, item(one))
        for one in latest(together):
            follow(thin, item(one))
    assert client == thin == database.truth("s/d")


def test_readings_are_put_one_after_the_other() -> None:
    first = delta(1, 2, readings=[reading(2, 10, t=1)])
    second = delta(2, 4, readings=[reading(3, 11, t=2), reading(4, 12, t=3)])
    [both] = merged([first, delta(2, 2), second])
    assert [one["rev"] for one in item(both)["readings"]] == [2, 3, 4]


def test_what_can_not_be_one_patch_stays_two_items() -> None:
    changes = [delta(1, 2, reported={"a": None}), delta(2, 3, reported={"a": {"x": 1}}), delta(3, 4, tags=["x"])]
    assert [(one.prev, one.rev) for one in merged(changes)] == [(1, 2), (2, 4)]


def test_items_do_not_grow_without_limit() -> None:
    text = "x" * (MAX_MERGED_BYTES // 2)
    changes = [delta(rev, rev + 1, readings=[reading(rev + 1, 10, t=text)]) for rev in range(3)]
    assert len(merged(changes)) == 3


def test_a_filled_metric_gives_way_to_a_later_reading_of_its_time() -> None:
    filled = delta(1, 2, metrics={"t": {"value": 1, "ts": 50}, "h": {"value": 2, "ts": 50}})
    [both] = merged([filled, delta(2, 3, readings=[reading(3, 50, t=7)])])
    assert item(both)["metrics"] == {"h": {"value": 2, "ts": 50}}
    [both] = merged([filled, delta(2, 3, readings=[reading(3, 49, t=7)])])
    assert item(both)["metrics"]["t"] == {"value": 1, "ts": 50}


def test_case_b5_a_reading_is_not_put_before_the_removal_that_it_came_after() -> None:
    removed = delta(1, 2, metrics={"t": None})
    assert len(merged([removed, delta(2, 3, readings=[reading(3, 50, t=7)])])) == 2
    [both] = merged([removed, delta(2, 3, readings=[reading(3, 50, h=7)])])
    assert item(both)["metrics"] == {"t": None}
    [both] = merged([delta(0, 1, readings=[reading(1, 50, t=7)]), removed])
    assert item(both)["metrics"] == {"t": None}


def test_latest_keeps_the_readings_that_win_a_metric() -> None:
    one = delta(
        1, 5, readings=[reading(2, 10, t=1, h=1), reading(3, 12, t=2), reading(4, 11, t=3), reading(5, 12, t=4)]
    )
    [thinned] = latest([one])
    assert [kept["rev"] for kept in item(thinned)["readings"]] == [2, 5]


def test_latest_leaves_a_single_reading_as_it_is() -> None:
    one = delta(1, 2, readings=[reading(2, 10, t=1)])
    assert latest([one])[0].item is one.item


def test_every_section_of_the_stream_survives_merging() -> None:
    """A section that the rules begin to send must not get lost here."""
    database = Database()
    history = database._history("s/d")
    history.step(("describe", "person", {"name": "Lamp"}))
    sections = set(snapshot("s/d", history.twin, history.kept)) - {"device", "rev"}
    values: dict[str, Any] = {
        "metrics": {"m": {"value": 1, "ts": 1}},
        "reported": {"a": 1},
        "desired": {"a": 1},
        "desired_version": 1,
        "presence": {"status": "online", "since": 1, "why": "birth"},
        "tags": ["x"],
        "description": {"name": "Lamp"},
    }
    assert set(values) == sections
    [both] = merged([delta(1, 2, **values), delta(2, 3)])
    assert item(both) == {"device": "s/d", "prev": 1, "rev": 3, "readings": [], **values}


@settings(max_examples=200)
@given(st.lists(descriptions_said, max_size=6), st.lists(descriptions_said, max_size=4))
def test_who_wants_it_brief_is_told_the_brief_form_of_what_others_are_told(before: list[Any], after: list[Any]) -> None:
    database = Database()
    database.commit([("s/d", ("desired", {})), *(("s/d", step) for step in before)])
    client = msgspec.json.decode(brief_snapshot(msgspec.json.encode(database.truth("s/d"))))
    for change in database.commit([("s/d", step) for step in after]):
        assert isinstance(change, Delta)
        follow(client, item(brief(change)))
    truth = database.truth("s/d")
    if "description" in truth:
        truth["description"] = descriptions.brief(truth["description"])
    assert client == truth


def test_nothing_is_put_where_a_description_went_but_by_a_patch_of_its_own() -> None:
    gone, new = delta(1, 2, description=None), delta(2, 3, description={"name": "b"})
    assert len(merged([gone, new])) == 2
    [both] = merged([delta(1, 2, description={"name": "a"}), delta(2, 3, description=None)])
    assert item(both)["description"] is None
