"""Migrations of databases that have rows already, on both databases."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from devices.models import Command, Device, DeviceTag, Request
from devices.web.api.devices import selected

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


def test_devices_are_found_by_the_tags_that_they_had_and_by_an_index() -> None:
    apps = _migrate("0011_one_clock")
    site = apps.get_model("devices", "Site").objects.create(name="demo")
    for name, tags in (("lamp", ["hall", "red"]), ("pump", []), ("fan", ["hall"])):
        device = apps.get_model("devices", "Device").objects.create(site=site, key=f"demo/{name}", hash=1)
        apps.get_model("devices", "Twin").objects.create(device=device, doc={}, rev=1, status="online", tags=tags)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    rows = DeviceTag.objects.order_by("device__key", "tag").values_list("device__key", "tag")
    assert list(rows) == [("demo/fan", "hall"), ("demo/lamp", "hall"), ("demo/lamp", "red")]
    found = selected(Device.objects.order_by("key"), site=None, q=None, tag="hall", status=None)
    assert [device.key for device in found] == ["demo/fan", "demo/lamp"]
    index = "sqlite_autoindex_devices_devicetag_1 (tag=?)"
    if connection.vendor == "postgresql":
        index = "one_row_per_tag_of_a_device"
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")  # it would rather read a table of three rows
    assert index in found.explain()
