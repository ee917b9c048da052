"""What apps may add, each from its ``AppConfig.ready()``: pages, panels, API routers, features of the device workers.

``causeway`` re-exports it for them.

Dialects, which both banks use, are in bridge.dialects.registry.

Whoever uses what was added takes it from the registries here, and so knows none by name. Never: devices.web,
devices.worker; those import this.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from bridge.dialects.registry import factories
from bridge.registry import Registry
from devices.rules.pages import Page, Panel

if TYPE_CHECKING:
    from ninja import Router

TAKEN_ROUTERS: Final = frozenset(
    {"boards", "commands", "devices", "docs", "handlers", "ledger", "me", "ops", "quarantine", "series", "version"}
    | {"alert-rules", "alerts"}
)

pages: Final = Registry("page", Page)
panels: Final = Registry("panel", Panel)
routers: Final[Registry[Any]] = Registry("router", object)
features: Final[Registry[Any]] = Registry("feature", object)

REGISTRIES: Final[tuple[Registry[Any], ...]] = (pages, panels, routers, features, factories)


def register_page(page: Page) -> None:
    """Add a page.

    Raises:
        bridge.registry.RegistrationError: it is no page, its name or path is another's, or it is too late.
    """
    name = getattr(page, "name", "")
    if other := next((one for one in pages if one.path == getattr(page, "path", None) and one.name != name), None):
        raise pages.error(name, f"{other.name!r} has the path {other.path!r} already")
    pages.register(name, page)


def register_panel(panel: Panel) -> None:
    """Add a panel to the page of each device.

    Raises:
        bridge.registry.RegistrationError: it is no panel, its name is another's, or it is too late.
    """
    panels.register(getattr(panel, "name", ""), panel)


def register_router(name: str, router: "Router") -> None:
    """Add operations to the API, under ``/api/v1/<name>/``. Whoever asks has shown who it is: causeway.web.access.

    Raises:
        bridge.registry.RegistrationError: it is no router, its name is another's, or it is too late.
    """
    from ninja import Router  # only processes with such apps load it

    if not isinstance(router, Router):
        raise routers.error(name, f"it is a {type(router).__name__}, not a ninja.Router")
    if name in TAKEN_ROUTERS:
        raise routers.error(name, "the API has such paths already")
    routers.register(name, router)


def register_feature(name: str, factory: Callable[[], Any]) -> None:
    """Add a feature of the device workers, after those that are there.

    Args:
        name: the feature's own.
        factory: makes a causeway.features.Feature, once a process; its class, say.

    Raises:
        bridge.registry.RegistrationError: nothing that can be called, its name is another's, or it is too late.
    """
    if not callable(factory):
        raise features.error(name, f"it is a {type(factory).__name__}, which makes no feature")
    features.register(name, factory)


@contextmanager
def restored() -> Iterator[None]:
    """For tests: while the context lasts, things can be registered; afterwards all is as before."""
    with ExitStack() as stack:
        for registry in REGISTRIES:
            stack.enter_context(registry.reopened())
        yield
