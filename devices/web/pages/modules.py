"""Which ES modules a page loads, and under which URLs: its bundle, or an app's own modules and the import map.

Causeway's pages are bundles (devices.web.pages.built). An app's modules are served as they are written. They import
each other and what is promised to them by relative paths, and npm's packages by name. The map gives the names their
URLs; where a static files storage puts hashes into file names, it maps each plain URL to its hashed one.
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
from devices.web.pages.built import built, url_of

_OWN: Final = "causeway/"  # what the modules of Causeway's own pages begin with; then the bundle's name
_SHELL: Final = "shell"
_PROMISED: Final = {  # plain names that apps import by, relative to their own URL; entries of the build
    "causeway/page.js": "page",
    "causeway/live.js": "live",
    "causeway/ui/frame.js": "frame",
    "causeway/ui/html.js": "html",
}
_PACKAGES: Final = {
    "preact": "preact",
    "preact/hooks": "hooks",
    "@preact/signals-core": "signals-core",
    "@preact/signals": "signals",
    "htm": "htm",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Modules:
    """What base.html puts into a page's head."""

    import_map: str  # JSON, safe inside a script element
    entry: str  # URL of the module that runs
    preload: list[str]  # URLs of what it imports, so that they are fetched at once and not one after the other


def modules_for(page: Page) -> Modules:
    """The modules of a page: its own and those that it imports are preloaded.

    Raises:
        FileNotFoundError: there is no ``page.js`` where the page says.
        devices.web.pages.built.NotBuiltError: the pages are not built.
    """
    return _of_an_app(page) if not page.modules.startswith(_OWN) else _of_our_own(page.modules.removeprefix(_OWN))


def _of_our_own(bundle: str) -> Modules:
    files = dict.fromkeys(file for name in (_SHELL, bundle) for file in (built(name).file, *built(name).imports))
    entry, *others = files
    imports = _imports({}, ["causeway/client/client.js"])
    return Modules(import_map=_safe_json({"imports": imports}), entry=url_of(entry), preload=[*map(url_of, others)])


def _of_an_app(page: Page) -> Modules:
    entry = f"{page.modules}/page.js"
    own = _modules_in(page.modules)
    promised = dict.fromkeys(file for name in _PROMISED.values() for file in (built(name).file, *built(name).imports))
    return Modules(
        import_map=_safe_json({"imports": _imports(page.packages, own)}),
        entry=static(entry),
        preload=[*map(url_of, promised), *(static(name) for name in own if name != entry)],
    )


def _imports(packages: Mapping[str, str], modules: Iterable[str]) -> dict[str, str]:
    ours = {name: url_of(built(entry).file) for name, entry in _PACKAGES.items()}
    promised = {urljoin(settings.STATIC_URL, name): url_of(built(entry).file) for name, entry in _PROMISED.items()}
    own = {urljoin(settings.STATIC_URL, name): static(name) for name in modules}
    by_name = {name: static(path) for name, path in packages.items()}
    return ours | promised | by_name | {plain: url for plain, url in own.items() if plain != url}


def _modules_in(folder: str) -> list[str]:
    """The modules in a folder of static files that has a ``page.js``, and below it."""
    found = finders.find(f"{folder}/page.js")
    if not isinstance(found, str):
        raise FileNotFoundError(f"there is no static file {folder}/page.js")
    root = Path(found).parent
    return sorted(f"{folder}/{path.relative_to(root).as_posix()}" for path in root.rglob("*.js"))


def _safe_json(value: object) -> str:
    """JSON that can't end the script element that holds it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
