"""Which ES modules a page loads, and under which URLs: the import map. No bundler.

Our own modules import each other by relative paths and npm's packages by name. The map gives the names their URLs, and
where a static files storage puts hashes into file names, it maps each of our plain URLs to its hashed one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
from django.conf import settings
from django.templatetags.static import static

_SOURCES: Final = Path(__file__).parents[1] / "static"
_PACKAGES: Final = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact-hooks/hooks.mjs",
    "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
    "@preact/signals": "vendor/signals/signals.mjs",
    "htm": "vendor/htm/htm.mjs",
    "uplot": "vendor/uplot/uPlot.esm.js",
}
_TYPES: Final = "causeway/client/types.js"  # only types: nobody imports it at run time


@dataclass(frozen=True, kw_only=True, slots=True)
class Modules:
    """What base.html puts into a page's head."""

    import_map: str  # JSON, safe inside a script element
    entry: str  # URL of the module that runs
    preload: list[str]  # URLs of what it imports, so that they are fetched at once and not one after the other


def modules_for(page: str) -> Modules:
    """The modules of a page.

    Args:
        page: the folder under static/causeway/ whose ``page.js`` runs; its modules and the shared ones are preloaded.
    """
    entry = f"causeway/{page}/page.js"
    shared = ("causeway", "causeway/client", "causeway/lib", "causeway/ui", f"causeway/{page}")
    packages = [name for key, name in _PACKAGES.items() if page == "device" or key != "uplot"]
    own = [name for name in _own_modules() if name.rpartition("/")[0] in shared and name not in (entry, _TYPES)]
    return Modules(
        import_map=_safe_json({"imports": _imports()}),
        entry=static(entry),
        preload=[static(name) for name in (*own, *packages)],
    )


def _imports() -> dict[str, str]:
    packages = {name: static(path) for name, path in _PACKAGES.items()}
    own = {urljoin(settings.STATIC_URL, name): static(name) for name in _own_modules()}
    return packages | {plain: url for plain, url in own.items() if plain != url}


def _own_modules() -> list[str]:
    return sorted(path.relative_to(_SOURCES).as_posix() for path in (_SOURCES / "causeway").rglob("*.js"))


def _safe_json(value: object) -> str:
    """JSON that can't end the script element that holds it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
