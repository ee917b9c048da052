"""Plays messages to a dialect as gateway and worker do: sorted, read with the source's state, applied to the twins."""

import random
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from bridge.descriptions import Description
from bridge.dialects.dialect import Dialect, OwnDownlink, RejectedTopic, Said, State
from bridge.messages import Delivery
from bridge.names import is_device_key
from bridge.observations import (
    Cleared,
    CommandAck,
    CommandFailed,
    Decoded,
    Described,
    Doubted,
    Echo,
    EventReported,
    Malformed,
    Scalar,
    StatePatch,
    StatusReported,
    Telemetry,
)
from devices.rules.reducer import Arrival, Limits, reduce
from devices.rules.twin import Presence, TwinState
from tests.support.dialects.broker import Broker
from tests.support.dialects.rows import Row

_BY_TWIN = Telemetry | StatePatch | StatusReported | EventReported | CommandAck | Malformed


class Happened(Struct, frozen=True):
    """Something that a message did, beside what it changed in a twin."""

    row: int
    device: str
    what: Any  # EventReported, CommandAck, CommandFailed, Echo, Malformed, a reading, Publication


class Player:
    """One site that speaks one dialect.

    Args:
        dialect: the dialect, with its bases.
        written: each state is written to JSON and read again between any two messages, as at a takeover.
        doubled: each message comes twice.
    """

    def __init__(self, dialect: Dialect, *, written: bool = False, doubled: bool = False) -> None:
        self.dialect, self._written, self._times = dialect, written, 1 + doubled
        self.broker = Broker(dialect)
        self.states: dict[str, State] = {}
        self.twins: dict[str, TwinState] = {}
        self.descriptions: dict[str, Description] = {}
        self.happened: list[Happened] = []
        self.outcomes: dict[int, str] = {}  # by row: why nothing was said, or "" where something was
        self.said: list[Happened] = []

    def play(self, rows: Iterable[Row]) -> "Player":
        """All of them live, but for those that always come from the broker's store."""
        for row in rows:
            self.broker.store(row)
            for _ in range(self._times):
                self._deliver(row, retain=row.stored)
        return self

    def play_retained_first(self, rows: Sequence[Row], seed: int) -> "Player":
        """The retained ones as a broker has them when we come, in any order; then the others."""
        for row in rows:
            self.broker.store(row)
        kept = list(self.broker.retained.values())
        random.Random(seed).shuffle(kept)
        for row in kept:
            self._deliver(row, retain=True)
        return self.play(row for row in rows if not row.retain)

    def events(self, device: str) -> list[tuple[int, str, Any]]:
        """The device's events: row, name, data."""
        found = ((one.row, one.what) for one in self.happened if one.device == device)
        return [(row, what.name, what.data) for row, what in found if isinstance(what, EventReported)]

    def answers(self) -> list[CommandAck]:
        """All answers to commands."""
        return [one.what for one in self.happened if isinstance(one.what, CommandAck)]

    # ------------------------------------------------------------------------------------------ one message

    def _deliver(self, row: Row, *, retain: bool) -> None:
        """Deliver it, and what comes from the broker's store in consequence; that at most once a filter."""
        waiting, budget = deque([(row, retain)]), 2_000
        while waiting and budget:
            budget -= 1
            one, stored = waiting.popleft()
            waiting.extend((again, True) for again in self._one(one, retain=stored))
        assert budget, "what is retained is asked for again and again"

    def _one(self, row: Row, *, retain: bool) -> list[Row]:
        if not self.broker.subscribed(row.topic):
            self.outcomes[row.number] = "not subscribed"
            return []
        match self.broker.route(row.topic):
            case OwnDownlink():
                self.outcomes[row.number] = "own_downlink"
            case RejectedTopic(reason):
                self.outcomes[row.number] = reason
            case None:
                self.outcomes[row.number] = "not ours"
            case route:
                delivery = Delivery(
                    row.topic, route.source, route.kind, route.detail, row.payload, row.received_ms,
                    qos=1, retain=retain, dup=False, packet_id=1, dialect=route.dialect,
                )  # fmt: skip
                return self._read(delivery, row.number)
        return []

    def _read(self, delivery: Delivery, row: int) -> list[Row]:
        source, now_ms = delivery.source, delivery.received_ms
        assert is_device_key(source), source
        state = self.states.get(source)
        if state is None:
            state = self.dialect.joined(self.dialect.fresh(), "new", now_ms)
        reading = self.dialect.read(state, delivery)
        self.states[source] = self._kept(reading.state or state)
        malformed = reading.malformed.reason if reading.malformed else ""
        assert not (reading.said and (reading.rejected or malformed)), (delivery, reading)
        self.outcomes[row] = malformed or reading.rejected
        for said in reading.said:
            self._apply(said, delivery, row)
        return [*self._asked(source, now_ms, row), *self._wanted(source)]

    def _wanted(self, source: str) -> list[Row]:
        return list(self.broker.want(source, tuple(self.dialect.wanted(self.states[source]))))

    def _asked(self, source: str, now_ms: int, row: int) -> list[Row]:
        due = self.dialect.due(self.states[source], now_ms)
        if due.state is not None:
            self.states[source] = self._kept(due.state)
        assert not self.dialect.due(self.states[source], now_ms).publications, "it asks the same again at once"
        self.happened += [Happened(row, source, publication) for publication in due.publications]
        return [again for topic_filter in due.refetch for again in self.broker.under(topic_filter)]

    def _kept(self, state: State) -> State:
        """A state after a takeover, or as it is."""
        model, live = map(msgspec.json.encode, (state.model, state.live))
        if not self._written:
            return state
        types = self.dialect.state_types
        return State(msgspec.json.decode(model, type=types[0]), msgspec.json.decode(live, type=types[1]))

    # ------------------------------------------------------------------------------------------ its effect

    def _apply(self, said: Said, delivery: Delivery, row: int) -> None:
        device, what = said.device, said.what
        assert is_device_key(device), device
        assert device.partition("~")[0] == delivery.source, (device, delivery.source)
        self.said.append(Happened(row, device, what))
        match what:
            case Cleared():
                return
            case Described(description):
                self.descriptions[device] = description
            case Doubted():
                self._twin(device).presence = Presence("unknown", delivery.received_ms, "link_down")
            case Echo() | CommandFailed():
                self.happened.append(Happened(row, device, what))
            case _:
                self._reduce(device, what, delivery, row)

    def _twin(self, device: str) -> TwinState:
        return self.twins.setdefault(device, TwinState(dialect=self.dialect.name))

    def _reduce(self, device: str, what: Decoded, delivery: Delivery, row: int) -> None:
        assert isinstance(what, _BY_TWIN), what
        arrival = Arrival(delivery.received_ms, delivery.retain, gateway="g", latest_ms=delivery.received_ms + 600_000)
        outcome = reduce(self._twin(device), what, arrival, Limits())
        self.happened += [Happened(row, device, reading) for reading in outcome.readings]
        if outcome.events or outcome.ack or isinstance(what, Malformed):
            self.happened.append(Happened(row, device, what))


def values(player: Player, device: str) -> dict[str, Scalar]:
    """The device's latest values."""
    twin = player.twins.get(device)
    return {name: metric.value for name, metric in twin.metrics.items()} if twin else {}


def model(player: Player) -> dict[str, Description]:
    """What is known of all devices, without what depends on how often something was said."""
    return {
        device: structs.replace(
            one, properties=tuple(sorted(one.properties, key=lambda each: each.metric)),
            actions=tuple(sorted(one.actions, key=lambda each: each.name)),
        )
        for device, one in player.descriptions.items()
    }  # fmt: skip
