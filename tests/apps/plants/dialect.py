"""The plants' dialect: ``plants/<site>/<pot>`` with ``moisture=41 light=7``. Pure: no clock, no database, no files."""

from causeway.dialects import (
    Command,
    Delivery,
    Filter,
    Malformed,
    Publication,
    RawReading,
    Reading,
    Refused,
    RejectedTopic,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
    Telemetry,
    is_name,
)


class PlantsDialect(SimpleDialect):
    """Pots that have no words for anything but numbers."""

    name = "plants"

    def __init__(self, topic_root: str) -> None:
        """``topic_root`` is the first level of Causeway's own topics, not of this dialect's."""

    def filters(self) -> tuple[Filter, ...]:
        """What the gateway subscribes to."""
        return (Filter("plants/+/+"),)

    def route(self, topic: str) -> Sorted | None:
        """The pot that speaks."""
        root, *levels = topic.split("/")
        if root != "plants":
            return None
        if len(levels) != 2 or not all(map(is_name, levels)):
            return RejectedTopic("no_pot")
        return Route(self.name, "/".join(levels), "numbers")

    def example(self, source: str) -> str:
        """A topic of the pot."""
        return f"plants/{source}"

    def read(self, _state: State, delivery: Delivery) -> Reading:
        """One reading of the pot."""
        try:
            pairs = [pair.partition("=") for pair in delivery.payload.decode("ascii").split()]
            numbers = {name: int(number) for name, _, number in pairs if is_name(name)}
        except ValueError:
            return Reading((Said(delivery.source, Malformed("not_a_scalar", delivery.payload[:50].decode("latin-1"))),))
        if not numbers:
            return Reading(rejected="no_numbers")
        return Reading((Said(delivery.source, Telemetry((RawReading(None, {**numbers}),))),))

    def render(self, _state: State, device: str, command: Command, _now_ms: int) -> Rendered | Refused:
        """``water`` to the pot. It answers nothing: the command is published until it expires."""
        if command.name != "water":
            return Refused("unknown_command", "a pot can be watered only")
        do = Publication(f"plants/{device}/do", b"water", expires_ms=command.expires_ms)
        return Rendered((do,))

    def retained(self, device: str, _metrics: object, _events: object) -> tuple[str, ...]:
        """The one topic of the pot."""
        return (self.example(device),)
