from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.web.live.stream.merge_patches import composed
from tests.unit.devices.rules.test_documents import merge_patch, patches

values = st.recursive(
    st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3), max_leaves=8
)


@given(patches, patches, st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3))
@example({"a": None}, {"b": 1}, {"a": 1})
@example({"a": {"b": None}}, {"a": {"c": 1}}, {"a": {"b": 1}})
def test_one_patch_does_what_two_do(first: dict[str, Any], second: dict[str, Any], target: dict[str, Any]) -> None:
    both = composed(first, second)
    if both is not None:
        assert merge_patch(target, both) == merge_patch(merge_patch(target, first), second)


@pytest.mark.parametrize("first", [{"a": None}, {"a": 1}, {"a": [1]}])
def test_an_object_after_something_else_is_no_single_patch(first: dict[str, Any]) -> None:
    assert composed(first, {"a": {"x": 1}}) is None
    assert composed({"b": first}, {"b": {"a": {}}}) is None


def test_removals_stay() -> None:
    assert composed({"a": None, "b": {"c": None}}, {"b": {"d": 1}}) == {"a": None, "b": {"c": None, "d": 1}}


@given(patches, patches)
def test_the_arguments_stay_as_they_were(first: dict[str, Any], second: dict[str, Any]) -> None:
    before = repr((first, second))
    composed(first, second)
    assert repr((first, second)) == before
