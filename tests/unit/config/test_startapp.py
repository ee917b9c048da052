"""An app that ``manage.py startapp`` writes passes its own tests, as docs/extending/tutorial.md says."""

import importlib
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import modify_settings, override_settings
from django.urls import clear_url_caches, path

from devices import extensions
from devices.handlers import registry
from devices.web.pages.urls import patterns
from tests.support.environment import ROOT

COMMANDS = ["python manage.py startapp garden", "CAUSEWAY_APPS=garden python manage.py test garden"]


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an app that was just written, and can be imported."""
    monkeypatch.chdir(tmp_path)
    call_command("startapp", "garden")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "garden"
    for name in [name for name in sys.modules if name.partition(".")[0] == "garden"]:
        del sys.modules[name]


def test_the_app_passes_its_tests(garden: Path, db: None) -> None:
    page = (ROOT / "docs" / "extending" / "tutorial.md").read_text()
    assert "\n".join(f"$ {command}" for command in COMMANDS) in page
    files = {path.relative_to(garden).as_posix() for path in garden.rglob("*") if path.suffix in (".py", ".js")}
    assert files == {"__init__.py", "apps.py", "causeway.py", "pages.py", "tests.py", "static/garden/page.js"}
    assert all(f"| `{name}` |" in page for name in files - {"__init__.py"})
    result = unittest.TestResult()
    with extensions.restored(), registry.restored(), modify_settings(INSTALLED_APPS={"append": "garden"}):
        urls: Any = ModuleType("urls_with_garden")
        urls.urlpatterns = [path("admin/", ("config.admin_urls", "admin", "admin")), *patterns()]
        with override_settings(ROOT_URLCONF=urls):
            unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module("garden.tests")).run(result)
        clear_url_caches()
    assert (result.testsRun, result.errors, result.failures) == (4, [], [])


def test_what_is_written_has_no_placeholder_left(garden: Path) -> None:
    texts = [path.read_text() for path in garden.rglob("*.*") if path.suffix in (".py", ".js")]
    assert texts
    assert not [text for text in texts if "{{" in text or "app_name" in text]


def test_a_name_that_nothing_could_be_registered_by_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"^NAME: 1 to 32 of a-z 0-9 _, beginning with a letter$"):
        call_command("startapp", "Garden")
    assert list(tmp_path.iterdir()) == []
