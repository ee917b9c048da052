"""Which version of the pages this process has: a page that is left open over a deploy asks, and says that it is old."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles import finders

from devices.extensions import pages
from devices.web.pages.built import manifest_path

HEADER: Final = "Causeway-Version"
_DIGITS: Final = 12


@cache
def version_of_pages() -> str:
    """A digest of the build and of all apps' modules, as they were when this process was first asked."""
    digest = hashlib.sha256()
    if manifest := manifest_path():
        digest.update(manifest.read_bytes())
    for folder in sorted({page.modules for page in pages.all().values()}):
        for path in _files(folder):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:_DIGITS]


def _files(folder: str) -> list[Path]:
    """All files in a folder of static files, and below it; of those collected, if they were."""
    found = finders.find(folder) if settings.WHITENOISE_USE_FINDERS else str(Path(settings.STATIC_ROOT, folder))
    root = Path(found) if isinstance(found, str) else None
    return sorted(path for path in root.rglob("*") if path.is_file()) if root else []
