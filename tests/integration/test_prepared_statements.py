"""runtime.databases.statements on PostgreSQL: what is asked again and again is planned once."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.db import Error, connection, transaction
from pytest_django import DjangoDbBlocker

from devices.models import LedgerCount
from runtime.databases.statements import Statement
from tests.support.servers.databases import postgres_copy, use_database
from tests.support.servers.postgres import PostgresService

FOUND = Statement("SELECT reason, count FROM devices_ledgercount WHERE shard {among} AND reason <> %s ORDER BY 1")
ADDED = Statement("UPDATE devices_ledgercount SET count = count + %s WHERE reason LIKE '%%a' RETURNING count")


@pytest.fixture(autouse=True)
def database(
    postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """In a PostgreSQL database of its own."""
    with postgres_copy(postgres, templates) as url, use_database(url, django_db_blocker):
        for reason in ("a", "b"):
            LedgerCount.objects.create(shard=0, outcome="applied", reason=reason, count=1)
        yield


def kept() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(generic_plans + custom_plans) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0] or 0)


def test_it_is_planned_once_whatever_the_values() -> None:
    for shards, other in (([0], "b"), ([0, 1, 2**40], "c" * 300), ([], "")):
        assert FOUND.rows(shards, other) == ([("a", 1), ("b", 1)] if other == "c" * 300 else [("a", 1)][: len(shards)])
    assert kept() == 3


def test_it_is_part_of_the_transaction_that_there_is() -> None:
    with transaction.atomic():
        assert ADDED.rows(5) == [(6,)]
        transaction.set_rollback(True)
    assert FOUND.rows([0], "b") == [("a", 1)]
    assert ADDED.rows(2**40) == [(1 + 2**40,)]
    assert FOUND.rows([0], "b") == [("a", 1 + 2**40)]


def test_what_the_server_has_forgotten_is_prepared_anew() -> None:
    assert FOUND.rows([0], "b") == [("a", 1)]
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(Error):
        FOUND.rows([0], "b")
    assert FOUND.rows([0], "b") == [("a", 1)]


def test_an_error_is_djangos() -> None:
    with pytest.raises(Error, match="division by zero"):
        Statement("SELECT 1 / %s::int").rows(0)
    assert FOUND.rows([0], "b") == [("a", 1)]
    assert cast("Any", connection).in_atomic_block is False
