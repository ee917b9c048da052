"""Views of the registered pages: each answers with the document of all of them. Live data comes by WebSocket."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from devices.extensions import pages, panels
from devices.rules.capabilities import capabilities_of
from devices.rules.pages import SHELL, Page
from devices.web.auth import ALL_SITES, Access, access_of_visitor, keep_signed_in
from devices.web.pages.modules import module_of, modules_for, styles_of
from devices.web.pages.version import version_of_pages
from devices.web.people.links import stay
from devices.web.people.preferences import as_json, preferences_of

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


class Logout(LogoutView):
    """Sign out (POST only)."""


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form that is refused: expired, or from an origin that is not ours, and then what is to be set."""
    origin = request.headers.get("Origin", "") if reason == REASON_BAD_ORIGIN % request.headers.get("Origin") else ""
    context = {"origin": origin, "host": request.headers.get("Host", ""), "secure": request.is_secure()}
    return render(request, "403_csrf.html", context, status=HTTPStatus.FORBIDDEN)


def view_of(page: Page) -> Callable[..., HttpResponse]:
    """The view of a page.

    It raises Http404 where the path names a site that the user does not see (which is not told from one that is not
    there), and PermissionDenied where the user may not do what the page is for.
    """

    @require_safe
    def view(request: HttpRequest, **parameters: Any) -> HttpResponse:
        access = access_of_visitor(request)
        if access is None:
            return redirect_to_login(request.get_full_path())
        if access.board is None:
            keep_signed_in(request)
        _require(page, access, parameters.get("site"))
        more = page.data(request, access, **parameters) if page.data else {}
        title = more.get("device", page.title)
        if _wants_json(request):
            response: HttpResponse = JsonResponse({"title": title, "data": more})
        else:
            context = {"page": {**_page(page, access, request), **more}, "modules": modules_for(page), "title": title}
            response = render(request, page.template, {**context, "nav": _nav(access)})
        patch_cache_control(response, private=True, no_cache=True)  # it names the modules of just this version
        patch_vary_headers(response, ["Accept"])
        stay(request, response, access)
        return response

    return view


def _wants_json(request: HttpRequest) -> bool:
    """Whether a document of ours asks, which shows the page itself."""
    return request.headers.get("Accept") == "application/json"


def _require(page: Page, access: Access, site: str | None) -> None:
    if _may_open(page, access, site):
        return
    if site is not None and not access.sees(site):
        raise Http404(f"no site {site}")
    raise PermissionDenied


def _may_open(page: Page, access: Access, site: str | None = None) -> bool:
    if page.capability is None:
        return True
    if page.everywhere:
        return access.may(page.capability, ALL_SITES)
    return access.may_somewhere(page.capability) if site is None else access.may(page.capability, site)


def _nav(access: Access) -> list[dict[str, str]]:
    """The links between pages: those that the user may open."""
    linked = [page for page in pages.all().values() if page.in_navigation and _may_open(page, access)]
    return [{"name": page.name, "title": page.title, "url": reverse(page.name)} for page in linked]


def _page(page: Page, access: Access, request: HttpRequest) -> dict[str, Any]:
    """What every page's modules find in ``page``."""
    return {
        "user": {
            "name": access.username,
            "staff": access.board is None and bool(getattr(request.user, "is_staff", False)),
            "board": access.board,
        },
        "preferences": as_json(preferences_of(access)),
        "version": version_of_pages(),
        "roles": dict(access.roles),
        "capabilities": {site: sorted(capabilities_of(role)) for site, role in access.roles.items()},
        "base": settings.PATH_PREFIX,
        "ws": f"{settings.PATH_PREFIX}/ws/v1/",
        "api": f"{settings.PATH_PREFIX}/api/v1/",
        "mqtt": _first_message_hints(),
        "name": page.name,
        "pages": [_route(one) for one in pages.all().values() if _may_open(one, access)],
        "panels": [
            {
                "name": one.name,
                "title": one.title,
                "module": module_of(one),
                "styles": styles_of(one),
                "capability": one.capability,
            }
            for one in panels.all().values()
            if one.capability is None or access.may_somewhere(one.capability)
        ],
    }


def _route(page: Page) -> dict[str, Any]:
    """What the shell needs to show the page."""
    module = module_of(page)
    return {
        "name": page.name,
        "title": page.title,
        "path": f"{settings.PATH_PREFIX}/{_PARAMETER.sub(_colon, page.path)}",
        "capability": page.capability,
        "module": module,
        "styles": styles_of(page),
        "data": page.data is not None and module is not None,
        "document": page.template != SHELL,
    }


def _colon(found: re.Match[str]) -> str:
    return f":{found[1]}"


def _first_message_hints() -> dict[str, Any]:
    """What the empty fleet needs to show how a first message is sent."""
    return {
        "root": settings.DEVICES.topic_root,
        "port": 1883 if settings.GATEWAY.websocket_path else settings.GATEWAY.port,
        "auto_register": settings.DEVICES.auto_register,
    }
