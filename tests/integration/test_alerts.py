"""Alerts on PostgreSQL, where a round is one statement: raised and cleared once, whatever fails; tried on history."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.db.models import Q
from pytest_django import DjangoDbBlocker

from devices.models import Alert, AlertProgress, AlertRule, Change
from devices.requests.alert_rules import read_rule
from devices.web.alerts.backtest import backtest
from tests.support.servers.databases import postgres_copy, use_database
from tests.support.servers.postgres import PostgresService
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A, B = key_in(0), key_in(1)
HOT = {"name": "hot", "condition": {"metric": "t", "above": 30, "clear_below": 28}, "for_s": 3, "flap": None}


@pytest.fixture(autouse=True)
def database(
    postgres: PostgresService, templates: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with postgres_copy(postgres, templates) as url, use_database(url, django_db_blocker):
        yield


def test_each_raise_is_there_once_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come and go, transactions fail, workers are killed: alerts are those that the stored readings give."""
    AlertRule.objects.create(name="hot", site="", rule=HOT, changed_ms=1)
    chance = random.Random(5)
    worker = Worker("first")
    for number in range(60):
        worker.now_ms = NOW_MS + 1_000 * number
        news = [delivery(key, "telemetry", {"t": chance.choice((20, 29, 31))}, at_ms=worker.now_ms) for key in (A, B)]
        if chance.random() < 0.2:
            with monkeypatch.context() as broken:
                broken.setattr("devices.worker.round.transaction.pass_fence", _broken)
                with pytest.raises(DatabaseError):
                    worker.hear(*news)
            news = []  # they come again, by the link, to whoever is there then
            worker = Worker(f"after {number}", epoch=number + 2, now_ms=worker.now_ms)
            worker.round()
        worker.hear(*news)
    monkeypatch.setattr("devices.web.alerts.backtest.unix_ms", lambda: NOW_MS + 3_600_000)  # the worker's clock
    found = [(one.device, one.raised_ms, one.cleared_ms) for one in Alert.objects.order_by("device", "raised_ms")]
    tried = backtest(read_rule(HOT).rule, NOW_MS, NOW_MS + 60_000, Q())["items"]
    assert found == [(one["device"], one["raised"], one["cleared"]) for one in tried]
    assert len(found) > 4
    assert AlertProgress.objects.filter(alert__isnull=False).count() == sum(cleared is None for *_, cleared in found)
    steps = [change.patch for change in Change.objects.filter(kind="alert").order_by("at_ms", "commit", "nth")]
    assert len(steps) == sum(1 if cleared is None else 2 for *_, cleared in found)
    assert len({(step["id"], step["step"]) for step in steps}) == len(steps)


def _broken(*_: Any) -> None:
    raise DatabaseError("broken for the test")
