"""Parts of an AsyncAPI 3.0 document: messages, and what is said of one protocol. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

MQTT_BINDING: Final = "0.2.0"
WEBSOCKET_BINDING: Final = "0.1.0"
HTTP_BINDING: Final = "0.3.0"
SCHEMAS: Final = "#/components/schemas/{name}"
Json = dict[str, Any]


class Message(Struct, frozen=True, kw_only=True):
    """A kind of message."""

    key: str  # in the document
    name: str  # the frame's type, or what the topic is called by
    payload: Any  # the type of which its schema is made
    summary: str
    examples: tuple[Any, ...] = ()  # payloads
    more: Mapping[str, Any] = {}  # other members of AsyncAPI's message

    def described(self, payload: Json) -> Json:
        """As it stands in the document, with its schema."""
        shown = {"examples": [{"payload": example} for example in self.examples]} if self.examples else {}
        return {"name": self.name, "summary": self.summary, "payload": payload, **shown, **self.more}


class Protocol(Struct, frozen=True, kw_only=True):
    """What is said of one protocol."""

    channels: Mapping[str, Json]
    operations: Mapping[str, Json]
    messages: tuple[Message, ...]
    schemas: Mapping[str, Json] = {}  # of messages whose payload is given as a schema


def channel(server: str, address: str, description: str, messages: Iterable[Message], **more: Any) -> Json:
    """A topic, or a socket."""
    carried = {message.key: {"$ref": f"#/components/messages/{message.key}"} for message in messages}
    servers = [{"$ref": f"#/servers/{server}"}]
    return {"address": address, "description": description, "servers": servers, "messages": carried, **more}


def operation(action: str, name: str, summary: str, messages: Iterable[Message], **more: Any) -> Json:
    """What Causeway does in the channel of that name: ``send`` or ``receive``."""
    return {"action": action, "summary": summary, **carried(name, messages), **more}


def carried(name: str, messages: Iterable[Message]) -> Json:
    """Messages of a channel, as an operation or its reply names them."""
    found = [{"$ref": f"#/channels/{name}/messages/{message.key}"} for message in messages]
    return {"channel": {"$ref": f"#/channels/{name}"}, "messages": found}


def components(protocols: Iterable[Protocol]) -> Json:
    """All messages, and the schemas of their payloads."""
    every = [message for protocol in protocols for message in protocol.messages]
    typed = [message for message in every if not isinstance(message.payload, dict)]
    made, schemas = msgspec.json.schema_components([one.payload for one in typed], ref_template=SCHEMAS)
    payloads = {id(message): payload for message, payload in zip(typed, made, strict=True)}
    messages = {message.key: message.described(payloads.get(id(message), message.payload)) for message in every}
    given = {name: schema for protocol in protocols for name, schema in protocol.schemas.items()}
    return {"messages": messages, "schemas": dict(sorted({**schemas, **given}.items()))}
