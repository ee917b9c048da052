"""Which copy of a message counts, where several of our subscriptions match its topic."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.topic_filters import matches
from mqtt_gateway.rules.filter_owners import EXACT, FilterOwners, FilterTree, identifier, in_order, is_exact

OVERLAPPING = ("devices/#", "+/online", "devices/online", "+/+/state", "#")
NAMES = ["a", "b", "c", ""]


def owners(*filters: str) -> FilterOwners:
    made = FilterOwners()
    made.begin(filters, needed=True)
    return made


def copies(broker_sends: str, filters: tuple[str, ...], topic: str) -> list[list[int]]:
    """The identifiers of each copy, as such a broker sends them."""
    matching = [identifier(one) for one in filters if matches(one, topic)]
    return [[one] for one in matching] if broker_sends == "each" else [matching] if matching else []


@pytest.mark.parametrize("broker_sends", ["each", "one"])
@pytest.mark.parametrize("topic", ["devices/online", "devices/a/b/telemetry", "x/online", "a/b/state", "q"])
def test_each_message_counts_once_whether_the_broker_sends_one_copy_or_several(broker_sends: str, topic: str) -> None:
    known = owners(*OVERLAPPING)
    sent = copies(broker_sends, OVERLAPPING, topic)
    assert sum(not known.is_copy(topic, ids, retained=False) for ids in sent) == 1
    assert sum(not known.is_copy(topic, ids, retained=True) for ids in sent) == 1


@given(
    st.lists(st.lists(st.sampled_from([*NAMES, "+"]), min_size=1, max_size=4), max_size=8),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    st.booleans(),
)
def test_the_tree_finds_who_matches_with_the_longest_literal_beginning(
    levels: list[list[str]], topic_levels: list[str], hashes: bool
) -> None:
    topic = "/".join(topic_levels) or "a"
    filters = {"/".join(one) for one in levels} | ({"/".join([*one, "#"]) for one in levels} if hashes else set())
    filters.discard("")
    found = FilterTree(filters).owner(topic)
    matching = [one for one in filters if matches(one, topic)]
    assert found in matching if matching else found is None
    if matching:
        assert found == in_order(matching)[0]


def test_no_wildcard_matches_a_system_topic_at_its_beginning() -> None:
    assert FilterTree(["#", "+/a"]).owner("$SYS/a") is None
    assert FilterTree(["$SYS/#"]).owner("$SYS/a") == "$SYS/#"


def test_an_exact_filter_owns_its_topic() -> None:
    assert FilterTree(OVERLAPPING).owner("devices/online") == "devices/online"
    assert FilterTree(OVERLAPPING).owner("x/online") == "+/online"


def test_identifiers_are_within_mqtts_bounds_and_all_exact_filters_share_one() -> None:
    many = [f"{a}/{b}/#" for a, b in itertools.product(range(60), range(60))]
    ids = {identifier(one) for one in many}
    assert len(ids) >= len(many) - 1
    assert min(ids) > EXACT
    assert max(ids) <= 268_435_455
    assert identifier("a/b") == identifier("c") == EXACT
    assert is_exact("a/b")


def test_what_has_no_identifier_counts() -> None:
    assert not owners("devices/#", "+/online").is_copy("devices/online", [], retained=False)


def test_a_new_filter_owns_nothing_that_the_broker_had_queued_before() -> None:
    """A message published before `a/b` was subscribed to has one copy, by `a/#`: that one counts."""
    known = owners("a/#")
    known.subscribing(["a/b"])
    known.subscribed(10.0)
    wide, exact = [identifier("a/#")], [identifier("a/b")]
    assert not known.is_copy("a/b", wide, retained=False)
    assert known.is_copy("a/b", exact, retained=False)
    known.settle(9.0)
    assert not known.is_copy("a/b", wide, retained=False)
    known.settle(11.0)
    assert known.is_copy("a/b", wide, retained=False)
    assert not known.is_copy("a/b", exact, retained=False)


def test_what_is_retained_is_the_new_filters_at_once() -> None:
    known = owners("a/#")
    known.subscribing(["a/b"])
    assert not known.is_copy("a/b", [identifier("a/b")], retained=True)
    assert known.is_copy("a/b", [identifier("a/#")], retained=True)


def test_of_filters_that_are_new_together_the_owner_is_subscribed_first() -> None:
    assert in_order(["#", "a/+", "a/#", "a/b", "+/b"]) == ["a/b", "a/+", "a/#", "+/b", "#"]
    known = owners()
    known.subscribing(["a/b", "a/#"])
    assert not known.is_copy("a/b", [identifier("a/b")], retained=False)
    assert known.is_copy("a/b", [identifier("a/#")], retained=False)


def test_a_filter_that_is_gone_owns_nothing() -> None:
    known = owners("a/#", "a/b")
    assert known.is_copy("a/b", [identifier("a/#")], retained=False)
    known.unsubscribed(["a/b"])
    assert not known.is_copy("a/b", [identifier("a/#")], retained=False)


def test_what_no_filter_of_ours_matches_counts() -> None:
    assert not owners("a/#").is_copy("b", [77], retained=False)


def test_another_connection_begins_anew() -> None:
    known = owners("a/#", "a/b")
    known.begin(["a/#"], needed=True)
    assert not known.is_copy("a/b", [identifier("a/#")], retained=False)
