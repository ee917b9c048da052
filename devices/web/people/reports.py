"""What pages say of themselves and ask about themselves: errors for the server's log, and whether they are old."""

import hashlib
import time
from http import HTTPStatus
from typing import Final

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.requests.refusals import RateLimitedError
from devices.web.api.paging import json_response
from devices.web.api.security import somebody
from devices.web.auth import Access
from devices.web.pages.version import version_of_pages
from devices.web.people.links import stay
from devices.web.people.schemas import ClientError, Version
from devices.web.people.throttle import Throttle

router = Router(tags=["pages"])
log = structlog.get_logger(__name__)

_SHORT_CHARS: Final = 200
_MESSAGE_CHARS: Final = 1_000
_STACK_CHARS: Final = 4_000
_throttle: Final = Throttle(burst=10, every_s=30, all_burst=100)


@router.get("/version", response=Version)
def get_version(request: HttpRequest) -> HttpResponse:
    """Which version of the pages the server has. It also stands in the header Causeway-Version of each answer."""
    who = somebody(request)
    answer = json_response({"version": version_of_pages()})
    stay(request, answer, who)
    return answer


@router.post("/client-errors", response={204: None})
def report_client_error(request: HttpRequest, payload: ClientError) -> HttpResponse:
    """Have an error of a page stand in the server's log. 429 after ten in five minutes from a session."""
    who = somebody(request)
    if not _throttle.take(_sender(request, who), time.monotonic()):
        raise RateLimitedError("enough is known of this page's errors; later ones in some minutes")
    log.warning(
        "a page reported an error",
        user=who.username,
        page=_plain(payload.page, _SHORT_CHARS),
        panel=_plain(payload.panel, _SHORT_CHARS),
        error=_plain(payload.message, _MESSAGE_CHARS),
        stack=_plain(payload.stack, _STACK_CHARS),
        version=_plain(payload.version, _SHORT_CHARS),
        browser=_plain(request.headers.get("User-Agent", ""), _SHORT_CHARS),
    )
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _sender(request: HttpRequest, who: Access) -> tuple[int, int | None, str]:
    """The session; of others the user."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return who.user_id, who.board, hashlib.sha256(key.encode()).hexdigest() if key and not who.token else who.token


def _plain(text: str, most: int) -> str:
    """Its beginning, without what a terminal could take for more than text."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text[:most])
