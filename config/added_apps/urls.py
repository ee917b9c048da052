"""``/apps/<label>/``: the URLs of the apps of CAUSEWAY_APPS that have a module ``urls``, as that says."""

from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import module_has_submodule


def added(module: str) -> Iterator[AppConfig]:
    """The apps of CAUSEWAY_APPS that have a module of this name."""
    entries = frozenset(settings.CAUSEWAY_APPS)
    for config in apps.get_app_configs():
        names = {config.name, f"{type(config).__module__}.{type(config).__qualname__}"}
        if names & entries and config.module is not None and module_has_submodule(config.module, module):
            yield config


def patterns() -> list[URLPattern | URLResolver]:
    """Those of all apps, in the order of CAUSEWAY_APPS."""
    return [path(f"{config.label}/", include(f"{config.name}.urls")) for config in added("urls")]


urlpatterns = patterns()
