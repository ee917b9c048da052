"""Field by field a person's word beats the device's, that beats its dialect's; each property says whose word it has."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.forms.description_words import without_read_only
from bridge.observations import RawReading
from devices.rules.described import descriptions
from devices.rules.described.descriptions import Kept, dump, load, merged
from devices.rules.described.values import expectations, expected, fault, off_step, unexpected
from devices.rules.twin import TwinState
from tests.unit.devices.twin_history import words

ORDER = ("person", "device", "dialect")


@given(st.fixed_dictionaries(dict.fromkeys(ORDER, words)))
def test_each_field_is_the_first_ones_who_said_it(said: Any) -> None:
    description = merged(said)
    for name in ("name", "model", "stale_after_s"):
        who = next((source for source in ORDER if name in said[source]), None)
        assert description.get("set_by", {}).get(name) == who
        assert description.get(name) == (said[who][name] if who else None)


@given(st.fixed_dictionaries(dict.fromkeys(ORDER, words)))
def test_each_property_is_put_together_member_by_member(said: Any) -> None:
    found = {one["metric"]: one for one in merged(said).get("properties", [])}
    speak = {source: {one["metric"]: one for one in said[source].get("properties", [])} for source in ORDER}
    assert found.keys() == {metric for its in speak.values() for metric in its}
    for metric, one in found.items():
        assert one["set_by"] == next(source for source in ORDER if metric in speak[source])
        for name in ("label", "unit"):
            who = next((source for source in ORDER if name in speak[source].get(metric, {})), None)
            assert one.get(name) == (speak[who][metric][name] if who else None)


def test_null_gives_a_field_back_and_what_changes_nothing_takes_no_rev() -> None:
    kept, twin = Kept(), TwinState()
    assert descriptions.dialect_said(kept, {"name": "0x01", "origin": "z2m 2"}, twin)
    assert descriptions.put(kept, {"name": "Lamp"}, twin)
    assert kept.value == {"name": "Lamp", "origin": "z2m 2", "set_by": {"name": "person", "origin": "dialect"}}
    assert not descriptions.put(kept, {"name": "Lamp"}, twin)
    assert not descriptions.dialect_said(kept, {"name": "0x02", "origin": "z2m 2"}, twin), "hidden by the person's"
    assert (twin.rev, twin.described_rev) == (2, 2)
    assert descriptions.put(kept, {"name": None}, twin)
    assert kept.value["name"] == "0x02"
    assert load(dump(kept)) == kept


def test_what_was_read_and_is_sent_back_stays_whose_it_was() -> None:
    kept, twin = Kept(), TwinState()
    dimmer = {"metric": "dim", "kind": "number", "low": 0, "high": 100}
    descriptions.dialect_said(kept, {"name": "0x01", "model": "M1", "properties": [dimmer, {"metric": "t"}]}, twin)
    descriptions.put(kept, {"name": "Lamp", "properties": [{"metric": "t", "unit": "°C"}]}, twin)
    read = without_read_only(kept.value)
    assert not descriptions.put(kept, read, twin), "GET, then PUT"
    descriptions.put(kept, {**read, "properties": [{**one, "label": "Warm"} for one in read["properties"]]}, twin)
    assert kept.person == {
        "name": "Lamp",
        "properties": [{"metric": "dim", "label": "Warm"}, {"metric": "t", "unit": "°C", "label": "Warm"}],
    }
    descriptions.dialect_said(kept, {"name": "0x01", "model": "M2", "properties": [{**dimmer, "high": 254}]}, twin)
    assert (kept.value["model"], kept.value["properties"][0]["high"]) == ("M2", 254), "the dialect's word goes on"
    descriptions.put(kept, {"name": "0x01", "properties": []}, twin)
    assert kept.person == {"name": "0x01"}, "a word that was theirs stays theirs"


def test_retained_words_of_a_device_fill_only_what_it_has_not_said_live() -> None:
    kept, twin = Kept(), TwinState()
    descriptions.device_said(kept, {"name": "old", "model": "M1"}, twin, live=False)
    descriptions.device_said(kept, {"name": "new", "properties": [{"metric": "t"}]}, twin, live=True)
    assert "model" not in kept.value, "a live word replaces all that was said before"
    descriptions.device_said(kept, {"name": "old", "model": "M1", "properties": [{"metric": "h"}]}, twin, live=False)
    assert (kept.value["name"], kept.value["model"]) == ("new", "M1")
    assert [one["metric"] for one in kept.value["properties"]] == ["t", "h"]


def test_who_takes_a_description_back_leaves_what_was_said() -> None:
    kept, twin = Kept(), TwinState()
    descriptions.dialect_said(kept, {"name": "Lamp", "model": "M1"}, twin)
    descriptions.dialect_said(kept, {"withdrawn": True}, twin)
    assert (kept.value["name"], kept.value["withdrawn"]) == ("Lamp", True)


def test_values_are_judged_by_kind_range_and_list() -> None:
    number = expected({"metric": "t", "kind": "number", "low": 0, "high": 10, "step": 0.1})
    assert number is not None
    assert [fault(value, number) for value in (0, 10.0, -1, 11, "5", True)] == [
        None, None, "out_of_range", "out_of_range", "wrong_kind", "wrong_kind",
    ]  # fmt: skip
    assert [off_step(value, number) for value in (0.3, 9.9, 0.35)] == [False, False, True]
    mode = expected({"metric": "m", "kind": "enum", "values": ["eco", "1"]})
    assert mode is not None
    assert [fault(value, mode) for value in ("eco", 1, "boost", True)] == [None, None, "unknown_value", "wrong_kind"]
    for anything in ({"metric": "x"}, {"metric": "x", "kind": "text"}, {"metric": "x", "kind": "enum"}):
        assert expected(anything) is None


def test_a_value_that_is_not_as_expected_is_noted_once_a_message() -> None:
    by_metric = expectations([{"metric": "t", "kind": "number", "high": 10}, {"metric": "on", "kind": "boolean"}])
    readings = [RawReading(None, {"t": 11, "on": None, "x": "y"}), RawReading(None, {"t": 12, "on": 1})]
    assert [(note.reason, note.metric, note.count, note.sample) for note in unexpected(readings, by_metric)] == [
        ("out_of_range", "t", 2, "12"),
        ("wrong_kind", "on", 1, "1"),
    ]
