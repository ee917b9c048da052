"""The ASGI application of ``/ws/v1/``: who may come in, and then a :class:`Connection`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from channels.layers import get_channel_layer
from django.conf import settings

from devices.web.auth import Access
from devices.web.live.hub.hub import Hub, hub_of_this_loop
from devices.web.live.queries.authentication import Credential, access_by, credential_in
from devices.web.live.queries.tickets import SUBPROTOCOL, redeem, ticket_in
from devices.web.live.socket.connection import FORBIDDEN, TOO_MANY, UNAUTHORIZED, Connection
from devices.web.live.socket.frame_writer import direct_of
from devices.web.live.socket.places import Places
from runtime.database import DatabaseReaders, DatabaseUnavailableError
from runtime.http.origins import is_allowed, is_foreign

PATHS: Final = ("/ws/v1/", "/ws/v1")
places: Final = Places()  # of sockets and event streams
_TRY_AGAIN_LATER: Final = 4503  # Daphne sends no code but 1000 and 3000 to 4999

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


async def websocket_application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """ASGI 3, scope ``websocket``.

    Another path or a foreign Origin: HTTP 403, by closing before accepting. Close codes need an accepted socket, so
    everybody else is accepted first. A ticket is answered with its subprotocol, or browsers would hang up.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    ticket = ticket_in(scope.get("subprotocols", ()))
    if path not in PATHS or not is_welcome(scope, ticket):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": ticket if ticket is None else SUBPROTOCOL + ticket})
    with places.taken(_address(scope), settings.MAX_SOCKETS_PER_ADDRESS) as free:
        code = await _serve(scope, receive, send, ticket) if free else TOO_MANY
    if code is not None:
        await send({"type": "websocket.close", "code": code})


def is_welcome(scope: dict[str, Any], ticket: str | None) -> bool:
    """Whether a page of this Origin may come in at all."""
    headers = scope["headers"]
    if ticket is not None and is_allowed(headers):
        return True
    return not is_foreign(headers, secure=scope.get("scheme") == "wss")


async def _serve(scope: dict[str, Any], receive: Receive, send: Send, ticket: str | None) -> int | None:
    """Serve a socket that is accepted; or the code to close with."""
    async with hub_of_this_loop(new_hub) as hub:
        try:
            credential = await _credential(hub, scope, ticket)
        except DatabaseUnavailableError:
            return _TRY_AGAIN_LATER
        access = await _access(hub, credential)
        if isinstance(access, int) or credential is None:
            return access if isinstance(access, int) else UNAUTHORIZED
        with places.taken((access.user_id, access.board), settings.MAX_SOCKETS_PER_USER) as free:
            if not free:
                return TOO_MANY
            await Connection(receive, send, hub, credential, access, direct_of(scope)).serve()
    return None


async def _credential(hub: Hub, scope: dict[str, Any], ticket: str | None) -> Credential | None:
    """What the client shows; a ticket counts, even a wrong one, whatever is beside it."""
    return credential_in(scope["headers"]) if ticket is None else await hub.database.run(redeem, ticket)


def _address(scope: dict[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def new_hub() -> Hub:
    """The hub of an event loop."""
    return Hub(get_channel_layer("groups"), DatabaseReaders("live-database"), settings.DEVICES.shards)


async def _access(hub: Hub, credential: Credential | None) -> Access | int:
    """The rights, or the code to close with."""
    try:
        access = await hub.database.run_once(access_by, credential) if credential is not None else None
    except DatabaseUnavailableError:
        return _TRY_AGAIN_LATER
    if access is None:
        return UNAUTHORIZED
    return access if access.sees_any else FORBIDDEN
