"""All URLs of the web process."""

from typing import Any, Final

from django.urls import URLPattern, URLResolver, include, path

from devices.web.people.logins import admin_login

_ADMIN: Final[Any] = ("config.admin_urls", "admin", "admin")  # imported later: devices.web.urls
_APPS: Final[Any] = ("config.added_apps.urls", None, None)

handler400 = "devices.web.api.urls.refused"
urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/login/", admin_login),
    path("admin/", _ADMIN),
    path("apps/", _APPS),
    path("", include("devices.web.urls")),
]
