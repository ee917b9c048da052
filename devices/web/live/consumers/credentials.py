"""Who a consumer's client is, by the scope that middleware has filled; so its rights can be read again and again."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from channels.db import database_sync_to_async
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AnonymousUser

from devices.web.auth import bearer_token
from devices.web.live.queries.authentication import Credential, Person, Session, access_by, credential_in
from devices.web.live.queries.tickets import SUBPROTOCOL, redeem, ticket_in

CREDENTIAL: Final = "causeway.credential"  # in the scope; None: what was shown is good for nothing

Scope = dict[str, Any]


async def credential_of(scope: Scope) -> Credential | None:
    """What the rights of the scope's ``user`` go by; None: nobody is signed in.

    A token's, a session's while that is the user's, else the user alone, whom the app's own middleware vouches for.
    """
    if CREDENTIAL in scope:
        found: Credential | None = scope[CREDENTIAL]
        return found
    user = scope.get("user")
    if user is None or not user.is_authenticated:
        return None
    key = await database_sync_to_async(_session_key)(scope.get("session"), str(user.pk))
    return Session(key) if key else Person(user.pk)


def _session_key(session: Any, user_id: str) -> str:
    """The session's key if it is this user's, else "". Reads the database, if nobody has read the session yet."""
    if session is None or not session.session_key:
        return ""
    return str(session.session_key) if str(session.get(SESSION_KEY)) == user_id else ""


class TokenAuthMiddleware:
    """ASGI middleware: who shows a token or a ticket is its user, or nobody; a wrong one counts, too.

    ``Authorization: Bearer …`` is for programs, a ticket as the subprotocol for browsers; the handshake is answered
    with it. Inside AuthMiddlewareStack, which has put a session's user into the scope.

    Args:
        inner: the application.
    """

    def __init__(self, inner: Callable[[Scope, Any, Any], Awaitable[Any]]) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> Any:
        """ASGI 3."""
        ticket = ticket_in(scope.get("subprotocols", ()))
        shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin1")
        if ticket is None and bearer_token(shown) is None:
            return await self._inner(scope, receive, send)
        credential, user = await database_sync_to_async(_looked_up)(scope["headers"], ticket)
        inside = {**scope, "user": user or AnonymousUser(), CREDENTIAL: credential}
        return await self._inner(inside, receive, send if ticket is None else _answering(send, SUBPROTOCOL + ticket))


def _looked_up(headers: list[tuple[bytes, bytes]], ticket: str | None) -> tuple[Credential | None, Any]:
    """What counts of what is shown, and whose it is (None: a board's)."""
    credential = credential_in(headers) if ticket is None else redeem(ticket)
    access = access_by(credential) if credential is not None else None
    if access is None:
        return None, None
    users: Any = get_user_model()
    return credential, users.objects.filter(pk=access.user_id).first()


def _answering(send: Callable[[dict[str, Any]], Awaitable[None]], subprotocol: str) -> Any:
    """A ``send`` that accepts with the subprotocol unless the consumer names one: browsers hang up without."""

    async def answering(event: dict[str, Any]) -> None:
        if event["type"] == "websocket.accept" and not event.get("subprotocol"):
            event = {**event, "subprotocol": subprotocol}
        await send(event)

    return answering
