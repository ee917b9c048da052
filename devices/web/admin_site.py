"""Django's admin as everything else is: in the user's time zone and language."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils import timezone, translation

from devices.web.auth import access_of
from devices.web.people.preferences import preferences_of, zone_of

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class CausewayAdminSite(AdminSite):
    """What each view shows is rendered by the preferences of who asks."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """A view of the admin, for who may see it."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def localized(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with _as_preferred(request):
                answer = inner(request, *args, **kwargs)
                return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer

        return cast("View", localized)


def _as_preferred(request: HttpRequest) -> AbstractContextManager[Any]:
    within, access = ExitStack(), access_of(request.user)
    chosen = preferences_of(access) if access else None
    if chosen and (zone := zone_of(chosen.time_zone)):
        within.enter_context(timezone.override(zone))
    if chosen and chosen.language:
        within.enter_context(translation.override(chosen.language))
    return within
