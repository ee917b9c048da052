"""The document put together. Pure."""

from typing import Any, Final

from devices.web.pages.asyncapi.event_stream import event_stream
from devices.web.pages.asyncapi.mqtt import native
from devices.web.pages.asyncapi.parts import Json, components
from devices.web.pages.asyncapi.socket import socket

_DESCRIPTION: Final = """\
What devices and Causeway say to one another over MQTT (the native dialect), and what browsers and programs are told
and ask for over the WebSocket, or are told by Server-Sent Events. Causeway is the application: it receives what devices
and clients send. What else is asked for by HTTP is in the OpenAPI document, `/api/v1/openapi.json`.

- Fields named `ts` and `since` are Unix milliseconds; fields named `…_at` are RFC 3339 with zone.
- For each device and subscription there is no gap, no repeat and no reordering: `prev` is the `rev` that the client
  was left at.
"""
_SECURITY: Final[dict[str, Json]] = {
    "device": {
        "type": "userPassword",
        "description": "from `manage.py provision_device`, where the broker asks for it",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "programs: from `manage.py create_token`"},
    "ticket": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "pages of other sites: `causeway.ticket.<ticket>`, from `POST /api/v1/tickets`; one use, 30 s",
    },
    "session": {"type": "httpApiKey", "in": "cookie", "name": "sessionid", "description": "browsers: from `/login`"},
}


def document(*, topic_root: str, prefix: str, secure: bool, cookie: str) -> dict[str, Any]:
    """The AsyncAPI document of an installation.

    Args:
        topic_root: BRIDGE_TOPIC_ROOT.
        prefix: PATH_PREFIX.
        secure: whether the outside is HTTPS.
        cookie: the session cookie's name.
    """
    protocols = (native(topic_root), socket("/ws/v1/"), event_stream("/api/v1/stream"))
    schemes = _SECURITY | {"session": {**_SECURITY["session"], "name": cookie}}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Causeway", "version": "1", "description": _DESCRIPTION, "license": {"name": "BSD-3-Clause"}},
        "defaultContentType": "application/json",
        "servers": {
            "broker": _server("mqtt", "localhost:1883", "the MQTT broker that Causeway is connected to", ["device"]),
            "web": _web("wss" if secure else "ws", prefix, ["token", "session", "ticket"]),
            "http": _web("https" if secure else "http", prefix, ["token", "session"]),
        },
        "channels": {name: one for protocol in protocols for name, one in protocol.channels.items()},
        "operations": {name: one for protocol in protocols for name, one in protocol.operations.items()},
        "components": {**components(protocols), "securitySchemes": schemes},
    }


def _web(protocol: str, prefix: str, security: list[str]) -> Json:
    server = _server(protocol, "localhost:8000", "Causeway itself", security)
    return server | ({"pathname": prefix} if prefix else {})


def _server(protocol: str, host: str, description: str, security: list[str]) -> Json:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": host, "description": "where your installation has it"}},
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in security],
    }
