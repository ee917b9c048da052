"""What may be asked of a device's settings."""

from typing import Any

import pytest

from devices.rules.described.silence import MAX_STALE_AFTER_S
from devices.rules.requested import settings_error


@pytest.mark.parametrize("limit", [None, 1, MAX_STALE_AFTER_S])
def test_a_limit_is_a_number_of_seconds_or_none(limit: int | None) -> None:
    assert settings_error({"stale_after_s": limit}) is None


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        {"stale_after_s": 5, "more": 1},
        *({"stale_after_s": limit} for limit in (0, -1, MAX_STALE_AFTER_S + 1, True, "5", 1.5, [5])),
    ],
)
def test_anything_else_is_refused(settings: Any) -> None:
    refused = settings_error(settings)
    assert refused is not None
    assert refused.code == "bad_request"
