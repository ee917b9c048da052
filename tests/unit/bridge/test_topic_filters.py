import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.topic_filters import matches, overlap, topic_filter_error, topic_name_error

levels = st.sampled_from(["", "a", "b", "$SYS", "+"])
filters = st.builds(
    lambda parts, tail: "/".join([*parts, *tail]),
    st.lists(levels, min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
).filter(lambda text: topic_filter_error(text) is None)
ALL_TOPICS = [
    topic
    for length in (1, 2, 3, 4, 5)
    for parts in itertools.product(["", "a", "b", "$SYS"], repeat=length)
    if topic_name_error(topic := "/".join(parts)) is None
]


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "a/b/c", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/broker", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/broker", True),
    ],
)
def test_the_examples_of_mqtt_section_4_7(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


@example("/#", "+")
@example("+/#", "+")
@given(filters, filters)
def test_overlap_means_that_some_topic_matches_both(one: str, other: str) -> None:
    expected = any(matches(one, topic) and matches(other, topic) for topic in ALL_TOPICS)
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


@pytest.mark.parametrize("bad", ["", "a/#/b", "a#", "a+/b", "+a", "##", "a/\0", "x" * 70_000, "\ud800"])
def test_bad_filters_are_named(bad: str) -> None:
    assert topic_filter_error(bad)


@pytest.mark.parametrize("bad", ["", "a/+", "#", "\0"])
def test_bad_topic_names_are_named(bad: str) -> None:
    assert topic_name_error(bad)
