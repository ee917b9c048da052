"""A feature of somebody else's: tests/apps/plants, and one that uses every hook."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import modify_settings

from bridge.dialects.native.payloads import decode
from bridge.messages import Change, CommandStep
from bridge.observations import RawReading, Telemetry
from devices import extensions
from devices.models import Quarantined, Reading
from devices.worker.effects.feature import Feature
from devices.worker.effects.hooks import Hooks
from devices.worker.effects.operations import Effects, Operation
from devices.worker.effects.work import Round, RoundWork
from devices.worker.features import FeatureFactory
from devices.worker.link.operation import Uplink
from devices.worker.memory.shard import Member, Shard
from devices.worker.retention.scope import PurgeTask, Scope
from tests.apps.plants.models import PlantCount
from tests.support.tables import make_table
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = pytest.mark.django_db

A, B, ELSEWHERE = key_in(0), key_in(0, nth=1), key_in(1)


# ---- plants


@pytest.fixture
def plants() -> Iterator[Sequence[FeatureFactory]]:
    """The app, as installed at start-up: what makes its feature."""
    with extensions.restored(), modify_settings(INSTALLED_APPS={"append": "tests.apps.plants"}):
        make_table(PlantCount)
        yield list(extensions.features.all().values())


def counts() -> dict[str, int]:
    return dict(PlantCount.objects.values_list("device__key", "readings"))


def test_each_reading_counts_once(plants: Sequence[FeatureFactory]) -> None:
    worker = Worker(more=plants)
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(A, "telemetry", {"t": 2}), delivery(B, "event/e", {}))
    worker.hear(delivery(A, "telemetry", {"t": 3}), delivery(ELSEWHERE, "telemetry", {"t": 1}))
    assert counts() == {A: 3, ELSEWHERE: 1}


@pytest.mark.parametrize("fails", ["pass_fence", "Broadcast.tell"])  # before the commit, and after it
def test_a_transaction_that_failed_and_came_again_counts_once(
    plants: Sequence[FeatureFactory], monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    worker = Worker(more=plants)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    batch = worker.uplink.batch(delivery(A, "telemetry", {"t": 2}), delivery(B, "telemetry", {"t": 1}))
    with monkeypatch.context() as broken:
        broken.setattr(f"devices.worker.round.transaction.{fails}", _broken)
        with pytest.raises(DatabaseError):
            worker.take(batch)
    assert counts() == ({A: 1} if fails == "pass_fence" else {A: 2, B: 1})
    worker.take(batch)
    assert counts() == {A: 2, B: 1}
    assert Reading.objects.count() == 3


def _broken(*_args: object, **_more: object) -> None:
    raise DatabaseError("gone")


@pytest.mark.parametrize("neighbours", [0, 5])
def test_what_the_database_refuses_does_not_count_and_all_else_counts_once(
    plants: Sequence[FeatureFactory], monkeypatch: pytest.MonkeyPatch, neighbours: int
) -> None:
    monkeypatch.setattr("bridge.dialects.native.dialect.decode", _decode_with_a_huge_ts)
    others = [key_in(0, name="n", nth=number) for number in range(neighbours)]
    worker = Worker(more=plants)
    worker.hear(
        delivery(A, "telemetry", {"t": 1}),
        *(delivery(key, "telemetry", {"t": 1}) for key in others),
        delivery(A, "telemetry", {"refused": 2}),
        delivery(A, "telemetry", {"t": 3}),
    )
    assert counts() == {A: 2} | dict.fromkeys(others, 1)
    assert [row.reason for row in Quarantined.objects.all()] == ["storage_error"]


def _decode_with_a_huge_ts(kind: Any, detail: str, payload: bytes) -> Any:
    decoded = decode(kind, detail, payload)
    return Telemetry((RawReading(-(2**70), {"t": 2}),)) if b"refused" in payload else decoded


def test_the_counts_go_with_the_device(plants: Sequence[FeatureFactory]) -> None:
    worker = Worker(more=plants)
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(B, "telemetry", {"t": 1}))
    worker.ask(A, "delete")
    for _ in range(40):
        worker.now_ms = worker.keeper.purge()
    assert counts() == {B: 1}


# ---- every hook


class Greeted(Operation, frozen=True):
    """Somebody says hello to the device."""

    loudly: bool

    def set_aside(self, effects: Effects, reason: str) -> None:
        effects.note("greeter", reason)


class Greeter(Feature):
    """Greets a device with each of its messages, and tells browsers of every third greeting."""

    name = "greeter"
    operations = (Greeted,)

    def __init__(self) -> None:
        self.greeted: dict[str, list[Any]] = {}  # what was stored, by device key
        self.called: list[str] = []
        self.loudly = False
        self.due_ms: int | None = None
        self.news: list[tuple[int, Change]] = []
        self.finds = False

    def load(self, shard: Shard, now_ms: int) -> None:
        self.called.append(f"load {shard.number}")
        shard.kept[self.name] = Counter({key: len(self.greeted.get(key, ())) for key in shard.members})

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        self.called.append(f"join {member.key}")

    def forget(self) -> None:
        self.called.append("forget")

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        self.called.append(f"find {len(round_.batches)} {len(shards)}")
        return self.finds

    def plan(self, work: RoundWork) -> None:
        self.called.append("plan")
        for part in work.parts.values():
            for key, operations in part.operations.items():
                heard = sum(isinstance(one, Uplink) for one in operations)
                for _ in range(heard):
                    part.add(key, Greeted(self.loudly))

    def prepare(self, work: RoundWork) -> None:
        self.called.append("prepare")

    def apply(self, operation: Greeted, effects: Effects) -> None:
        if operation.loudly:
            raise RuntimeError("a bug")
        effects.note(self.name, effects.member.twin.rev)

    def store(self, effects: Sequence[Effects]) -> None:
        self.called.append("store")
        for one in effects:
            self.greeted.setdefault(one.member.key, []).extend(one.noted.get(self.name, ()))

    def follow_up(self, work: RoundWork) -> None:
        self.called.append("follow up")
        for part, effects in work.effects():
            kept = part.shard.kept.setdefault(self.name, Counter())
            before = kept[effects.member.key]
            kept[effects.member.key] += len(effects.noted.get(self.name, ()))
            if kept[effects.member.key] // 3 > before // 3:
                self.news.append((part.shard.number, CommandStep(effects.member.key, b"{}")))

    def publish(self, work: RoundWork) -> None:
        self.called.append("publish")

    def changes(self, work: RoundWork) -> Iterable[tuple[int, Change]]:
        self.called.append("changes")
        news, self.news = self.news, []
        return news

    def committed(self, work: RoundWork) -> None:
        self.called.append("committed")

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        return self.due_ms

    def purges(self) -> Iterable[PurgeTask]:
        return (_Purge(self.called),)


class _Purge:
    def __init__(self, called: list[str]) -> None:
        self._called = called

    def step(self, scope: Scope, limit: int) -> float:
        self._called.append("purge")
        return 60


@pytest.fixture
def greeter() -> Greeter:
    return Greeter()


@pytest.fixture
def worker(greeter: Greeter) -> Worker:
    """It has taken its shards."""
    worker = Worker(more=[lambda: greeter])
    worker.round()
    return worker


def test_hooks_are_called_in_the_order_of_a_round(worker: Worker, greeter: Greeter) -> None:
    assert greeter.called == ["load 0", "load 1", "load 2", "load 3", "find 0 4", "publish", "committed"]
    greeter.called.clear()
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert greeter.called == [
        "find 1 4",
        "plan",
        f"join {A}",
        "prepare",
        "store",
        "follow up",
        "publish",
        "changes",
        "committed",
    ]


def test_its_operations_follow_what_the_device_sent(worker: Worker, greeter: Greeter) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(A, "telemetry", {"t": 2}))
    assert greeter.greeted == {A: [twin_of(A).rev] * 2}


def test_one_that_raises_is_set_aside_and_costs_nothing_else(worker: Worker, greeter: Greeter) -> None:
    greeter.loudly = True
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert greeter.greeted == {A: ["internal_error"]}
    assert [row.metrics for row in Reading.objects.all()] == [{"t": 1}]


def test_there_is_a_broadcast_if_it_has_news_and_none_otherwise(worker: Worker) -> None:
    """A message that is quarantined changes nothing that browsers see."""
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    for _ in range(2):
        worker.hear(delivery(A, "telemetry", b"no JSON"))
    assert [(one.shard, len(one.changes)) for one in worker.last.commits] == [(0, 1)]
    assert [len(results.commits) for results in worker.results] == [0, 1, 0, 1]


def test_what_it_finds_makes_a_transaction(worker: Worker, greeter: Greeter) -> None:
    greeter.called.clear()
    worker.round()
    assert "plan" not in greeter.called
    greeter.finds = True
    worker.round()
    assert "plan" in greeter.called


def test_a_round_is_due_when_it_says(worker: Worker, greeter: Greeter) -> None:
    assert worker.round().next_ms is None
    greeter.due_ms = worker.now_ms + 7
    assert worker.round().next_ms == worker.now_ms + 7


def test_retention_makes_its_steps(worker: Worker, greeter: Greeter) -> None:
    for _ in range(30):  # more than there are tasks
        worker.now_ms = worker.keeper.purge()
    assert "purge" in greeter.called


def test_after_a_failure_it_forgets_and_loads_anew(
    worker: Worker, greeter: Greeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    greeter.called.clear()
    with monkeypatch.context() as broken:
        broken.setattr("devices.worker.round.transaction.pass_fence", _broken)
        with pytest.raises(DatabaseError):
            worker.hear(delivery(B, "telemetry", {"t": 1}))
    assert greeter.called[-1] == "forget"
    greeter.called.clear()
    worker.round()
    assert greeter.called[:2] == [f"join {A}", "load 0"]
    assert worker.keeper._shards[0].kept["greeter"] == Counter({A: 1})


# ---- who is left out of a round of readings


class Unmoved(Feature):
    name = "unmoved"
    minds_readings = False

    def __init__(self) -> None:
        self.followed_up: list[list[str]] = []  # devices, by transaction

    def follow_up(self, work: RoundWork) -> None:
        """Note whose."""
        self.followed_up.append([effects.member.key for _, effects in work.effects()])


def test_who_does_not_mind_readings_is_called_for_all_else() -> None:
    unmoved = Unmoved()
    worker = Worker(more=[lambda: unmoved])
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert unmoved.followed_up == [[A]], "it is new"
    worker.hear(delivery(A, "telemetry", {"t": 2}))
    worker.hear(delivery(A, "telemetry", [{"t": 3}, {"t": 4}]))
    assert len(unmoved.followed_up) == 1
    worker.hear(delivery(A, "state", {"a": 1}))
    worker.hear(delivery(A, "event/e", {}))
    worker.hear(delivery(A, "status", b"offline"))
    worker.hear(delivery(A, "telemetry", {"t": 5}), delivery(A, "state", {"a": 2}))
    assert len(unmoved.followed_up) == 5
    worker.hear(delivery(A, "telemetry", {"t": 6}), delivery(B, "telemetry", {"t": 1}))
    assert unmoved.followed_up[-1] == [A, B], "one of them is new"


def test_readings_of_a_device_that_comes_back_are_more_than_readings() -> None:
    unmoved = Unmoved()
    worker = Worker(more=[lambda: unmoved])
    worker.hear(delivery(A, "status", b"online", retain=True))
    before = len(unmoved.followed_up)
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    assert len(unmoved.followed_up) == before + 1
    assert twin_of(A).presence.why == "message"


# ---- the list


def test_a_hook_that_is_not_overridden_is_not_called() -> None:
    class Quiet(Feature):
        name = "quiet"

        def plan(self, work: RoundWork) -> None:
            """Nothing."""

    hooks = Hooks([Quiet(), Greeter()])
    assert len(hooks.plan) == 2
    assert len(hooks.store) == len(hooks.find) == len(hooks.changes) == 1


def test_two_features_of_one_name_or_for_one_class_of_operations_are_refused() -> None:
    with pytest.raises(ValueError, match="name of features given twice"):
        Hooks([Greeter(), Greeter()])

    class Other(Greeter):
        name = "other"

    with pytest.raises(ValueError, match="class of operations given twice"):
        Hooks([Greeter(), Other()])
