import pytest

from devices.rules.silence import SilenceLimits, SiteDefaults

LIMITS = SilenceLimits(300, {"s": SiteDefaults(600, {"battery": 7_200, "fast": 10}), "t": SiteDefaults(None, {"x": 9})})


@pytest.mark.parametrize(
    ("key", "own", "tags", "limit"),
    [
        ("s/d", 60, ["battery"], 60),
        ("s/d", None, ["battery", "other"], 7_200),
        ("s/d", None, ["fast"], 10),
        ("s/d", None, ["fast", "battery"], 7_200),
        ("s/d", None, ["other"], 600),
        ("s/d", None, [], 600),
        ("t/d", None, ["x"], 9),
        ("t/d", None, ["battery"], 300),
        ("u/d", None, ["x"], 300),
    ],
)
def test_case_a5_own_then_the_longest_of_the_tags_then_the_site_then_the_setting(
    key: str, own: int | None, tags: list[str], limit: int
) -> None:
    assert LIMITS.of(key, own, tags) == limit
