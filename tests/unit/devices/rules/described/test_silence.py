import pytest

from devices.rules.described.silence import SilenceLimits, SiteDefaults

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


@pytest.mark.parametrize(
    ("key", "own", "described", "limit"),
    [
        ("u/d", None, 0, 300),
        ("u/d", None, 900, 900),
        ("u/d", None, None, None),
        ("u/d", 60, None, 60),
        ("s/d", None, None, 600),
    ],
)
def test_what_a_device_is_said_to_be_comes_before_the_installation_and_after_what_people_set(
    key: str, own: int | None, described: int | None, limit: int | None
) -> None:
    assert LIMITS.of(key, own, [], described) == limit
