"""Words about devices: what is wrong is named, what dialects say is bounded."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.descriptions import Action, Description, Property
from bridge.dialects.forms.description_words import (
    MAX_WORDS_BYTES,
    WrongWordError,
    description_of,
    good_words_of,
    without_read_only,
    words_of,
    words_of_description,
)

PROPERTY = {"metric": "t", "label": "Temperature", "kind": "number", "unit": "°C", "class": "temperature", "low": -20}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([], ""),
        ("x", ""),
        ({"colour": "red"}, "colour"),
        ({"dialect": "native"}, "dialect"),
        ({"name": 3}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"serial": "a\nb"}, "serial"),
        ({"via": "somewhere"}, "via"),
        ({"stale_after_s": 0}, "stale_after_s"),
        ({"stale_after_s": True}, "stale_after_s"),
        ({"stale_after_s": "sometimes"}, "stale_after_s"),
        ({"properties": {}}, "properties"),
        ({"properties": [{"kind": "number"}]}, "properties.0.metric"),
        ({"properties": [PROPERTY, {"metric": "x", "kind": "nunber"}]}, "properties.1.kind"),
        ({"properties": [{"metric": "x", "settable": "yes"}]}, "properties.0.settable"),
        ({"properties": [{"metric": "x", "low": 5, "high": 1}]}, "properties.0.low"),
        ({"properties": [{"metric": "x", "step": 0}]}, "properties.0.step"),
        ({"properties": [PROPERTY, PROPERTY]}, "properties.1.metric"),
        ({"properties": [{"metric": f"m{number}"} for number in range(201)]}, "properties"),
        ({"actions": [{"name": "a b"}]}, "actions.0.name"),
        ({"actions": [{"name": "a", "args": [{"metric": "x", "kind": 3}]}]}, "actions.0.args.0.kind"),
        ({"actions": [{"name": "a", "retry": "often"}]}, "actions.0.retry"),
        (
            {
                "properties": [
                    {"metric": "x", "values": ["v" * 128] * 256},
                    {"metric": "y", "values": ["w" * 128] * 256},
                ]
            },
            "",
        ),
    ],
)
def test_what_is_wrong_is_named(said: Any, field: str) -> None:
    with pytest.raises(WrongWordError) as wrong:
        words_of(said, 200)
    assert wrong.value.field == field
    assert wrong.value.why


def test_what_is_said_is_kept_as_it_is_and_nulls_of_fields_are_told() -> None:
    said = {"name": None, "model": "M1", "stale_after_s": "never", "properties": [PROPERTY | {"label": None}]}
    words = words_of(said, 200)
    assert words["name"] is None
    assert words["properties"] == [{name: one for name, one in PROPERTY.items() if name != "label"}]
    assert description_of(words).stale_after_s is None
    assert description_of(words).properties[0].device_class == "temperature"


def test_what_was_read_may_be_sent_back() -> None:
    read = {
        "name": "Lamp",
        "origin": "z2m 2",
        "set_by": {"name": "dialect"},
        "properties": [PROPERTY | {"set_by": "device"}],
    }
    assert words_of(without_read_only(read), 200) == {"name": "Lamp", "properties": [PROPERTY]}


texts = st.text(max_size=3) | st.sampled_from(["x" * 300, "a\0b", "demo/hub"])
numbers = st.none() | st.floats()
properties = st.builds(
    Property, metric=texts, label=texts, unit=texts, low=numbers, values=st.sampled_from([(), ("v" * 200,) * 300])
)
actions = st.builds(Action, name=st.sampled_from(["a", "b", "c d"]), args=st.lists(properties, max_size=2).map(tuple))


@settings(max_examples=40)
@given(
    st.builds(
        Description,
        name=texts,
        via=texts,
        properties=st.lists(properties, max_size=5).map(tuple),
        actions=st.lists(actions, max_size=3).map(tuple),
        stale_after_s=st.sampled_from([None, 0, 5, 2**40]),
        origin=texts,
    )
)
def test_whatever_a_dialect_says_is_within_the_bounds_of_what_people_may_say(said: Description) -> None:
    words = words_of_description(said, 3)
    assert len(msgspec.json.encode(words)) <= MAX_WORDS_BYTES
    words_of(without_read_only(words), 3)


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        ({"name": "x", "serial": 3}, {"name": "x"}, {"serial": 3}),
        ({"name": "x", "a.b": 3}, {"name": "x"}, {"a.b": 3}),
        ({"name": "x", "properties": 5}, {"name": "x"}, {"properties": 5}),
        (
            {"actions": [{"name": "a", "retry": "often"}, {"name": "b"}]},
            {"actions": [{"name": "b"}]},
            {"actions": [{"name": "a", "retry": "often"}]},
        ),
        ({"properties": [PROPERTY, PROPERTY]}, {"properties": [PROPERTY]}, {"properties": [PROPERTY]}),
        ({f"m{number}": 1 for number in range(21)} | {"name": "x"}, {}, None),
    ],
)
def test_good_words_beside_wrong_ones(value: dict[str, Any], good: dict[str, Any], bad: dict[str, Any] | None) -> None:
    words, wrong, aside = good_words_of(value, 200)
    assert (words, aside) == (good, value if bad is None else bad)
    assert wrong is not None
