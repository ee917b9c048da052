"""Which ES modules a page loads, and under which URLs: the import map. No bundler.

Our own modules import each other by relative paths and npm's packages by name. The map gives the names their URLs, and
where a static files storage puts hashes into file names, it maps each of our plain URLs to its hashed one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from devices.rules.pages import Page

_SHARED: Final = ("causeway", "causeway/client", "causeway/lib", "causeway/ui")  # folders that every page uses
_PACKAGES: Final = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact-hooks/hooks.mjs",
    "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
    "@preact/signals": "vendor/signals/signals.mjs",
    "htm": "vendor/htm/htm.mjs",
}
_TYPES: Final = "causeway/client/types.js"  # only types: nobody imports it at run time


@dataclass(frozen=True, kw_only=True, slots=True)
class Modules:
    """What base.html puts into a page's head."""

    import_map: str  # JSON, safe inside a script element
    entry: str  # URL of the module that runs
    preload: list[str]  # URLs of what it imports, so that they are fetched at once and not one after the other


def modules_for(page: Page) -> Modules:
    """The modules of a page: its own and the shared ones are preloaded.

    Raises:
        FileNotFoundError: there is no ``page.js`` where the page says.
    """
    entry = f"{page.modules}/page.js"
    packages = {**_PACKAGES, **page.packages}
    names = sorted({*_modules_in("causeway"), *_modules_in(page.modules)})
    used = [name for name in names if name.rpartition("/")[0] in (*_SHARED, page.modules)]
    return Modules(
        import_map=_safe_json({"imports": _imports(packages, names)}),
        entry=static(entry),
        preload=[static(name) for name in (*used, *packages.values()) if name not in (entry, _TYPES)],
    )


def _imports(packages: Mapping[str, str], modules: Iterable[str]) -> dict[str, str]:
    own = {urljoin(settings.STATIC_URL, name): static(name) for name in modules}
    by_name = {name: static(path) for name, path in packages.items()}
    return by_name | {plain: url for plain, url in own.items() if plain != url}


def _modules_in(folder: str) -> list[str]:
    """The modules in a folder of static files that has a ``page.js``, and below it."""
    found = finders.find(f"{folder}/page.js")
    if not isinstance(found, str):
        raise FileNotFoundError(f"there is no static file {folder}/page.js")
    root = Path(found).parent
    return [f"{folder}/{path.relative_to(root).as_posix()}" for path in root.rglob("*.js")]


def _safe_json(value: object) -> str:
    """JSON that can't end the script element that holds it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
