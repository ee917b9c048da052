"""What counts as like what a page shows."""

import pytest

from tests.docs.likeness import is_like


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ('{"a": 1, "b": "x"}', '{"b": "y", "a": 2.5}'),
        ('{"a": 1, …}', '{"a": 2, "b": 3}'),
        ('{"a": […], "b": {…}}', '{"a": [1], "b": {"c": 1}}'),
        ('{"ts": …, "a": null}', '{"ts": 17, "a": "now there is one"}'),
        ('{"metrics": {"t": 1}}', '{"metrics": {"humidity": 46}}'),
        ('[{"a": 1}]', '[{"b": 1}, {"a": 2}]'),
        ("cwy_…", "cwy_Rt5\n"),
        ("two  words", "two words"),
    ],
)
def test_alike(shown: str, actual: str) -> None:
    assert is_like(shown, actual)


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ('{"a": 1, "b": 2}', '{"a": 1}'),
        ('{"a": 1}', '{"a": "1"}'),
        ('{"a": true}', '{"a": 1}'),
        ('[{"a": 1}]', "[]"),
        ('[{"a": 1}]', '[{"b": 1}]'),
        ('{"a": 1}', "an error"),
        ("cwy_…", "error: no such command"),
        ("one line", "one line\nand another"),
    ],
)
def test_not_alike(shown: str, actual: str) -> None:
    assert not is_like(shown, actual)
