"""The frames of the WebSocket as Server-Sent Events: docs/http-api.md, "Stream". Pure."""

from typing import Final

from devices.web.pages.asyncapi.parts import HTTP_BINDING, Json, Protocol, channel, operation
from devices.web.pages.asyncapi.socket import server_messages

CHANNEL: Final = "eventStream"
FRAMES: Final = ("link", "snapshot", "delta", "event", "gone", "command", "alert")
_ABOUT: Final = (
    "Server-Sent Events: `event` is the frame's type, `data` the frame, `id` where it leaves the client, opaque and at"
    " most 1 KiB. A client that comes again sends the last id as the header Last-Event-ID: the stream goes on there."
)
_QUERY: Final[Json] = {
    "type": "object",
    "properties": {
        "site": {"type": "string", "description": "the devices of a site, those that come later included"},
        "device": {"type": "array", "items": {"type": "string"}, "description": "some devices: site/device"},
    },
}


def event_stream(address: str) -> Protocol:
    """Of the stream at that address. Its messages are the socket's."""
    sent = server_messages()
    told = [sent[kind] for kind in FRAMES]
    bindings = {"http": {"method": "GET", "query": _QUERY, "bindingVersion": HTTP_BINDING}}
    return Protocol(
        channels={CHANNEL: channel("http", address, _ABOUT, told)},
        operations={"sendEvents": operation("send", CHANNEL, "Follow devices over HTTP.", told, bindings=bindings)},
        messages=(),
    )
