"""Plays messages to workers over a database, as gateways and brokers would: with prompts, and with what can fail."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import DatabaseError

from bridge.dialects.dialect import Dialect, Filter, Route
from bridge.dialects.forms.description_words import words_of_description
from bridge.messages import Batch, Delivery, FiltersChanged, Refetch
from bridge.observations import EventReported
from bridge.shards import shard_of
from devices.models import Command, Description, Device, Event, Reading, Source, SourceFilter, Twin
from devices.rules.commands import begun
from devices.rules.described.descriptions import Kept
from devices.rules.reducer import Limits, NewReading
from devices.rules.twin import TwinState, load_value
from tests.support.dialects.broker import Broker
from tests.support.dialects.commands import COMMAND_ID
from tests.support.dialects.player import Player
from tests.support.dialects.rows import Row
from tests.support.worlds.deliveries import Uplink
from tests.support.worlds.ingest_worker import Worker

_SLOT_MS = 200  # until the next source is asked
_MOST_ROUNDS = 50  # of prompts after a message


class WorkerPlayer:
    """One site that speaks one dialect, whose devices are kept by workers.

    Args:
        dialect: the dialect; the installation speaks it, too.
        sources: those that will speak.
        hard: each transaction fails once; then its worker is killed, and its batch comes to the next one twice.
    """

    def __init__(self, dialect: Dialect, sources: Iterable[str], *, hard: bool = False) -> None:
        self.broker = Broker(dialect)
        self.hard = hard
        self._every = self._shards = frozenset(shard_of(source, 4) for source in sources)
        self._uplink, self._workers, self.now_ms = Uplink(), 0, 0
        self._worker: Worker | None = None

    def play(self, rows: Iterable[Row]) -> "WorkerPlayer":
        """As Player.play."""
        for row in rows:
            self.broker.store(row)
            self._deliver(row, retain=row.stored)
        return self

    def play_retained_first(self, rows: Sequence[Row], seed: int) -> "WorkerPlayer":
        """As Player.play_retained_first."""
        for row in rows:
            self.broker.store(row)
        kept = list(self.broker.retained.values())
        Random(seed).shuffle(kept)
        for row in kept:
            self._deliver(row, retain=True)
        return self.play(row for row in rows if not row.retain)

    def command(self, device: str, line: Mapping[str, Any]) -> Command:
        """Store a command (a line of ``<corpus>.commands.jsonl``), and have it published.

        Its worker is killed before it, fails once at it, and is killed once the broker has it.
        """
        at = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        command = Command.objects.create(
            id=UUID(COMMAND_ID),
            device=Device.objects.get(key=device),
            name=line["command"],
            args=line["args"],
            timeline=list(begun(self.now_ms).timeline),
            created_at=at,
            expires_at=at + timedelta(hours=1),
        )
        self._shards = frozenset({shard_of(device, 4)})
        self._fail(self._next(), lambda worker: worker.commanded(command.pk))
        self._worker = worker = self._next()
        worker.take(self._uplink.hello(shard_of(device, 4)))  # nobody has told it of the command: it finds it
        for _ in range(_MOST_ROUNDS):
            if found := [one for one in worker.sent if one.device == device]:
                for one in found:
                    worker.published(one)
                self._worker = None
                return command
            worker.wait(_SLOT_MS / 1000)
            self.now_ms = worker.now_ms
        raise AssertionError("it was not published")

    def _deliver(self, row: Row, *, retain: bool) -> None:
        waiting, budget = deque([(row, retain)]), 2_000
        while waiting and budget:
            budget -= 1
            one, stored = waiting.popleft()
            waiting.extend((again, True) for again in self._one(one, retain=stored))
        assert budget, "what is retained is asked for again and again"

    def _one(self, row: Row, *, retain: bool) -> list[Row]:
        route = self.broker.route(row.topic) if self.broker.subscribed(row.topic) else None
        if not isinstance(route, Route):
            return []
        self.now_ms = max(self.now_ms, row.received_ms)
        fields = (row.topic, route.source, route.kind, route.detail, row.payload, row.received_ms, 1, retain)
        batch = self._uplink.batch(Delivery(*fields, dup=False, packet_id=1, dialect=route.dialect))
        self._shards = self._shards if self.hard else self._every
        worker = self._worker if self._worker and batch.shard in self._worker.shards else self._next()
        if self.hard:
            self._shards = frozenset({batch.shard})
            self._fail(worker if worker.shards >= self._shards else self._next(), lambda one: one.take(batch))
            worker = self._next()
            self._take(worker, batch)
        self._worker = worker
        return [*self._take(worker, batch), *self._settled(worker)]

    def _next(self) -> Worker:
        self._workers += 1
        worker = Worker(owner=f"worker {self._workers}", shards=self._shards, now_ms=self.now_ms)
        worker.uplink = self._uplink
        return worker

    def _fail(self, worker: Worker, what: Callable[[Worker], object]) -> None:
        worker.now_ms = self.now_ms
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("devices.worker.round.transaction.pass_fence", _fails)
            with pytest.raises(DatabaseError):
                what(worker)

    def _take(self, worker: Worker, batch: Batch) -> list[Row]:
        worker.now_ms = self.now_ms
        worker.take(batch)
        return self._answered(worker)

    def _settled(self, worker: Worker) -> list[Row]:
        """What comes because sources were asked, all of them that are now."""
        rows: list[Row] = []
        for _ in range(_MOST_ROUNDS):
            next_ms = worker.last.next_ms
            if next_ms is None or next_ms > self.now_ms + _SLOT_MS:
                return rows
            self.now_ms += _SLOT_MS
            worker.now_ms = self.now_ms
            worker.round()
            rows += self._answered(worker)
        return rows

    def _answered(self, worker: Worker) -> list[Row]:
        """What the broker sends on account of what the worker has told gateways."""
        rows: list[Row] = []
        for _, message in worker.last.prompts:
            if isinstance(message, Refetch):
                rows += [row for one in message.filters for row in self.broker.under(one)]
            elif isinstance(message, FiltersChanged):
                wanted = SourceFilter.objects.filter(source=message.source, dialect=message.dialect)
                fields = wanted.order_by("pk").values_list(*Filter.__struct_fields__)
                rows += self.broker.want(message.source, tuple(Filter(*row) for row in fields))
        return rows


def _fails(*_: Any) -> None:
    raise DatabaseError("down")


# The end ---------------------------------------------------------------------------------------------------------


def stored_end() -> dict[str, Any]:
    """What the workers have made of it."""
    twins = {key: load_value(doc) for key, doc in Twin.objects.values_list("device__key", "doc")}
    described = Description.objects.values_list("device__key", "doc")
    return {
        "twins": {key: _seen(twin) for key, twin in twins.items() if _seen(twin) != _NOTHING},
        "readings": _in_order(Reading.objects.values_list("device__key", "ts", "metrics")),
        "events": _in_order(Event.objects.values_list("device__key", "name", "data")),
        "descriptions": {key: msgspec.convert(doc, Kept).dialect for key, doc in described},
        "models": dict(Source.objects.values_list("key", "model")),
    }


def pure_end(player: Player) -> dict[str, Any]:
    """What a player has made of it."""
    readings = [(one.device, one.what) for one in player.happened if isinstance(one.what, NewReading)]
    events = [(one.device, one.what) for one in player.happened if isinstance(one.what, EventReported)]
    return {
        "twins": {key: _seen(twin) for key, twin in player.twins.items() if _seen(twin) != _NOTHING},
        "readings": _in_order((key, what.ts, msgspec.json.decode(what.metrics)) for key, what in readings),
        "events": _in_order((key, what.name, _json(what.data)) for key, what in events),
        "descriptions": {
            key: {"dialect": player.dialect.name, **words_of_description(one, Limits().max_metrics)}
            for key, one in player.descriptions.items()
            if not one.withdrawn
        },
        "models": {key: _json(state.model) for key, state in player.states.items() if state != player.dialect.fresh()},
    }


def _json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def _seen(twin: TwinState) -> dict[str, Any]:
    metrics = {name: (one.value, one.ts, one.live) for name, one in twin.metrics.items()}
    return {"metrics": metrics, "reported": twin.reported.value}


_NOTHING = _seen(TwinState())
