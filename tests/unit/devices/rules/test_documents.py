import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rules import documents
from devices.rules.documents import (
    Document,
    apply,
    as_patches,
    changes,
    confirm,
    fills,
    merged,
    missing,
    patch_between,
)
from devices.rules.marks import Mark
from devices.rules.twin import TwinState, dump, load, upgraded

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


def stamps(value: Any, mark: Mark, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], tuple[int, bool]]]:
    """When each leaf, and each that is gone, was set; and whether live."""
    members = value if isinstance(value, dict) else {}
    for key in members.keys() | (mark.inner or {}).keys():
        here, own, member = (*path, key), mark.of(key) or Mark(mark.rev, mark.live), members.get(key)
        if not (isinstance(member, dict) and member):
            yield here, (own.rev, own.live)
        yield from stamps(member, own, here)


@given(st.lists(patches, max_size=6), patches)
def test_a_retained_patch_touches_nothing_that_was_set_live(history: list[dict[str, Any]], retained: Any) -> None:
    document, values = build(history)
    before = dict(stamps(document.value, document.marks))
    apply(document, fills(document, retained), len(values), live=False)
    after = dict(stamps(document.value, document.marks))
    for path, (rev, live) in before.items():
        assert live
        assert after.get(path, (rev, live)) == (rev, live)
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


@given(st.lists(st.tuples(patches, st.booleans()), max_size=8))
def test_what_fills_is_told_to_whoever_stands_before(history: list[tuple[dict[str, Any], bool]]) -> None:
    document = Document()
    values: list[dict[str, Any]] = [{}]
    for patch, live in history:
        changed = changes(document, patch) if live else fills(document, patch)
        if changed:
            apply(document, changed, len(values), live=live)
            values.append(msgspec.json.decode(msgspec.json.encode(document.value)))
        if live:
            confirm(document, patch)
            assert not fills(document, patch)
    for rev, value in enumerate(values):
        assert merge_patch(value, patch_between(document, rev, len(values) - 1)) == document.value


def test_tombstones_are_bounded_and_the_floor_says_so() -> None:
    document, rev = Document(), 0
    for number in range(3_000):
        for patch in ({f"k{number}": 1}, {f"k{number}": None}):
            rev += 1
            apply(document, changes(document, patch), rev)
    assert len(msgspec.json.encode(document)) < 2 * documents.MAX_TOMBSTONE_BYTES
    assert rev - 1_500 < document.floor < rev
    assert patch_between(document, rev - 2, rev) == {"k2999": None}


# ---- case H: nothing swells


def test_case_h1_no_key_is_kept_more_than_twice_whatever_hangs_below_it() -> None:
    patch = {"K" * 60_000: {f"l{number}": number for number in range(2_000)}}
    twin = TwinState(rev=1)
    apply(twin.reported, changes(twin.reported, patch), 1)
    assert len(dump(twin)) < 2 * len(msgspec.json.encode(patch))
    for number in range(0, 2_000, 2):
        change = {"K" * 60_000: {f"l{number}": -1}}
        apply(twin.reported, changes(twin.reported, change), 2 + number)
    assert len(dump(twin)) < 3 * len(msgspec.json.encode(patch))
    assert patch_between(twin.reported, 0, 2_000) == twin.reported.value


def test_case_h1_a_document_has_a_bounded_number_of_values() -> None:
    document = Document()
    for part in range(6):
        patch = {f"{part}-{number}": 0 for number in range(1_999)}
        changed = changes(document, patch)
        limit = documents.too_large(document, patch, changed)
        assert limit == ("" if part < 5 else "over 10000 values")
        if not limit:
            apply(document, changed, part + 1)


def test_case_h3_long_names_that_come_and_go_leave_little() -> None:
    document = Document()
    for number in range(120):
        for rev, value in ((2 * number + 1, 1), (2 * number + 2, None)):
            patch = {f"{number}" * 100_000: value}
            apply(document, changes(document, patch), rev)
    assert len(msgspec.json.encode(document)) < 2 * documents.MAX_TOMBSTONE_BYTES
    assert document.floor == 240


def test_case_h4_a_retained_state_fills_in_linear_time() -> None:
    def took_s(leaves: int) -> float:
        document = Document()
        live = {f"l{number}": {"a": number} for number in range(leaves)}
        apply(document, changes(document, live), 1)
        for number in range(leaves):  # each of them with a mark of its own
            apply(document, [((f"l{number}", "a"), -number)], 2 + number)
        retained = {f"r{number}": {"a": number} for number in range(leaves)} | live
        begun_s = time.process_time()
        changed = fills(document, retained)
        spent_s = time.process_time() - begun_s
        assert len(changed) == leaves
        return spent_s

    took_s(100)
    assert took_s(4_000) < 0.5, "4.7 s when each leaf was compared with each"


def test_what_was_stored_with_pointers_is_read() -> None:
    stored = (
        '{"rev":9,"reported":{"value":{"a":{"b":1,"c":[2]},"d/e":3,"f":{}},'
        '"leaves":{"a/b":[4,true],"a/c":[7,false],"d~1e":[5,true],"a/gone":[8,true],"f/g":[6,true]},"floor":2}}'
    )
    document = load(upgraded(stored)).reported
    assert patch_between(document, 0, 9) == {"a": {"b": 1, "c": [2], "gone": None}, "d/e": 3, "f": {"g": None}}
    assert patch_between(document, 5, 8) == {"a": {"c": [2], "gone": None}, "f": {"g": None}}
    assert document.floor == 2
    assert fills(document, {"a": {"b": 5, "c": 6, "gone": 7, "new": 8}}) == [(("a", "c"), 6), (("a", "new"), 8)]
    assert '"leaves"' not in upgraded(stored)
    assert upgraded(upgraded(stored)) == upgraded(stored)


@given(st.lists(st.tuples(patches, st.booleans()), max_size=8))
def test_changes_as_patches_lead_there_and_back(history: list[tuple[dict[str, Any], bool]]) -> None:
    document = Document()
    for rev, (patch, live) in enumerate(history, 1):
        before = msgspec.json.decode(msgspec.json.encode(document.value))
        changed = changes(document, patch) if live else fills(document, patch)
        there, back = (msgspec.json.decode(msgspec.json.encode(one)) for one in as_patches(document, changed))
        apply(document, changed, rev, live=live)
        assert documents.same(merged(before, there), document.value)
        assert documents.same(merged(document.value, back), before)
