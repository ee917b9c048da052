"""Which of the apps of CAUSEWAY_APPS have a module of a certain name."""

from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule


def added(module: str) -> Iterator[AppConfig]:
    """Those apps, in the order of CAUSEWAY_APPS."""
    entries = frozenset(settings.CAUSEWAY_APPS)
    for config in apps.get_app_configs():
        names = {config.name, f"{type(config).__module__}.{type(config).__qualname__}"}
        if names & entries and config.module is not None and module_has_submodule(config.module, module):
            yield config
