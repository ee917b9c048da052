"""Waits between attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.backoff import backoff_s


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_stay_within_their_bounds(attempt: int, random: float) -> None:
    assert 0.25 <= backoff_s(attempt, 0.5, 10, random) <= 10


def test_waits_double() -> None:
    assert [backoff_s(attempt, 0.5, 10, 1) for attempt in range(6)] == [0.5, 1, 2, 4, 8, 10]


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0.1), (1, 0.2), (3, 0.8), (5, 2.0), (9999, 2.0)])
def test_a_worker_waits_two_seconds_at_most(failures: int, seconds: float) -> None:
    assert backoff_s(failures, 0.1, 2.0, 1) == pytest.approx(seconds)
    assert backoff_s(failures, 0.1, 2.0, 0) == pytest.approx(seconds / 2)
