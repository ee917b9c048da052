"""What CAUSEWAY_APPS may say, and what becomes of it."""

from importlib.metadata import EntryPoint

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.added_apps import setting

PLANTS = EntryPoint("plants", "greenhouse.apps:PlantsConfig", setting.GROUP)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The entry points of installed packages."""
    points = [PLANTS]
    monkeypatch.setattr(setting, "entry_points", lambda group: [one for one in points if one.group == group])
    return points


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" , ", ()),
        ("trees", ("trees",)),
        ("trees, woods.apps.WoodsConfig", ("trees", "woods.apps.WoodsConfig")),
        ("plants,trees", ("greenhouse.apps.PlantsConfig", "trees")),
    ],
)
def test_modules_classes_and_entry_points(
    text: str, found: tuple[str, ...], offered: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_APPS", text)
    assert setting.added_apps("CAUSEWAY_APPS") == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("trees,./hunter2", "entry 2: write the name of a Python module"),
        ("hunter2.", "entry 1: write the name of a Python module"),
        ("7trees", "entry 1: write the name of a Python module"),
        ("trees,woods,trees", "an app stands there twice"),
        ("plants,greenhouse.apps.PlantsConfig", "an app stands there twice"),
    ],
)
def test_what_is_no_app_is_refused_without_showing_it(
    text: str, why: str, offered: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_APPS", text)
    with pytest.raises(ImproperlyConfigured, match=f"^CAUSEWAY_APPS: {why}") as raised:
        setting.added_apps("CAUSEWAY_APPS")
    assert "hunter2" not in str(raised.value)


def test_an_entry_point_that_two_packages_offer_is_nobodys(
    offered: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_APPS", "plants")
    offered.append(PLANTS)  # the same package, found by two paths
    assert setting.added_apps("CAUSEWAY_APPS") == ("greenhouse.apps.PlantsConfig",)
    offered.append(EntryPoint("plants", "others", setting.GROUP))
    with pytest.raises(ImproperlyConfigured, match="entry 1: several installed packages have an entry point"):
        setting.added_apps("CAUSEWAY_APPS")
