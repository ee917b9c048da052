"""What a plain HTTP request to the WebSocket's path is told: why no WebSocket came of it."""

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from devices.web.api.problems import problem
from runtime.http.origins import is_foreign

_NEEDS_UPGRADE: Final = (
    "here is a WebSocket, and this request lacks 'Upgrade: websocket' and 'Connection: Upgrade'. A proxy in front"
    " of Causeway must pass both on: docs/proxies.md has the lines for nginx, Caddy and HAProxy"
)
_FOREIGN: Final = (
    "pages of {origin} may not open WebSockets of {host}. If a proxy is in front, let it pass Host and X-Forwarded-"
    "Proto on, and set TRUSTED_PROXIES; another site of yours belongs into CSRF_TRUSTED_ORIGINS"
)


@csrf_exempt
def needs_upgrade(request: HttpRequest) -> HttpResponse:
    """426 (RFC 9110 15.5.22), or 403 to a page from elsewhere: its WebSocket is refused for that, too."""
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    headers = [(b"host", host.encode("latin1", "replace"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin1", "replace")))
    if is_foreign(headers, secure=request.is_secure()):
        return problem("forbidden", _FOREIGN.format(origin=origin, host=host))
    return problem(
        "bad_request",
        _NEEDS_UPGRADE,
        status=HTTPStatus.UPGRADE_REQUIRED,
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
    )
