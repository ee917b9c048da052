"""Migrations of databases that have rows already, on both databases."""

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.utils import timezone

from devices.models import Command, Description, Device, DeviceTag, Request
from devices.requests.registry import register_device
from devices.web.api.devices import selected, with_part

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
    apps = _migrate("0006_actors")
    commands, requests = (apps.get_model("devices", name).objects for name in ("Command", "Request"))
    rows = commands.order_by("name").values_list("name", "created_by", "user_id")
    assert list(rows) == [("by_nobody", "", None), ("by_vera", "user:vera", vera.pk)]
    assert requests.get().created_by == ""


def test_devices_commands_and_requests_from_before_go_on_without_token_way_and_key() -> None:
    apps = _migrate("0017_people")
    site = apps.get_model("devices", "Site").objects.create(name="demo")
    device = apps.get_model("devices", "Device").objects.create(site=site, key="demo/lamp", hash=1)
    now = timezone.now()
    apps.get_model("devices", "Command").objects.create(
        device=device, name="x", args={}, timeline=[], created_at=now, expires_at=now
    )
    for _ in range(2):
        apps.get_model("devices", "Request").objects.create(device_key="demo/lamp", hash=1, kind="delete", body={})
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert Command.objects.get().way is None
    Command.objects.update(status="unconfirmed")
    assert list(Request.objects.values_list("idempotency_key", flat=True)) == [None, None]
    assert Device.objects.select_related("description").get().http_token == ""


def test_devices_are_found_by_the_tags_that_they_had_and_by_an_index() -> None:
    apps = _migrate("0013_unfinished_commands")
    site = apps.get_model("devices", "Site").objects.create(name="demo")
    for name, tags in (("lamp", ["hall", "red"]), ("pump", []), ("fan", ["hall"])):
        device = apps.get_model("devices", "Device").objects.create(site=site, key=f"demo/{name}", hash=1)
        apps.get_model("devices", "Twin").objects.create(device=device, doc={}, rev=1, status="online", tags=tags)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    rows = DeviceTag.objects.order_by("device__key", "tag").values_list("device__key", "tag")
    assert list(rows) == [("demo/fan", "hall"), ("demo/lamp", "hall"), ("demo/lamp", "red")]
    found = selected(Device.objects.order_by("key"), site=None, tag="hall", status=None)
    assert [device.key for device in found] == ["demo/fan", "demo/lamp"]
    index = "sqlite_autoindex_devices_devicetag_1 (tag=?)"
    if connection.vendor == "postgresql":
        index = "one_row_per_tag_of_a_device"
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")  # it would rather read a table of three rows
    assert index in found.explain()


def _parts() -> list[Any]:
    return [import_module(f"devices.migrations.{name}") for name in ("0015_parts_of_keys", "0028_names")]


def _found_by_part() -> QuerySet[Device]:
    return with_part(Device.objects.all(), "LaMp")[0]


def _without_reading_it_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")  # PostgreSQL would rather read a table of three rows
        cursor.execute("SET enable_indexscan = off")  # and rather by the order of keys
        cursor.execute("SET enable_indexonlyscan = off")


def test_devices_are_found_by_a_part_of_their_key_by_an_index_where_there_can_be_one() -> None:
    for key in ("demo/lamp-1", "demo/pump", "demo/LAMP-2"):
        register_device(key)
    assert sorted(device.key for device in _found_by_part()) == ["demo/LAMP-2", "demo/lamp-1"]
    if connection.vendor == "postgresql":
        _without_reading_it_all()
        assert "device_key_parts" in _found_by_part().explain()


def test_devices_are_found_by_a_part_of_the_names_that_they_had_and_by_an_index() -> None:
    apps = _migrate("0025_heard_messages")
    site = apps.get_model("devices", "Site").objects.create(name="demo")
    for key, document in (
        ("0x1", {"value": {"name": "Küche, Lamp"}}),
        ("0x2", {"value": {"model": "Lamp"}}),
        ("0x3", {}),
    ):
        device = apps.get_model("devices", "Device").objects.create(site=site, key=f"demo/{key}", hash=1)
        apps.get_model("devices", "Description").objects.create(device=device, doc={"document": document})
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    names = Description.objects.order_by("device__key").values_list("folded_name", flat=True)
    assert list(names) == ["küche, lamp", "", ""]
    found = with_part(Device.objects.all(), "KÜCHE")[1]
    assert [device.key for device in found] == ["demo/0x1"]
    if connection.vendor == "postgresql":
        _without_reading_it_all()
    index = "device_name_parts" if connection.vendor == "postgresql" else "COVERING INDEX descriptions_by_name"
    assert index in found.explain()


def _indexes() -> set[str]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints
        return {*constraints(cursor, "devices_device"), *constraints(cursor, "devices_description")}


def test_who_may_not_have_those_indexes_migrates_and_finds_devices_all_the_same() -> None:
    """SQLite, and a user of PostgreSQL without the right to extensions; who gets the right can do it later."""
    register_device("demo/lamp-1")
    may_later = connection.vendor == "postgresql"
    both = {"device_key_parts", "device_name_parts"}
    with connection.schema_editor() as editor:
        for parts in _parts():
            parts.remove(None, editor)
        if may_later:
            editor.execute("DROP EXTENSION pg_trgm")
            editor.execute("CREATE ROLE ordinary")
            editor.execute("SET ROLE ordinary")
        for parts in _parts():
            parts.add(None, editor)
        if may_later:
            editor.execute("RESET ROLE")
            editor.execute("DROP ROLE ordinary")
        assert not both & _indexes()
        assert [device.key for device in _found_by_part()] == ["demo/lamp-1"], "the transaction goes on"
        for parts in _parts():
            parts.add(None, editor)
        assert both & _indexes() == (both if may_later else set())
