"""The API of tickets: with one, a browser's page of another origin opens a WebSocket."""

import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.models import ApiToken, Ticket
from devices.requests.refusals import RateLimitedError, UnauthorizedError
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import Access, bearer_token, token_digest
from devices.web.live.queries.tickets import SUBPROTOCOL
from devices.web.people.schemas import TicketOut
from runtime.database_clock import asked_now

LASTS: Final = timedelta(seconds=30)
MAX_OPEN: Final = 1_000  # tickets of one asker that were not used yet
_PREFIX: Final = "cwt_"

router = Router(tags=["tickets"])


@router.post("/tickets", response={201: TicketOut})
def create_ticket(request: HttpRequest) -> HttpResponse:
    """Ask for a ticket: it opens one WebSocket within 30 s, with your rights and as long as what you showed is good.

    Offer `subprotocol` when you open `/ws/v1/`, alone: `new WebSocket(url, answer.subprotocol)`. 429: you have 1,000
    that were not used yet.
    """
    who = access(request)
    now, ticket = asked_now(), _PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        Ticket.objects.filter(expires_at__lte=now).delete()
        if Ticket.objects.filter(asker=str(who.actor)).count() >= MAX_OPEN:
            raise RateLimitedError(f"you have {MAX_OPEN} tickets that were not used yet")
        row = Ticket(digest=token_digest(ticket), expires_at=now + LASTS, asker=str(who.actor), **_shown(request, who))
        row.save(force_insert=True)
    made = {"ticket": ticket, "subprotocol": SUBPROTOCOL + ticket, "expires_at": rfc3339(row.expires_at)}
    return json_response(made, HTTPStatus.CREATED, Cache_Control="no-store")


def _shown(request: HttpRequest, who: Access) -> dict[str, Any]:
    """By what the asker showed who it is: the rights last as long as that is good."""
    if who.board is not None:
        return {"board_id": who.board}
    if not who.token:
        return {"session": request.session.session_key}
    digest = token_digest(bearer_token(request.headers.get("Authorization", "")) or "")
    token = ApiToken.objects.filter(digest=digest).values_list("pk", flat=True).first()
    if token is None:  # deleted a moment ago
        raise UnauthorizedError("your token is not valid any more")
    return {"token_id": token}
