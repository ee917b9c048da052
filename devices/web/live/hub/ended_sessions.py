"""A logout ends the session's sockets at once, in whichever web process they are: by a message to all hubs.

It carries only a digest of the session's key. Where the layer is down, the next look at everybody's rights ends them.
"""

import asyncio
import hashlib
from typing import Any, Final

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

GROUP: Final = "dashboard.sessions"
ENDED: Final = "hub.session_ended"
_LIMIT_S: Final = 1.0

log = structlog.get_logger(__name__)


def digest(session_key: str) -> str:
    """What is told of a session's key."""
    return hashlib.sha256(session_key.encode("utf-8", "surrogatepass")).hexdigest()


def tell_hubs(request: Any, **_: Any) -> None:
    """A receiver of Django's ``user_logged_out``: the request's session ends. Best effort, at most a second."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        async_to_sync(_send)({"type": ENDED, "session": digest(key)})


async def _send(message: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(_LIMIT_S):
            await get_channel_layer("groups").group_send(GROUP, message)
    except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down
        log.debug("hubs were not told of a logout", error=repr(error))
