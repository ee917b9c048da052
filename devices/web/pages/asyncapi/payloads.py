"""What the native dialect's topics carry, typed for those who program devices: docs/mqtt.md.

What Causeway understands beyond that (other words for a status, values that are noted) stands there. Each example is
decoded by the dialect in a test. Pure.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.dialects.native.topics import Kind
from bridge.observations import AckStatus, Scalar
from devices.web.device.description_schemas import Description
from devices.web.pages.asyncapi.parts import MQTT_BINDING, SCHEMAS, Json, Message

_NOT_THE_DEVICES: Final = ("dialect", "origin", "withdrawn", "set_by")


class Reading(Struct):
    """Metrics by name, each a number, a text, a truth value or null. Nested objects and arrays flatten with `.`."""

    ts: Annotated[
        int | str | UnsetType | None, Meta(description="the device's time: Unix ms, or RFC 3339 with zone")
    ] = UNSET


class Status(Struct):
    """The same as an object."""

    status: Literal["online", "offline"]


class Ack(Struct):
    """What became of a command."""

    status: AckStatus
    result: Annotated[Any, Meta(description="anything that it brought")] = UNSET
    reason: Annotated[str | UnsetType, Meta(description="why not, for people")] = UNSET


class Desired(Struct):
    """What the reported state still lacks."""

    version: Annotated[int, Meta(ge=0, description="raised by each change of the desired state")]
    delta: Annotated[dict[str, Any], Meta(description="a merge patch (RFC 7396) of the reported state")]


def model_schemas() -> dict[str, Json]:
    """What a device may say of itself: the schema `Model`, and those that it names."""
    made = Description.model_json_schema(ref_template=SCHEMAS.replace("{name}", "{model}"))
    others: dict[str, Json] = made.pop("$defs")
    own = {name: one for name, one in made["properties"].items() if name not in _NOT_THE_DEVICES}
    return {"Model": {**made, "title": "Model", "properties": own}, **others}


UPLINK: Final[dict[Kind, Message]] = {
    "telemetry": Message(
        key="Telemetry",
        name="telemetry",
        payload=Reading | list[Reading],
        summary="Readings: one object, or an array of such, each a reading of its own.",
        examples=({"temperature": 21.5, "power": {"phase1": 230}}, [{"ts": 1790000000000, "temperature": 21.5}]),
    ),
    "metric": Message(
        key="TelemetryMetric",
        name="telemetry/{metric}",
        payload=Scalar,
        summary="One metric's value, as JSON or as plain text.",
        examples=(21.5, "open"),
    ),
    "state": Message(
        key="State",
        name="state",
        payload=dict[str, Any],
        summary="A merge patch (RFC 7396) of the reported state; may be retained.",
        examples=({"led": True, "firmware": "1.4.2"},),
    ),
    "model": Message(
        key="Model",
        name="model",
        payload={"$ref": SCHEMAS.format(name="Model")},
        summary="What the device is; retained.",
        examples=({"name": "Shed", "properties": [{"metric": "t", "kind": "number", "unit": "°C"}]},),
    ),
    "status": Message(
        key="Status",
        name="status",
        payload=Literal["online", "offline"] | Status,
        summary="The birth and the will; retained. Plain, without quotes, or as an object.",
        examples=("online", {"status": "offline"}),
    ),
    "event": Message(
        key="DeviceEvent",
        name="event/{name}",
        payload=Any,
        summary="Something that happened.",
        examples=({"button": 2},),
    ),
    "ack": Message(
        key="Ack",
        name="ack/{command_id}",
        payload=Ack,
        summary="The answer to a command.",
        examples=({"status": "done", "result": {"on": True}}, {"status": "rejected", "reason": "the tank is empty"}),
    ),
}
COMMAND: Final = Message(
    key="DeviceCommand",
    name="command/{command_id}/{name}",
    payload=Any,
    summary="A command's arguments. It may come again with the same id until it is acknowledged: do it once.",
    examples=({"on": True},),
    more={
        "bindings": {
            "mqtt": {
                "correlationData": {"type": "string", "description": "the command's id (MQTT 5)"},
                "responseTopic": {"type": "string", "description": "the topic `ack/{command_id}` (MQTT 5)"},
                "bindingVersion": MQTT_BINDING,
            }
        }
    },
)
DESIRED: Final = Message(
    key="DeviceDesired",
    name="desired",
    payload=Desired,
    summary="What the reported state still lacks; retained, and empty once nothing is missing.",
    examples=({"version": 7, "delta": {"target": 21}},),
)
