"""Tickets: each lets whoever shows it open one WebSocket, as a subprotocol, with the rights of who asked for it.

Browsers let a page set nothing else of the handshake. What stands in an address ends up in logs; a subprotocol doesn't.
"""

from collections.abc import Iterable
from typing import Final

from devices.models import Ticket
from devices.web.auth import token_digest
from devices.web.live.queries.authentication import Credential, Session, Token
from runtime.database_clock import asked_now

SUBPROTOCOL: Final = "causeway.ticket."  # and the ticket


def ticket_in(subprotocols: Iterable[str]) -> str | None:
    """The first ticket among what a client offers; None: there is none."""
    shown = (one.removeprefix(SUBPROTOCOL) for one in subprotocols if one.startswith(SUBPROTOCOL))
    return next(shown, None)


def redeem(ticket: str) -> Credential | None:
    """What its asker had shown; None: it is unknown, used or too old. Once: who shows it later gets nothing."""
    digest = token_digest(ticket)
    good = Ticket.objects.filter(digest=digest, expires_at__gt=asked_now())
    found = good.values_list("pk", "session", "token__digest", "board__digest").first()
    if found is None or not Ticket.objects.filter(pk=found[0]).delete()[0]:
        return None
    _, session, token, board = found
    return Token(token) if token else Session(session, board or "")
