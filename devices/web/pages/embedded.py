"""The page that other sites may have in a frame: a device, or a chart of a metric, by a token behind the ``#``.

It knows no session and sends no cookie, so whoever frames it gains nothing by a click of who is signed in.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from devices.web.pages.version import version_of_pages
from runtime.http.content_security import frame_ancestors


@require_safe
@xframe_options_exempt
def embedded(request: HttpRequest) -> HttpResponse:
    """The page, the same for everybody; sites of FRAME_ANCESTORS may frame it, others may not."""
    page = {
        "name": "embed",
        "version": version_of_pages(),
        "base": settings.PATH_PREFIX,
        "api": f"{settings.PATH_PREFIX}/api/v1/",
        "preferences": {"theme": "system", "language": None, "time_zone": None},
        "capabilities": {},
        "roles": {},
        "pages": [],
        "panels": [],
    }
    response = render(request, "causeway/embed.html", {"page": page})
    frame_ancestors(response, request, settings.FRAME_ANCESTORS)
    patch_cache_control(response, private=True, no_cache=True)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
