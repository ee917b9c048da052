"""The ASGI application of ``/ws/v1/``: who may come in, and then a :class:`Connection`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from channels.layers import get_channel_layer
from django.conf import settings

from devices.web.auth import Access
from devices.web.live.hub.hub import Hub, hub_of_this_loop
from devices.web.live.queries.authentication import Credential, access_by, credential_in
from devices.web.live.socket.connection import FORBIDDEN, TOO_MANY, UNAUTHORIZED, Connection
from devices.web.live.socket.frame_writer import direct_of
from devices.web.live.socket.places import Places
from runtime.database import DatabaseReaders, DatabaseUnavailableError
from runtime.http.origins import is_foreign

PATHS: Final = ("/ws/v1/", "/ws/v1")
_places: Final = Places()
_TRY_AGAIN_LATER: Final = 4503  # Daphne sends no code but 1000 and 3000 to 4999

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


async def websocket_application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """ASGI 3, scope ``websocket``.

    Another path or a foreign Origin: HTTP 403, by closing before accepting. Close codes need an accepted socket, so
    everybody else is accepted first.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if path not in PATHS or is_foreign(scope["headers"], secure=scope.get("scheme") == "wss"):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    with _places.taken(_address(scope), settings.MAX_SOCKETS_PER_ADDRESS) as free:
        code = await _serve(scope, receive, send) if free else TOO_MANY
    if code is not None:
        await send({"type": "websocket.close", "code": code})


async def _serve(scope: dict[str, Any], receive: Receive, send: Send) -> int | None:
    """Serve a socket that is accepted; or the code to close with."""
    async with hub_of_this_loop(_new_hub) as hub:
        credential = credential_in(scope["headers"])
        access = await _access(hub, credential)
        if isinstance(access, int) or credential is None:
            return access if isinstance(access, int) else UNAUTHORIZED
        with _places.taken((access.user_id, access.board), settings.MAX_SOCKETS_PER_USER) as free:
            if not free:
                return TOO_MANY
            await Connection(receive, send, hub, credential, access, direct_of(scope)).serve()
    return None


def _address(scope: dict[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _new_hub() -> Hub:
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
