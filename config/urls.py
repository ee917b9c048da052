"""All URLs of the web process."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from devices.web.logins import admin_login

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("", include("devices.web.urls")),
]
