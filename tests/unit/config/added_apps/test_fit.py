"""An app that does not fit is refused in a sentence, before anything of it runs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import UUIDField

from causeway import __version__
from config.added_apps import fit, loading
from devices import extensions
from devices.models import Membership
from tests.support.environment import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where modules are found, and forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def make_app(folder: Path, name: str, apps_py: str = "") -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    (folder / name / "apps.py").write_text(apps_py)


def test_the_labels_that_are_ours_are_those_of_a_web_process() -> None:
    assert {config.label for config in apps.get_app_configs()} == fit.OUR_LABELS


def test_the_version_is_that_of_the_package() -> None:
    assert f'\nversion = "{__version__}"\n' in (ROOT / "pyproject.toml").read_text()


def test_apps_that_fit_pass(folder: Path) -> None:
    make_app(folder, "fit_trees")
    make_app(
        folder, "fit_woods", "from django.apps import AppConfig\nclass Woods(AppConfig):\n    name = 'fit_woods'\n"
    )
    fit.refuse_misfits(("fit_trees", "fit_woods.apps.Woods"))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (("fit_hunter2",), "entry 1: there is no such module"),
        (("fit_trees", "fit_trees.hunter2.Config"), "entry 2: there is no such module"),
        (("fit_trees.apps.Hunter2",), "entry 1: there is no such class"),
        (("fit_broken",), "entry 1: it can't be imported .No module named 'not_installed'."),
        (("fit_nameless.apps.Nameless",), "entry 1: it is no Django app"),
        (("fit_taken",), "entry 1: its label is one of Causeway's own"),
        (("devices",), "entry 1: its label is one of Causeway's own"),
        (("django.contrib.sessions",), "entry 1: its label is one of Causeway's own"),
        (("fit_trees", "fit_twin"), "entry 2: its label is that of entry 1"),
    ],
)
def test_each_misfit_is_told(folder: Path, entries: tuple[str, ...], why: str) -> None:
    head = "from django.apps import AppConfig\nclass Config(AppConfig):\n    "
    make_app(folder, "fit_trees")
    make_app(folder, "fit_broken", "import not_installed\n")
    make_app(folder, "fit_nameless", "from django.apps import AppConfig\nclass Nameless(AppConfig):\n    pass\n")
    make_app(folder, "fit_taken", f"{head}name, label = 'fit_taken', 'devices'\n")
    make_app(folder, "fit_twin", f"{head}name, label = 'fit_twin', 'fit_trees'\n")
    with pytest.raises(ImproperlyConfigured, match=f"^CAUSEWAY_APPS: {why}") as raised:
        fit.refuse_misfits(entries)
    assert "hunter2" not in str(raised.value)


def config_for(versions: Any) -> AppConfig:
    class Config(AppConfig):
        name = label = "trees"
        causeway_version = versions

    module = ModuleType("trees")
    module.__file__ = __file__
    return Config("trees", module)


@pytest.mark.parametrize("versions", [None, "", ">=0.1", f"=={__version__}", ">=0.1,<1000"])
def test_an_app_for_this_version_passes(versions: Any) -> None:
    fit.require_version(config_for(versions))


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (">=1000", f"trees is for Causeway >=1000; this is {__version__}"),
        ("<0.1", f"trees is for Causeway <0.1; this is {__version__}"),
        ("soon", "trees: causeway_version: write versions like"),
        (1, "trees: causeway_version: write versions like"),
    ],
)
def test_an_app_for_another_version_is_refused(versions: Any, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^CAUSEWAY_APPS: {why}"):
        fit.require_version(config_for(versions))


def test_users_need_what_rights_are_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        is_active = True  # of all of them, and no field

    fit.require_user_model()
    monkeypatch.setattr(fit, "get_user_model", lambda: Model)
    with pytest.raises(ImproperlyConfigured, match=r"^AUTH_USER_MODEL: it lacks is_active and is_superuser"):
        fit.require_user_model()


def test_users_have_whole_numbers_for_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    class Key:
        field: Any = SimpleNamespace(target_field=UUIDField(name="id"))

    monkeypatch.setattr(Membership, "user", Key)
    with pytest.raises(ImproperlyConfigured, match=r"^AUTH_USER_MODEL: its primary key must be a whole number"):
        fit.require_user_model()


def test_what_an_app_may_not_register_ends_the_start_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def register(**_: Any) -> None:
        extensions.register_feature("plants", "no feature")  # type: ignore[arg-type]

    monkeypatch.setattr("django.setup", register)
    with extensions.restored(), pytest.raises(ImproperlyConfigured, match="an app can't register its feature 'plants'"):
        loading.setup()
