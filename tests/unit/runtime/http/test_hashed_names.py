"""Names with hashes: made of the content, served as long as it is that, refused afterwards, never mixed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.storage import storages
from django.http import HttpResponse
from django.test import AsyncRequestFactory, override_settings

from runtime.http.hashed_names import HashedNames, plain_name
from runtime.http.static_files import static_files

requests = AsyncRequestFactory()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of static files, served from where they are, as by a process that has just started."""
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]
    sources, collected = tmp_path / "sources", tmp_path / "collected"
    sources.mkdir()
    collected.mkdir()
    with override_settings(
        STATICFILES_DIRS=[sources],
        STATIC_ROOT=str(collected),
        WHITENOISE_USE_FINDERS=True,
        WHITENOISE_AUTOREFRESH=False,
    ):
        monkeypatch.setattr("runtime.http.static_files.staticfiles_storage", HashedNames())
        yield sources
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


async def passed_on(_request: Any) -> HttpResponse:
    return HttpResponse(status=418)


def test_a_name_says_what_it_stands_for() -> None:
    assert plain_name("ui/frame.0123456789ab.js") == ("ui/frame.js", "0123456789ab")
    for plain in (
        "ui/frame.js",
        "uPlot.esm.js",
        "ui/frame.0123456789ab",
        "ui.0123456789ab.d/frame",
        "a.0123456789abc.js",
    ):
        assert plain_name(plain) is None


async def test_case_i9_a_file_is_kept_for_good_under_the_name_of_its_content(folder: Path) -> None:
    (folder / "a.js").write_text("export const a = 1;")
    url = HashedNames().url("a.js")
    assert re.fullmatch(r"/static/a\.[0-9a-f]{12}\.js", url)
    answer = await static_files(passed_on)(requests.get(url))
    assert (answer.status_code, answer.content) == (200, b"export const a = 1;")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer["Cache-Control"]


async def test_case_i9_a_page_of_before_a_deploy_gets_no_module_of_after_it(folder: Path) -> None:
    (folder / "a.js").write_text("export const a = 1;")
    old = HashedNames().url("a.js")
    (folder / "a.js").write_text("export const b = 1;")
    new = HashedNames().url("a.js")
    assert new != old
    served = static_files(passed_on)
    refused = await served(requests.get(old))
    assert (refused.status_code, refused["Cache-Control"]) == (404, "no-store")
    assert b"load the page again" in refused.content
    assert (await served(requests.get(new))).content == b"export const b = 1;"


async def test_case_i9_a_file_that_changes_under_a_running_process_is_not_served_by_its_old_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = HashedNames()
    monkeypatch.setattr("runtime.http.static_files.staticfiles_storage", storage)
    (folder / "a.js").write_text("export const a = 1;")
    served, url = static_files(passed_on), storage.url("a.js")
    (folder / "a.js").write_text("export const another = 1;")
    assert (await served(requests.get(url))).status_code == 404


def test_what_is_not_there_and_what_is_looked_up_anew_have_plain_names(folder: Path) -> None:
    (folder / "a.js").touch()
    assert HashedNames().url("nothing.js") == "/static/nothing.js"
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        assert HashedNames().url("a.js") == "/static/a.js"


def test_it_is_the_storage_of_the_pages() -> None:
    assert isinstance(storages["staticfiles"], HashedNames)
