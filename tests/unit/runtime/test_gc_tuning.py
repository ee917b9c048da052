"""What lives long is not searched for garbage all the time."""

import gc
from collections.abc import Iterator

import pytest

from runtime.gc_tuning import collect_later, collect_seldom


@pytest.fixture
def collector() -> Iterator[None]:
    """Python's garbage collector, as it was afterwards."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_what_is_there_is_not_searched_and_the_rest_seldom() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] > 700
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_a_start_is_not_searched_and_what_comes_after_it_is() -> None:
    collect_later()
    assert gc.get_threshold()[0] > 100_000
    collect_seldom()
    assert gc.get_threshold()[0] < 100_000
