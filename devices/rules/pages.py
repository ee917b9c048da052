"""What a page is: the web makes its URL, its place in the navigation and its import map from this description."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from devices.rules.capabilities import CAPABILITIES, Capability

TAKEN_PATHS: Final = frozenset(
    {"admin", "api", "board", "healthz", "login", "logout", "metrics", "readyz", "static", "ws"}
)

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
    template: str  # extends causeway/base.html
    modules: str  # folder of static files; its page.js runs, its other modules are fetched at once
    capability: Capability | None = None  # needed at the path's ``site``, else anywhere; None: no role is needed
    packages: Mapping[str, str] = field(default_factory=dict)  # by the name they are imported by: static file
    data: Callable[..., Mapping[str, Any]] | None = None  # (request, access, **parameters) → more of ``page``; as JSON

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.capability is not None and self.capability not in CAPABILITIES:
            raise ValueError(f"capability: {self.capability!r} is none of {', '.join(sorted(CAPABILITIES))}")
        if not self.title or not self.template:
            raise ValueError("title and template: they can't be empty")
        if self.path.startswith("/") or self.path.partition("/")[0] in TAKEN_PATHS:
            raise ValueError(f"path: {self.path!r} begins with a slash or belongs to another part")
        if not _FOLDER.match(self.modules):
            raise ValueError(f"modules: {self.modules!r} is no folder of static files, like 'plants'")

    @property
    def in_navigation(self) -> bool:
        """Whether it can be linked without parameters, and so is."""
        return "<" not in self.path
