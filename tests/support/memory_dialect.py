"""A dialect with a state, for tests: hubs that say what they are, what they measure, and what they want."""

from typing import Any

from msgspec import Struct, structs

from bridge.descriptions import Description
from bridge.dialects.dialect import (
    OWN_DOWNLINK,
    Command,
    Due,
    Filter,
    Joined,
    Publication,
    Reading,
    Rendered,
    Route,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.messages import Delivery
from bridge.observations import Described, Malformed, RawReading, Telemetry
from tests.support.worlds.deliveries import NOW_MS


class Model(Struct, frozen=True):
    """What a hub has said that it is."""

    names: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    padding: str = ""


class Live(Struct, frozen=True):
    """What has happened so far."""

    heard: int = 0  # messages with a state
    joined: tuple[str, ...] = ()
    to_ask: int = 0
    asked: int = 0
    refetch: bool = False
    again_ms: int = 0


class MemoryDialect(SimpleDialect):
    """``hub/<site>/<hub>`` with a word and what follows it."""

    name = "memory"
    revision = 1
    state_types = (Model, Live)

    def filters(self) -> tuple[Filter, ...]:
        return (Filter("hub/#"),)

    def route(self, topic: str) -> Sorted | None:
        root, _, source = topic.partition("/")
        if root == "hub-ask":
            return OWN_DOWNLINK
        return Route(self.name, source, "words") if root == "hub" else None

    def example(self, source: str) -> str:
        return f"hub/{source}"

    def fresh(self) -> State:
        return State(Model(), Live())

    def joined(self, state: State, why: Joined, _now_ms: int) -> State:
        return State(state.model, structs.replace(state.live, joined=(*state.live.joined, why)))

    def read(self, state: State, delivery: Delivery) -> Reading:
        word, *rest = delivery.payload.decode().split()
        state = State(state.model, structs.replace(state.live, heard=state.live.heard + 1))
        return getattr(self, f"_{word}")(state, delivery, rest)  # type: ignore[no-any-return]

    def _describe(self, state: State, delivery: Delivery, names: list[str]) -> Reading:
        model = structs.replace(state.model, names=tuple(names))
        said = [Said(f"{delivery.source}~{one}", Described(Description(name=one))) for one in names]
        return Reading(tuple(said), state=State(model, state.live))

    def _say(self, state: State, delivery: Delivery, names: list[str]) -> Reading:
        known = [one for one in names if one in state.model.names]
        metrics = RawReading(None, {"heard": state.live.heard})
        said = [Said(f"{delivery.source}~{one}", Telemetry((metrics,))) for one in known]
        return Reading(tuple(said), rejected="" if said else "unknown_entity", state=state)

    def _hub(self, state: State, delivery: Delivery, _rest: list[str]) -> Reading:
        metrics = RawReading(None, {"heard": state.live.heard})
        return Reading((Said(delivery.source, Telemetry((metrics,))),), state=state)

    def _mixed(self, state: State, delivery: Delivery, names: list[str]) -> Reading:
        bad = Said(f"{delivery.source}~{names[0]}", Malformed("bad_text", "that one"))
        return Reading((bad, *self._say(state, delivery, names[1:]).said), state=state)

    def _boom(self, *_: Any) -> Reading:
        raise RuntimeError("a bug")

    def _bad(self, state: State, _delivery: Delivery, _rest: list[str]) -> Reading:
        return Reading(malformed=Malformed("bad_json", "at 1"), state=state)

    def _ask(self, state: State, _delivery: Delivery, _rest: list[str]) -> Reading:
        return self._live(state, to_ask=state.live.to_ask + 1)

    def _refetch(self, state: State, _delivery: Delivery, _rest: list[str]) -> Reading:
        return self._live(state, refetch=True)

    def _later(self, state: State, _delivery: Delivery, rest: list[str]) -> Reading:
        return self._live(state, again_ms=NOW_MS + 1000 * int(rest[0]))

    def _want(self, state: State, _delivery: Delivery, filters: list[str]) -> Reading:
        model = structs.replace(state.model, filters=tuple(filters))
        return Reading(rejected="wanted", state=State(model, state.live))

    def _pad(self, state: State, _delivery: Delivery, rest: list[str]) -> Reading:
        model = structs.replace(state.model, padding="x" * int(rest[0]), names=("padded",))
        return Reading(rejected="padded", state=State(model, state.live))

    def _nothing(self, *_: Any) -> Reading:
        return Reading(rejected="nothing")

    @staticmethod
    def _live(state: State, **changes: Any) -> Reading:
        return Reading(rejected="noted", state=State(state.model, structs.replace(state.live, **changes)))

    def wanted(self, state: State) -> tuple[Filter, ...]:
        return tuple(Filter(one, qos=0) for one in state.model.filters)

    def due(self, state: State, now_ms: int) -> Due:
        live = state.live
        if live.again_ms and now_ms >= live.again_ms:
            live = structs.replace(live, to_ask=live.to_ask + 1, again_ms=0)
        again_ms = live.again_ms or None
        if live.asked == live.to_ask and not live.refetch:
            return Due(again_ms=again_ms)
        publications = [Publication("hub-ask/all", str(number).encode()) for number in range(live.asked, live.to_ask)]
        refetch = ("hub/#",) if live.refetch else ()
        after = State(state.model, structs.replace(live, asked=live.to_ask, refetch=False))
        return Due(tuple(publications), refetch, again_ms, after)

    def describe(self, state: State, device: str) -> Description | None:
        child = device.partition("~")[2]
        return Description(name=child, model="from memory") if child in state.model.names else None

    def render(self, state: State, device: str, command: Command, _now_ms: int) -> Rendered:
        text = f"{command.name} {state.live.heard} {' '.join(state.model.names)}"
        return Rendered((Publication(f"hub-ask/{device}", text.encode()),))
