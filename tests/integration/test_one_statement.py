"""devices.worker.memory.one_statement: a round's rows as one statement of PostgreSQL, and what may come in between."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, cast

import psycopg
import pytest
from django.db import Error, OperationalError, connection, connections, transaction
from psycopg.pq import TransactionStatus
from pytest_django import DjangoDbBlocker

from bridge.messages import Batch
from causeway.features import Effects, Feature, RoundWork, Table
from devices.models import LedgerCount, LinkCursor, Reading, RecentDeliveries, ShardState, Twin
from devices.worker.ownership.fence import ShardLostError
from runtime.databases import libpq
from runtime.databases.own_connection import cursors_made
from tests.apps.plants.feature import PlantsFeature
from tests.apps.plants.models import PlantCount
from tests.support.servers.databases import postgres_copy, use_database
from tests.support.servers.postgres import PostgresService
from tests.support.tables import make_table
from tests.support.waiting import eventually
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, seize, twin_of

A, B = key_in(0), key_in(0, nth=1)


@pytest.fixture
def database(postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A PostgreSQL database of its own with the plants' table; its URL."""
    with postgres_copy(postgres, templates) as url, use_database(url, django_db_blocker):
        make_table(PlantCount)
        yield url


def worker_with(*features: type[Feature]) -> Worker:
    """One that knows A and B."""
    worker = Worker(more=features)
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(B, "telemetry", {"t": 1}))
    return worker


def batch(worker: Worker, *devices: str) -> Batch:
    """A reading of each."""
    return worker.uplink.batch(*(delivery(key, "telemetry", {"t": 2}) for key in devices))


def ledger() -> dict[str, int]:
    return dict(LedgerCount.objects.values_list("outcome", "count"))


def stored() -> list[Any]:
    """All that a reading changes."""
    models = (Reading, Twin, LinkCursor, RecentDeliveries, PlantCount)
    rows = [sorted(model.objects.values_list()) for model in models]
    return [*rows, ledger(), list(ShardState.objects.order_by("shard").values_list("commit", flat=True))]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, TransactionStatus]]:
    """The statements that went out by libpq.execute, each with what there was of a transaction before."""
    found: list[tuple[str, TransactionStatus]] = []
    execute = libpq.execute

    def noted(connected: psycopg.Connection[Any], statement: str, values: Sequence[bytes]) -> Sequence[str]:
        found.append((statement, connected.info.transaction_status))
        return execute(connected, statement, values)

    monkeypatch.setattr(libpq, "execute", noted)
    return found


def test_readings_of_known_devices_are_one_statement_without_begin_and_commit(
    database: str, sent: list[tuple[str, TransactionStatus]]
) -> None:
    worker = worker_with(PlantsFeature)
    worker.take(batch(worker, A))
    made = cursors_made()
    sent.clear()
    worker.take(batch(worker, A, B))
    assert [status for _, status in sent] == [TransactionStatus.IDLE]
    assert cursors_made() - made == len(sent), "Django has asked something, too"
    with psycopg.connect(database) as other:
        assert other.execute("SELECT count(*) FROM devices_reading").fetchone() == (5,)
        assert other.execute("SELECT sum(readings) FROM plants_plantcount").fetchone() == (5,)
    assert sent[0][0] in kept_prepared()
    assert ledger() == {"received": 5, "applied": 5}


def test_ids_of_recent_deliveries_are_known(database: str) -> None:
    worker = worker_with()
    worker.take(batch(worker, A))
    (history,) = worker.keeper._shards[0].histories.values()
    assert sorted(record.key for record in history._records) == sorted(
        RecentDeliveries.objects.values_list("pk", flat=True)
    )


def test_a_shard_lost_meanwhile_leaves_nothing_of_the_statement(database: str) -> None:
    worker = worker_with(PlantsFeature)
    before = stored()
    seize([0], "another")
    with pytest.raises(ShardLostError) as lost:
        worker.take(batch(worker, A, B))
    assert lost.value.shards == {0}
    assert stored() == before


class Reader(Feature):
    """Asks the database, in the middle of the round, how many readings there are, and what plants count."""

    name = "reader"
    saw: ClassVar[list[tuple[int, int]]] = []

    def follow_up(self, work: RoundWork) -> None:
        self.saw.append((Reading.objects.count(), sum(PlantCount.objects.values_list("readings", flat=True))))


def test_who_asks_in_between_sees_what_was_written_and_a_lost_fence_undoes_it(
    database: str, sent: list[tuple[str, TransactionStatus]]
) -> None:
    worker = worker_with(PlantsFeature, Reader)
    Reader.saw.clear()
    sent.clear()
    worker.take(batch(worker, A))
    assert Reader.saw == [(3, 3)]
    assert [status for _, status in sent] == [TransactionStatus.INTRANS] * 2
    before = stored()
    seize([0], "another")
    with pytest.raises(ShardLostError):
        worker.take(batch(worker, B))
    assert Reader.saw[1:] == [(4, 4)]
    assert stored() == before


class Undoing(PlantsFeature):
    """Counts, and counts in a savepoint, which it gives up."""

    name = "undoing"

    def follow_up(self, work: RoundWork) -> None:
        effects = [one for _, one in work.effects()]
        self.store(effects)
        with transaction.atomic():
            self.store(effects)
            transaction.set_rollback(True)


def test_the_same_table_twice_and_a_savepoint_given_up_mean_what_they_always_did(database: str) -> None:
    worker = worker_with(Undoing)
    worker.take(batch(worker, A))
    assert dict(PlantCount.objects.values_list("device__key", "readings")) == {A: 4, B: 2}
    assert ledger() == {"received": 3, "applied": 3}


class Refused(PlantsFeature):
    """Counts A only: of B it writes what its table refuses, by our Table or by the ORM."""

    name = "refused"
    by_orm = False

    def store(self, effects: Sequence[Effects]) -> None:
        super().store([one for one in effects if one.member.key == A])
        for one in [one for one in effects if one.member.key != A and one.readings]:
            if self.by_orm:
                PlantCount.objects.create(device_id=one.member.id, readings=cast(Any, None))
            else:
                Table(PlantCount, ("device", "readings")).write([(one.member.id, cast(Any, None))])


@pytest.mark.parametrize("by_orm", [False, True])
def test_what_is_refused_costs_its_message_only_and_a_minute_of_care(
    database: str, monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, TransactionStatus]], by_orm: bool
) -> None:
    monkeypatch.setattr(Refused, "by_orm", by_orm)
    clock_s = [1000.0]
    monkeypatch.setattr("devices.worker.round.rounds.time.monotonic", lambda: clock_s[0])
    worker = Worker(more=[Refused])
    worker.hear(delivery(A, "telemetry", {"t": 1}))
    worker.hear(delivery(A, "telemetry", {"t": 2}), delivery(B, "telemetry", {"t": 1}))
    assert ledger() == {"received": 3, "applied": 2, "quarantined": 1}
    assert [row.device.key for row in Reading.objects.all()] == [A, A]
    assert dict(PlantCount.objects.values_list("device__key", "readings")) == {A: 2}
    assert [(ack.next_seq, ack.gap) for ack in worker.acks] == [(3, False)]
    for seconds, at_once in ((59, False), (2, True)):
        clock_s[0] += seconds
        sent.clear()
        worker.take(batch(worker, A))
        assert (len(sent) == 1) is at_once
    assert dict(PlantCount.objects.values_list("device__key", "readings")) == {A: 4}
    assert twin_of(A).rev == 5


def test_an_answer_that_is_lost_after_the_commit_repeats_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_with(PlantsFeature)
    again = batch(worker, A)
    execute = libpq.execute

    def cut(*arguments: Any) -> Sequence[str]:
        execute(*arguments)
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as broken:
        broken.setattr(libpq, "execute", cut)
        with pytest.raises(OperationalError):
            worker.take(again)
    connections.close_all()
    generation = ShardState.objects.get(shard=0).generation
    after = stored()
    worker.take(again)
    assert ShardState.objects.get(shard=0).generation == generation + 1
    assert stored() == after
    assert [(ack.shard, ack.gap) for ack in worker.acks] == [(0, False)]


def test_a_connection_that_is_cut_is_an_error_of_the_database_and_the_next_one_works(
    database: str, postgres: PostgresService
) -> None:
    worker = worker_with()
    again = batch(worker, A)
    before = stored()
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(Error):
        worker.take(again)
    connections.close_all()
    assert stored() == before
    worker.take(again)
    assert Reading.objects.count() == 3


def test_the_fence_stands_after_all_other_locks(database: str, django_db_blocker: DjangoDbBlocker) -> None:
    """Whoever waits there waits for nobody that waits for him: all other rows are his by then."""
    worker = worker_with(PlantsFeature)
    twin = Twin.objects.get(device__key=A).pk
    passing = batch(worker, A)

    def rows() -> None:
        with django_db_blocker.unblock():
            worker.take(passing)

    def waits() -> bool:
        found = other.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'").fetchone()
        return found is not None

    connections["default"].inc_thread_sharing()
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as other:
        holder.execute("SELECT 1 FROM devices_shardstate WHERE shard = 0 FOR UPDATE")
        thread = threading.Thread(target=rows)
        thread.start()
        eventually(waits)
        for table, column, value in (
            ("devices_twin", "device_id", twin),
            ("devices_linkcursor", "shard", 0),
            ("devices_ledgercount", "shard", 0),
            ("plants_plantcount", "device_id", twin),
        ):
            free = other.execute(f"SELECT 1 FROM {table} WHERE {column} = {value} FOR UPDATE SKIP LOCKED").fetchall()
            assert free == [], table
        holder.rollback()
        thread.join(10)
    assert not thread.is_alive()
    assert Reading.objects.count() == 3


def kept_prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]
