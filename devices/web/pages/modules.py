"""Which ES modules and style sheets a document loads, under which URLs: the shell, a page's bundle or an app's modules.

Causeway's pages are bundles (devices.web.pages.built). An app's modules are served as they are written. They import
each other and what is promised to them by relative paths, and npm's packages by name. The import map gives the names
their URLs; where a static files storage puts hashes into file names, it maps each plain URL to its hashed one. One
document may show all pages, so its map has all apps' modules.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from devices.extensions import pages, panels
from devices.rules.pages import Page, Panel
from devices.web.pages.built import built, url_of

_OWN: Final = "causeway/"  # what the modules of Causeway's own pages begin with; then the bundle's name
_SHELL: Final = "shell"
_KIT: Final = "parts"  # larger than most apps need: not fetched before it is asked for
_PROMISED: Final = {  # plain names that apps import by, relative to their own URL; entries of the build
    "causeway/page.js": "page",
    "causeway/live.js": "live",
    "causeway/register.js": "register",
    "causeway/kit.js": _KIT,
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
    """What base.html puts into a document's head."""

    import_map: str  # JSON, safe inside a script element
    entry: str  # URL of the module that runs
    preload: list[str]  # URLs of what it imports, so that they are fetched at once and not one after the other
    styles: list[str]  # URLs of the page's style sheets


def modules_for(page: Page) -> Modules:
    """What the document of a page loads: what the page and the shell import is preloaded.

    Raises:
        FileNotFoundError: there is no ``page.js`` where a page says.
        devices.web.pages.built.NotBuiltError: the pages are not built.
    """
    entry, *shell = _files(_SHELL)
    return Modules(
        import_map=_safe_json({"imports": _imports()}),
        entry=entry,
        preload=list(dict.fromkeys((*shell, *_preloaded(page)))),
        styles=styles_of(page),
    )


def module_of(one: Page | Panel) -> str | None:
    """The URL of the module that registers an app's page or panel; None: a bundle of our own."""
    if one.modules.startswith(_OWN):
        return None
    return static(f"{one.modules}/{_main(one)}")


def styles_of(one: Page | Panel) -> list[str]:
    """The URLs of a page's or a panel's style sheets."""
    own = [f"{one.modules.removeprefix(_OWN)}.css"] if one.modules.startswith(_OWN) else []
    return [*(url_of(built(name).file) for name in own), *map(static, one.styles)]


def _preloaded(page: Page) -> list[str]:
    if page.modules.startswith(_OWN):
        return _files(page.modules.removeprefix(_OWN))
    promised = [url for name in _PROMISED.values() if name != _KIT for url in _files(name)]
    return [*promised, *(static(name) for name in _modules_in(page.modules, _main(page)))]


def _files(name: str) -> list[str]:
    """The URLs of an entry and of all that it imports."""
    entry = built(name)
    return [url_of(file) for file in (entry.file, *entry.imports)]


def _imports() -> dict[str, str]:
    ours = {name: url_of(built(entry).file) for name, entry in _PACKAGES.items()}
    promised = {_plain(name): url_of(built(entry).file) for name, entry in _PROMISED.items()}
    packages = {name: static(path) for page in pages for name, path in page.packages.items()}
    hashed = {_plain(name): static(name) for name in (*_modules_in("causeway/client", "client.js"), *_of_apps())}
    return packages | ours | promised | {plain: url for plain, url in hashed.items() if plain != url}


def _of_apps() -> Iterable[str]:
    for one in (*pages, *panels):
        if not one.modules.startswith(_OWN):
            yield from _modules_in(one.modules, _main(one))


def _main(one: Page | Panel) -> str:
    return "page.js" if isinstance(one, Page) else "panel.js"


def _plain(name: str) -> str:
    return urljoin(settings.STATIC_URL, name)


def _modules_in(folder: str, main: str) -> list[str]:
    """The modules in a folder of static files that has this one, and below it."""
    found = finders.find(f"{folder}/{main}")
    if not isinstance(found, str):
        raise FileNotFoundError(f"there is no static file {folder}/{main}")
    root = Path(found).parent
    return sorted(f"{folder}/{path.relative_to(root).as_posix()}" for path in root.rglob("*.js"))


def _safe_json(value: object) -> str:
    """JSON that can't end the script element that holds it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
