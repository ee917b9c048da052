"""What was made of `devices/web/frontend/src` by `make setup`: which file is which, by the manifest of the build.

A process stays with the build that it began with, as does its list of static files. With DEBUG each request has the
latest.
"""

from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
from django.conf import settings
from django.contrib.staticfiles import finders

FOLDER: Final = "causeway/app"  # of static files; their names have a hash of their content
_MANIFEST: Final = f"{FOLDER}/manifest.json"


class NotBuiltError(Exception):
    """The pages were not built, or not with what is asked for."""


class Entry(msgspec.Struct, frozen=True):
    """A file that is asked for by name, and all files that it imports at once; as file names."""

    file: str
    imports: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True):
    """What build.mjs has made."""

    entries: dict[str, Entry]


def built(name: str) -> Entry:
    """The entry of that name in build.mjs.

    Raises:
        NotBuiltError: there is none.
    """
    entry = manifest().entries.get(name)
    if entry is None:
        raise NotBuiltError(f"the pages were built without {name!r}: run `make setup`")
    return entry


def manifest() -> Manifest:
    """The build that this process shows.

    Raises:
        NotBuiltError: there is none.
    """
    path = manifest_path()
    if path is None:
        raise NotBuiltError("the pages are not built: run `make setup`")
    return _manifest(path, path.stat().st_mtime_ns if settings.WHITENOISE_AUTOREFRESH else 0)


def url_of(file: str) -> str:
    """The URL of a file of the build."""
    return urljoin(settings.STATIC_URL, f"{FOLDER}/{file}")


def manifest_path() -> Path | None:
    """Of the files that are served: those collected, if they were, else of the sources."""
    if settings.WHITENOISE_USE_FINDERS:
        found = finders.find(_MANIFEST)
        return Path(found) if isinstance(found, str) else None
    path = Path(settings.STATIC_ROOT, _MANIFEST)
    return path if path.is_file() else None


@cache
def _manifest(path: Path, _changed_ns: int) -> Manifest:
    return msgspec.json.decode(path.read_bytes(), type=Manifest)
