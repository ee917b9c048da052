"""What devices and Causeway say to one another over MQTT in the native dialect: docs/mqtt.md. Pure."""

from typing import Any, Final

from bridge.dialects.native.topics import Kind, NativeTopics
from devices.web.pages.asyncapi.parts import MQTT_BINDING, Json, Message, Protocol, carried, channel, operation
from devices.web.pages.asyncapi.payloads import COMMAND, DESIRED, UPLINK, model_schemas

_DEVICE: Final = "{site}/{device}"
_NAME: Final = "1 to 64 of A–Z a–z 0–9 _ - . :"
_PARAMETERS: Final = {
    "site": f"the site: {_NAME}",
    "device": f"the device in it: {_NAME}",
    "metric": "1 to 128 printable characters",
    "name": _NAME,
    "command_id": "the command's id, as it was sent",
}
_DETAILS: Final[dict[Kind, str]] = {"metric": "{metric}", "event": "{name}", "ack": "{command_id}"}
_RETAINED: Final = frozenset[Kind]({"model", "status"})


def native(root: str) -> Protocol:
    """Of the topics under one root."""
    topics = NativeTopics(root)
    up = {kind: topics.uplink(_DEVICE, kind, _DETAILS.get(kind, "")) for kind in UPLINK}
    down = {"command": topics.command(_DEVICE, "{command_id}", "{name}"), "desired": topics.desired(_DEVICE)}
    sent = {"command": COMMAND, "desired": DESIRED}
    return Protocol(
        channels={
            **{UPLINK[kind].key: _channel(topic, UPLINK[kind]) for kind, topic in up.items()},
            **{sent[name].key: _channel(topic, sent[name]) for name, topic in down.items()},
        },
        operations={
            **{f"receive{one.key}": _received(kind, one) for kind, one in UPLINK.items()},
            f"send{COMMAND.key}": _commanded(),
            f"send{DESIRED.key}": _sent(DESIRED, qos=1, retain=True),
        },
        messages=(*UPLINK.values(), COMMAND, DESIRED),
        schemas=model_schemas(),
    )


def _channel(topic: str, message: Message) -> Json:
    named = {name: {"description": text} for name, text in _PARAMETERS.items() if f"{{{name}}}" in topic}
    return channel("broker", topic, message.summary, [message], parameters=named)


def _received(kind: Kind, message: Message) -> Json:
    bindings = _bindings(qos=1, retain=kind in _RETAINED)
    return operation("receive", message.key, message.summary, [message], bindings=bindings)


def _commanded() -> Json:
    expiry = {"type": "integer", "minimum": 1, "description": "seconds: what is left of its time (MQTT 5)"}
    reply = carried(UPLINK["ack"].key, [UPLINK["ack"]])
    return _sent(COMMAND, qos=1, retain=False, messageExpiryInterval=expiry) | {"reply": reply}


def _sent(message: Message, **binding: Any) -> Json:
    return operation("send", message.key, message.summary, [message], bindings=_bindings(**binding))


def _bindings(**binding: Any) -> Json:
    return {"mqtt": {**binding, "bindingVersion": MQTT_BINDING}}
