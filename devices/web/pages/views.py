"""The pages: fleet, device, operations, login. Frames for modules in static/causeway/; live data comes by WebSocket."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from devices.models import Device
from devices.web.auth import access_of
from devices.web.pages.modules import modules_for


@require_safe
@login_required
def fleet(request: HttpRequest) -> HttpResponse:
    """All devices that the user may see. (Without any role the page says so.)"""
    return _page(request, "fleet")


@require_safe
@login_required
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """One device.

    Raises:
        Http404: there is none, or the user has no role at its site (which of both is not told).
    """
    key = f"{site}/{name}"
    access = access_of(request.user)
    if access is None or not access.sees(site) or not Device.objects.filter(key=key).exists():
        raise Http404(f"no device {key}")
    return _page(request, "device", device=key, role=access.role_at(site))


@require_safe
@login_required
def ops(request: HttpRequest) -> HttpResponse:
    """Where every message went: ledger, chain, incidents, quarantine. (Without any role the page says so.)"""
    return _page(request, "ops")


class Login(LoginView):
    """Sign in, then go where one wanted to go."""

    template_name = "causeway/login.html"
    redirect_authenticated_user = True


class Logout(LogoutView):
    """Sign out (POST only)."""


def _page(request: HttpRequest, name: str, **more: Any) -> HttpResponse:
    access = access_of(request.user)
    page = {
        "user": {"name": request.user.get_username(), "staff": bool(getattr(request.user, "is_staff", False))},
        "roles": dict(access.roles) if access else {},
        "ws": "/ws/v1/",
        "api": "/api/v1/",
        "mqtt": _first_message_hints(),
        "name": name,
        **more,
    }
    return render(request, f"causeway/{name}.html", {"page": page, "modules": modules_for(name)})


def _first_message_hints() -> dict[str, Any]:
    """What the empty fleet needs to show how a first message is sent."""
    return {
        "root": settings.DEVICES.topic_root,
        "port": settings.GATEWAY.port,
        "auto_register": settings.DEVICES.auto_register,
    }
