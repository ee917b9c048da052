"""What people and programs ask of the web process: pages, the API, and how it is.

What is named as a text is imported when something is first asked of it, or when any URL is first looked up by its name;
``devices.web.startup`` sees to it soon after the start. Probes and sockets need nothing of it.
"""

from typing import Any, Final

from django.urls import URLPattern, URLResolver, include, path

from devices.web.live.socket.refusals import needs_upgrade
from devices.web.operations.health import healthz, readyz

_METRICS: Final[Any] = ("devices.web.operations.urls", None, None)  # as of include(): URLs, app, namespace
_API: Final[Any] = ("devices.web.api.urls", None, None)

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", _METRICS),
    path("api/", _API),
    path("ws/v1/", needs_upgrade),
    path("ws/v1", needs_upgrade),
    path("", include("devices.web.pages.urls")),
]
