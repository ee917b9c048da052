"""The frames of the WebSocket, both ways: docs/websocket.md. Pure.

What there is follows from the classes by which the server reads and writes them.
"""

from typing import Any, Final, get_args

from msgspec import Struct

from devices.web.live.socket.client_frames import Acknowledge, ClientFrame
from devices.web.live.stream.server_frames import FRAMES
from devices.web.pages.asyncapi.examples import CLIENT_FRAMES, SERVER_FRAMES
from devices.web.pages.asyncapi.parts import WEBSOCKET_BINDING, Json, Message, Protocol, carried, channel, operation

CHANNEL: Final = "socket"
_REPLIES: Final = ("ok", "error")
_ID: Final = {"correlationId": {"description": "the request's id", "location": "$message.payload#/id"}}


def socket(address: str) -> Protocol:
    """Of the socket at that address."""
    sent = server_messages()
    received = {kind: _message(kind, cls, CLIENT_FRAMES.get(kind, ())) for kind, cls in client_frames().items()}
    replies = [sent[kind] for kind in _REPLIES]
    told = [message for kind, message in sent.items() if kind != "ok"]
    bindings = {"ws": {"method": "GET", "bindingVersion": WEBSOCKET_BINDING}}
    about = "One JSON object a text frame. Requests have an id, and get one reply with it."
    every = (*received.values(), *sent.values())
    return Protocol(
        channels={CHANNEL: channel("web", address, about, every, bindings=bindings)},
        operations={
            **{f"receive{one.key}": _received(one, replies) for one in received.values()},
            "sendFrames": operation("send", CHANNEL, "What is told without being asked for by an id.", told),
        },
        messages=every,
    )


def server_messages() -> dict[str, Message]:
    """What the server sends, by type."""
    return {kind: _message(kind, cls, SERVER_FRAMES.get(kind, ())) for kind, cls in FRAMES.items()}


def client_frames() -> dict[str, type[Struct]]:
    """What clients may send, by type."""
    return {str(cls.__struct_config__.tag): cls for cls in get_args(ClientFrame)}


def _message(kind: str, cls: type[Struct], examples: tuple[Any, ...]) -> Message:
    more = _ID if "id" in cls.__struct_fields__ else {}
    summary = " ".join((cls.__doc__ or "").split())
    return Message(key=cls.__name__, name=kind, payload=cls, summary=summary, examples=examples, more=more)


def _received(message: Message, replies: list[Message]) -> Json:
    reply = {} if message.payload is Acknowledge else {"reply": carried(CHANNEL, replies)}
    return operation("receive", CHANNEL, message.summary, [message], **reply)
