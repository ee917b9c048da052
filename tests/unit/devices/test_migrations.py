"""Migrations that change rows."""

from importlib import import_module

import pytest
from django.apps import apps

from devices.models import LedgerCount
from devices.web.operations.ledger import read_ledger


@pytest.mark.django_db
def test_a_ledger_from_before_received_was_stored_begins_balanced() -> None:
    for shard, outcome, reason, count in ((0, "applied", "", 5), (0, "rejected", "bad_name", 2), (1, "applied", "", 3)):
        LedgerCount.objects.create(shard=shard, outcome=outcome, reason=reason, count=count)
    assert not read_ledger().balanced
    for _ in range(2):
        import_module("devices.migrations.0004_received").receive(apps, None)
        ledger = read_ledger()
        assert (ledger.balanced, ledger.received) == (True, 10)
