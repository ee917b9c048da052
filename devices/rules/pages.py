"""What a page and a panel are: the web makes URLs, the navigation and the import map from these descriptions."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from devices.rules.capabilities import CAPABILITIES, Capability

TAKEN_PATHS: Final = frozenset(
    {"admin", "api", "board", "healthz", "login", "logout", "metrics", "readyz", "static", "ws"}
)

SHELL: Final = "causeway/shell.html"
_FOLDER: Final = re.compile(r"\A[\w\-]+(/[\w\-]+)*\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page for people who are signed in. One whose path has no parameters stands in the navigation.

    Raises:
        ValueError: a field is not as said here.
    """

    name: str  # of its URL for reverse(); ``page.name`` in the browser
    title: str  # in the navigation
    path: str  # as Django's path() takes it: "plants", "plants/<name:site>"; its first part is none of TAKEN_PATHS
    modules: (
        str  # folder of static files; its page.js runs and registers the page, its other modules are fetched at once
    )
    template: str = SHELL  # another one, which extends causeway/base.html: then the page is a document of its own
    styles: tuple[str, ...] = ()  # static files: style sheets that are used while the page is shown
    linked: bool = True  # in the navigation, unless its path has parameters
    capability: Capability | None = None  # needed at the path's ``site``, else anywhere; None: no role is needed
    everywhere: bool = False  # the capability is needed at all sites together; the path names none
    packages: Mapping[str, str] = field(default_factory=dict)  # by the name they are imported by: static file
    data: Callable[..., Mapping[str, Any]] | None = None  # (request, access, **parameters) → more of ``page``; as JSON

    def __post_init__(self) -> None:
        """Check the fields."""
        _check(self.capability, self.modules)
        if not self.title or not self.template:
            raise ValueError("title and template: they can't be empty")
        if self.path.startswith("/") or self.path.partition("/")[0] in TAKEN_PATHS:
            raise ValueError(f"path: {self.path!r} begins with a slash or belongs to another part")

    @property
    def in_navigation(self) -> bool:
        """Whether it can be linked without parameters, and so is."""
        return self.linked and "<" not in self.path


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """What an app adds to the page of each device, below what is there.

    Raises:
        ValueError: a field is not as said here.
    """

    name: str  # by which its module registers it
    title: str  # its heading
    modules: str  # folder of static files; its panel.js runs and registers the panel
    styles: tuple[str, ...] = ()  # static files: its style sheets
    capability: Capability | None = None  # needed at the device's site; None: whoever sees the device

    def __post_init__(self) -> None:
        """Check the fields."""
        _check(self.capability, self.modules)
        if not self.title:
            raise ValueError("title: it can't be empty")


def _check(capability: str | None, modules: str) -> None:
    if capability is not None and capability not in CAPABILITIES:
        raise ValueError(f"capability: {capability!r} is none of {', '.join(sorted(CAPABILITIES))}")
    if not _FOLDER.match(modules):
        raise ValueError(f"modules: {modules!r} is no folder of static files, like 'plants'")
