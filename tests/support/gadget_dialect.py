"""A dialect without a state, for tests: gadgets whose commands end in all the ways in which commands end."""

import json

from bridge.dialects.dialect import (
    OWN_DOWNLINK,
    Command,
    Filter,
    Publication,
    Reading,
    Refused,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.messages import Delivery
from bridge.observations import CommandAck, CommandFailed, Doubted, Echo, RawReading, Telemetry

WAIT_MS = 5_000


class GadgetDialect(SimpleDialect):
    """``gadget/<site>/<gadget>`` with a JSON object of values; commanded on ``gadget-do/<site>/<gadget>``."""

    name = "gadget"

    def filters(self) -> tuple[Filter, ...]:
        return (Filter("gadget/#"),)

    def downlinks(self) -> tuple[str, ...]:
        return ("gadget-do/#",)

    def route(self, topic: str) -> Sorted | None:
        root, _, source = topic.partition("/")
        if root == "gadget-do":
            return OWN_DOWNLINK
        return Route(self.name, source, "values") if root == "gadget" else None

    def example(self, source: str) -> str:
        return f"gadget/{source}"

    def read(self, _state: State, delivery: Delivery) -> Reading:
        values = json.loads(delivery.payload)
        match values:
            case {"echo": metrics}:
                return Reading((Said(delivery.source, Echo(metrics)),))
            case {"failed": reason}:
                return Reading((Said(delivery.source, CommandFailed(reason)),))
            case {"doubted": why}:
                return Reading((Said(delivery.source, Doubted(why)),))
            case {"answer": answer_to}:
                return Reading((Said(delivery.source, CommandAck(answer_to, "done", {"so": 1})),))
        return Reading((Said(delivery.source, Telemetry((RawReading(None, values),))),))

    def render(self, _state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        args = json.loads(command.args)
        one = Publication(f"gadget-do/{device}", command.name.encode(), qos=0)
        match command.name:
            case "set":
                return Rendered((one,), "echo", expect=args, wait_ms=WAIT_MS)
            case "ask":
                return Rendered((one,), "echo", "once", answered_by=("level",), wait_ms=WAIT_MS)
            case "press":
                return Rendered((one,), "none", "once", wait_ms=WAIT_MS)
            case "both":
                return Rendered((one, one), "none", "once", wait_ms=WAIT_MS)
            case "call":
                return Rendered((one,), "exact", answer_to=str(args["id"]))
            case "steal":
                return Rendered((Publication(args["topic"], b"x"),))
        return Refused("unknown_command", command.name)
