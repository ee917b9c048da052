"""Names of static files with a hash of their content: old and new files never mix, and browsers keep them for good.

``ui/frame.js`` is ``ui/frame.0f1e2d3c4b5a.js`` in pages. Nothing is copied: the name leads to the plain file as long as
that has this content. A page that is open during a deploy asks for names that are no more, and is told so.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles import finders
from whitenoise.storage import CompressedStaticFilesStorage

_DIGITS: Final = 12
_HASHED: Final = re.compile(rf"(?P<stem>.+)\.(?P<digest>[0-9a-f]{{{_DIGITS}}})(?P<ending>\.[^./]+)")


class HashedNames(CompressedStaticFilesStorage):
    """Django's storage of static files: URLs have hashes, unless files are looked up anew at each request (DEBUG)."""

    def __init__(self) -> None:
        super().__init__()
        self._digests: dict[str, tuple[tuple[int, int], str]] = {}  # by name: what the file was like, its hash

    def url(self, name: str | None) -> str:
        """A file's URL; a file that is not there has its plain one."""
        digest = None if settings.WHITENOISE_AUTOREFRESH or not name or "." not in name else self._digest(name)
        if digest and name:
            stem, _, ending = name.rpartition(".")
            name = f"{stem}.{digest}.{ending}"
        url: str = super().url(name)
        return url

    def is_current(self, name: str, digest: str) -> bool:
        """Whether the file is what this process has made URLs of, with this hash."""
        path = _path(name)
        kept = self._digests.get(name) or (self._digest(name) and self._digests.get(name))
        return path is not None and bool(kept) and kept == (_looks(path), digest)

    def _digest(self, name: str) -> str | None:
        if name not in self._digests:
            path = _path(name)
            if path is None:
                return None
            looks, content = _looks(path), path.read_bytes()
            self._digests[name] = looks, hashlib.sha256(content).hexdigest()[:_DIGITS]
        return self._digests[name][1]


def plain_name(name: str) -> tuple[str, str] | None:
    """What a name with a hash stands for, and the hash; None: it has none."""
    found = _HASHED.fullmatch(name)
    return (found["stem"] + found["ending"], found["digest"]) if found else None


def _path(name: str) -> Path | None:
    """Where the file is that is served: of those collected, if they were, else of the sources."""
    if settings.WHITENOISE_USE_FINDERS:
        found = finders.find(name)
        return Path(found) if isinstance(found, str) else None
    path = Path(settings.STATIC_ROOT, name)
    return path if path.is_file() else None


def _looks(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
