"""What the build of the pages gives: few bytes, compressed beforehand, kept for good, with sources for debuggers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory
from pytest_django import Settings

from devices.web.pages import built as built_module
from devices.web.pages.built import NotBuiltError, built, manifest_path, url_of
from runtime.http.static_files import static_files

FLEET_BYTES = 60_000
ALL_BYTES = 110_000
GROUP_BYTES = 40_000
GROUPS = ("fleet", "device", "ops")

requests = AsyncRequestFactory()


def files_of(*names: str) -> set[str]:
    """The modules that these entries load at once."""
    return {file for name in names for file in (built(name).file, *built(name).imports)}


def compressed(files: set[str]) -> int:
    """Bytes on the wire: what is too small to be compressed is sent as it is."""
    folder = folder_of_build()
    sizes = [folder / f"{file}.br" for file in files]
    return sum((path if path.is_file() else path.with_suffix("")).stat().st_size for path in sizes)


def folder_of_build() -> Path:
    path = manifest_path()
    assert path is not None
    return path.parent


async def served(name: str, **headers: str) -> Any:
    async def passed_on(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=418)

    return await static_files(passed_on)(requests.get(url_of(name), headers=headers))


def test_the_fleet_loads_within_its_budget() -> None:
    assert 10_000 < compressed(files_of("shell", "fleet")) <= FLEET_BYTES


def test_all_pages_together_are_within_theirs() -> None:
    assert 20_000 < compressed(files_of("shell", *GROUPS)) <= ALL_BYTES


def later_groups() -> list[str]:
    """The groups of pages that are no part of the first ones, and of /kit, which is for developers."""
    listed = json.loads((folder_of_build() / "manifest.json").read_text())["entries"]
    pages = {path.parent.name for path in (folder_of_build().parent / "src").glob("*/page.tsx")}
    return sorted((pages & listed.keys()) - {*GROUPS, "kit"})


def test_each_later_group_of_pages_adds_little() -> None:
    groups = later_groups()
    assert "mappings" in groups
    added = {group: compressed(files_of(group) - files_of("shell")) for group in groups}
    assert {group: size for group, size in added.items() if not 1_000 < size <= GROUP_BYTES} == {}


@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_a_file_is_sent_compressed_and_kept_for_good(encoding: str) -> None:
    answer = await served(built("shell").imports[0], accept_encoding=encoding)
    assert answer.status_code == 200
    assert answer["Content-Encoding"] == encoding
    assert answer["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer["Cache-Control"]


async def test_a_debugger_gets_the_source() -> None:
    name = built("fleet").file
    assert f"sourceMappingURL={name}.map" in (folder_of_build() / name).read_text()
    answer = await served(f"{name}.map")
    sources = json.loads(answer.content)
    assert "../src/fleet/table.tsx" in sources["sources"]
    assert "export function Table()" in "".join(sources["sourcesContent"])


async def test_a_file_of_another_build_is_not_there() -> None:
    assert (await served("shell-00000000.js")).status_code == 418


def test_a_process_stays_with_its_build_but_with_debug(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    monkeypatch.setattr(built_module, "manifest_path", lambda: path)

    def build(file: str, at_s: int) -> None:
        path.write_text(json.dumps({"entries": {"shell": {"file": file, "imports": []}}}))
        os.utime(path, (at_s, at_s))

    settings.WHITENOISE_AUTOREFRESH = False
    build("shell-1.js", 1)
    assert built("shell").file == "shell-1.js"
    build("shell-2.js", 2)
    assert built("shell").file == "shell-1.js", "whose files it serves"
    settings.WHITENOISE_AUTOREFRESH = True
    assert built("shell").file == "shell-2.js"


def test_what_was_not_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotBuiltError, match="without 'nothing': run `make setup`"):
        built("nothing")
    monkeypatch.setattr(built_module, "manifest_path", lambda: None)
    with pytest.raises(NotBuiltError, match="not built: run `make setup`"):
        built("shell")
