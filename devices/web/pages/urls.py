"""URLs of the pages that are registered, of login and logout, and of boards' links."""

from django.urls import URLPattern, path, register_converter

from devices.extensions import pages
from devices.web.pages import views
from devices.web.pages.embedded import embedded
from devices.web.people.links import board
from devices.web.people.logins import Login


class NameConverter:
    """``<name:site>``: a site's or device's name as the contract has it."""

    regex = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_\-.:]{1,64}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


class DeviceNameConverter(NameConverter):
    """``<device:name>``: a device's name, or ``device~child``: one for which that one speaks."""

    regex = rf"{NameConverter.regex}(?:~{NameConverter.regex})?"


register_converter(NameConverter, "name")
register_converter(DeviceNameConverter, "device")


def patterns() -> list[URLPattern]:
    """Of login, logout, boards' links and all pages that are registered by now."""
    return [
        path("login", Login.as_view(), name="login"),
        path("board", board, name="board"),
        path("embed", embedded, name="embed"),
        path("logout", views.Logout.as_view(), name="logout"),
        *(path(page.path, views.view_of(page), name=page.name) for page in pages.all().values()),
    ]


urlpatterns = patterns()
