"""``/apps/<label>/``: the URLs of the apps of CAUSEWAY_APPS that have a module ``urls``, as that says."""

from django.urls import URLPattern, URLResolver, include, path

from config.added_apps.found import added


def patterns() -> list[URLPattern | URLResolver]:
    """Those of all apps, in the order of CAUSEWAY_APPS."""
    return [path(f"{config.label}/", include(f"{config.name}.urls")) for config in added("urls")]


urlpatterns = patterns()
