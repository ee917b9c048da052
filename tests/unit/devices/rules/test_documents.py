from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rules import documents
from devices.rules.documents import Document, apply, changes, confirm, fills, missing, patch_between

keys = st.sampled_from(["a", "b", "c", "a/b", "~"])
leaves: st.SearchStrategy[Any] = st.one_of(st.none(), st.integers(0, 2), st.booleans(), st.just([1]), st.just({}))
patches = st.dictionaries(
    keys, st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8), max_size=3
)


@pytest.mark.parametrize(
    ("desired", "reported", "equal"),
    [
        (21.0, 21, True),
        (100, 1e2, True),
        ([1.0, {"a": 2}], [1, {"a": 2.0}], True),
        (-0.0, 0, True),
        (True, 1, False),
        (0, False, False),
        ([True], [1], False),
        ({"a": [{"on": 1}]}, {"a": [{"on": True}]}, False),
        (2**53, 2.0**53, True),
        ("1", 1, False),
        (None, False, False),
    ],
)
def test_case_c1_equal_means_equal_json(desired: Any, reported: Any, equal: bool) -> None:
    for one, other in ((desired, reported), (reported, desired)):
        assert documents.same(one, other) is equal
        if one is not None and other is not None:
            assert (missing({"x": one}, {"x": other}) == {}) is equal
            assert (changes(Document({"x": one}), {"x": other}) == []) is equal


def test_case_c2_the_order_of_members_means_nothing() -> None:
    want, have = {"l": [{"x": 1, "y": 2}]}, {"l": [{"y": 2, "x": 1}]}
    assert missing(want, have) == {}
    assert changes(Document(have), want) == []


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396 section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge_patch(out.get(name), value)
    return out


def build(history: list[dict[str, Any]]) -> tuple[Document, list[dict[str, Any]]]:
    """The document after all patches, and its value after each rev (index = rev)."""
    document = Document()
    values: list[dict[str, Any]] = [{}]
    for patch in history:
        changed = changes(document, patch)
        assert (merge_patch(document.value, patch) == document.value) or changed
        if changed:
            before = msgspec.json.encode(document.value)
            apply(document, changed, len(values))
            assert msgspec.json.encode(document.value) != before
            values.append(msgspec.json.decode(msgspec.json.encode(document.value)))
    return document, values


@given(st.lists(patches, max_size=8))
def test_merging_is_rfc_7396(history: list[dict[str, Any]]) -> None:
    document, _ = build(history)
    expected: Any = {}
    for patch in history:
        expected = merge_patch(expected, patch)
    assert document.value == expected


@given(st.lists(patches, max_size=10))
def test_an_old_value_and_the_patch_since_give_the_new_value(history: list[dict[str, Any]]) -> None:
    document, values = build(history)
    for rev, value in enumerate(values):
        assert merge_patch(value, patch_between(document, rev, len(values) - 1)) == document.value


@given(st.lists(patches, max_size=10), st.data())
def test_the_patches_over_any_cuts_give_the_new_value(history: list[dict[str, Any]], data: st.DataObject) -> None:
    document, values = build(history)
    last = len(values) - 1
    since = data.draw(st.integers(0, last))
    cuts = sorted(data.draw(st.sets(st.integers(since, last))) | {since, last})
    value: Any = values[since]
    for low, high in pairwise(cuts):
        value = merge_patch(value, patch_between(document, low, high))
    assert value == document.value


@given(st.lists(patches, max_size=6), patches)
def test_a_retained_patch_touches_nothing_that_was_set_live(history: list[dict[str, Any]], retained: Any) -> None:
    document, values = build(history)
    live = {pointer for pointer, leaf in document.leaves.items()}
    apply(document, fills(document, retained), len(values), live=False)
    for pointer in live:
        assert document.leaves[pointer].live
        assert document.leaves[pointer].rev < len(values)
    assert merge_patch(values[-1], patch_between(document, len(values) - 1, len(values))) == document.value


def test_what_a_live_message_confirms_is_no_longer_filled() -> None:
    document = Document()
    apply(document, fills(document, {"a": 1}), 1, live=False)
    assert fills(document, {"a": 2})
    confirm(document, {"a": 1})
    assert not fills(document, {"a": 2})


@given(patches, patches)
def test_what_is_missing_brings_reported_to_desired(one: dict[str, Any], other: dict[str, Any]) -> None:
    desired, reported = merge_patch({}, one), merge_patch({}, other)
    assert not missing(desired, merge_patch(reported, missing(desired, reported)))
    assert not missing(desired, desired)


def test_tombstones_are_bounded_and_the_floor_says_so() -> None:
    document, rev = Document(), 0
    for number in range(3_000):
        for patch in ({f"k{number}": 1}, {f"k{number}": None}):
            rev += 1
            apply(document, changes(document, patch), rev)
    assert len(document.leaves) <= documents.MAX_TOMBSTONES + 1
    assert 0 < document.floor < rev
