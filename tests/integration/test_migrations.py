"""Migrations of databases that have rows already, on both databases."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from devices.models import Command, Request

pytestmark = pytest.mark.usefixtures("own_database")


def _migrate(name: str) -> Any:
    """To this migration; the models as of then."""
    executor = MigrationExecutor(connection)
    executor.migrate([("devices", name)])
    return executor.loader.project_state([("devices", name)]).apps


def test_actors_of_rows_from_before_are_what_is_known_of_them() -> None:
    apps = _migrate("0005_one_word_for_one_number")
    site = apps.get_model("devices", "Site").objects.create(name="demo")
    device = apps.get_model("devices", "Device").objects.create(site=site, key="demo/lamp", hash=1)
    vera = apps.get_model("auth", "User").objects.create(username="vera")
    now = timezone.now()
    for name, user in (("by_vera", vera), ("by_nobody", None)):
        apps.get_model("devices", "Command").objects.create(
            device=device, name=name, args={}, timeline=[], created_at=now, expires_at=now, created_by=user
        )
    apps.get_model("devices", "Request").objects.create(device_key="demo/lamp", hash=1, kind="delete", body={})
    _migrate("0006_actors")
    rows = Command.objects.order_by("name").values_list("name", "created_by", "user_id")
    assert list(rows) == [("by_nobody", "", None), ("by_vera", "user:vera", vera.pk)]
    assert Request.objects.get().created_by == ""
