"""What apps of CAUSEWAY_APPS have in modules of their own is found; what other apps have isn't ours."""

import pytest
from django.test import modify_settings, override_settings

from config.added_apps import found, urls
from devices import extensions

PLANTS = "tests.apps.plants"


@pytest.mark.parametrize(
    ("entries", "paths"),
    [((PLANTS,), ["plants/"]), ((f"{PLANTS}.apps.PlantsConfig",), ["plants/"]), ((), [])],
)
def test_an_apps_urls_stand_under_its_label(entries: tuple[str, ...], paths: list[str]) -> None:
    with (
        extensions.restored(),
        modify_settings(INSTALLED_APPS={"append": PLANTS}),
        override_settings(CAUSEWAY_APPS=entries),
    ):
        patterns = urls.patterns()
        assert [str(one.pattern) for one in patterns] == paths
        assert [str(one.pattern) for pattern in patterns for one in pattern.url_patterns] == ["counts.csv"] * len(paths)  # type: ignore[union-attr]
        assert list(found.added("nothing_of_this_name")) == []
