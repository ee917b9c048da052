"""The links of boards: each lets one browser in, once, which from then on has a cookie with another secret.

The token stands in the link's fragment, which browsers send to nobody: no server, proxy or log ever sees it, nor does a
page that is linked to. The page at the link takes it out of the address and posts it.
"""

import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from devices.models import Board
from devices.web.auth import BOARD_COOKIE, Access, token_digest
from runtime.database_clock import asked_now

LINK_LASTS: Final = timedelta(days=7)
SEE_OTHER: Final = 303
_COOKIE_S: Final = 400 * 86_400  # browsers keep none for longer; it begins anew with each page, and hourly on open ones
_PREFIX: Final = "cwb_"
_MAX_TOKEN_CHARS: Final = 100


def new_link(request: HttpRequest, board: Board) -> str:
    """Have a board wait for the browser that opens the link; one that it had is out. Not saved yet.

    Returns:
        The link, as seen from outside.
    """
    token = _PREFIX + secrets.token_urlsafe(32)
    board.digest, board.link_expires_at = token_digest(token), asked_now() + LINK_LASTS
    return f"{request.build_absolute_uri(reverse('board'))}#{token}"


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
def board(request: HttpRequest) -> HttpResponse:
    """The page that the link leads to, and what it posts to: a cookie for the token, and on to what the board shows."""
    if request.method != "POST":
        answer = render(request, "causeway/board.html", {"refused": False})
    elif (let_in := _swap(request.POST.get("token", ""))) is None:
        answer = render(request, "causeway/board.html", {"refused": True}, status=403)
    else:
        found, secret = let_in
        answer = HttpResponseRedirect(settings.PATH_PREFIX + _with_kiosk(found.path))
        answer.status_code = SEE_OTHER
        _set_cookie(answer, secret)
    add_never_cache_headers(answer)
    return answer


def _swap(token: str) -> tuple[Board, str] | None:
    """The board whose link this is, and the secret that takes the token's place; None: it is none, or was used."""
    if not token.startswith(_PREFIX) or len(token) > _MAX_TOKEN_CHARS:
        return None
    now, digest, secret = asked_now(), token_digest(token), secrets.token_urlsafe(32)
    waiting = Board.objects.filter(digest=digest, link_expires_at__gt=now)
    if not waiting.update(digest=token_digest(secret), link_expires_at=None, seen_at=now):
        return None
    return Board.objects.get(digest=token_digest(secret)), secret


def _with_kiosk(path: str) -> str:
    place, _, query = path.partition("?")
    names = {part.partition("=")[0] for part in query.split("&")}
    return path if "kiosk" in names else f"{place}?{query}{'&' if query else ''}kiosk"


def stay(request: HttpRequest, answer: HttpResponse, who: Access) -> None:
    """A board that is in use stays: its cookie begins anew. Does nothing for others. Asks the database."""
    if who.board is None:
        return
    Board.objects.filter(pk=who.board).update(seen_at=asked_now())
    _set_cookie(answer, request.COOKIES[BOARD_COOKIE])


def _set_cookie(answer: HttpResponse, secret: str) -> None:
    answer.set_cookie(
        BOARD_COOKIE,
        secret,
        max_age=_COOKIE_S,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
