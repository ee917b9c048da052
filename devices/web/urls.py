"""What people and programs ask of the web process: pages, the API, and how it is."""

from django.urls import URLPattern, URLResolver, include, path

from devices.web.live.socket.refusals import needs_upgrade
from devices.web.operations.health import healthz, readyz
from devices.web.operations.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/", include("devices.web.api.urls")),
    path("ws/v1/", needs_upgrade),
    path("ws/v1", needs_upgrade),
    path("", include("devices.web.pages.urls")),
]
