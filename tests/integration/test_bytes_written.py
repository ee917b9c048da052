"""What SQLite writes: little, for SD cards bear only so much, and a log that doesn't stay as long as it once was."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from pytest_django import DjangoDbBlocker

from bench.measure.written import written_bytes
from runtime.databases.sqlite.base import LOG_BYTES
from tests.support.clients.mqtt import MqttClient
from tests.support.servers.databases import sqlite_copy, use_database
from tests.support.waiting import eventually
from tests.support.worlds.system import System

RATE, MESSAGES, DEVICES = 25, 250, 50
MOST_BYTES = 8_000  # a message


def test_case_j10_a_message_at_the_pace_of_a_house_writes_little(causeway: Callable[..., System]) -> None:
    system = causeway(database="sqlite", workers=1)
    keys = [f"demo/device-{number:02}" for number in range(DEVICES)]
    with MqttClient(system.parts.mosquitto.port) as house:
        for key in keys:
            house.publish(f"devices/{key}/telemetry", {"n": 0})
        system.wait_registered(keys)
        pids = {one.name: [one.pid] for one in system.processes()}
        before, began_s = sum(written_bytes(pids).values()), time.monotonic()
        for number in range(1, MESSAGES + 1):
            time.sleep(max(0.0, began_s + number / RATE - time.monotonic()))  # the pace is what is tried
            values = {"temperature": 20 + number / 7, "humidity": 40, "battery": 3.3, "n": number}
            house.publish(f"devices/{keys[number % DEVICES]}/telemetry", values)
        last, api = keys[MESSAGES % DEVICES], system.api()
        eventually(
            lambda: api("GET", f"/devices/{last}").json()["metrics"].get("n", {}).get("value") == MESSAGES,
            what="the last message is applied",
        )
        written = (sum(written_bytes(pids).values()) - before) / MESSAGES
        print(f"{written:.0f} bytes a message")
        assert 0 < written <= MOST_BYTES


@pytest.fixture
def database(tmp_path: Path, sqlite_template: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This process's, on SQLite."""
    with use_database(sqlite_copy(sqlite_template, tmp_path), django_db_blocker):
        yield


@pytest.mark.usefixtures("database")
def test_case_j10_the_log_shrinks_when_a_long_reader_has_ended() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (bytes blob)")
        file = Path(cursor.execute("PRAGMA database_list").fetchone()[2])
        log = file.with_name(f"{file.name}-wal")
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM filler").fetchone()
        for _ in range(3):
            cursor.execute("INSERT INTO filler VALUES (zeroblob(%s))", [LOG_BYTES // 2])
            cursor.execute("DELETE FROM filler")
        assert log.stat().st_size > LOG_BYTES, "a reader keeps it from being begun anew"
        reader.close()
        for _ in range(2):
            cursor.execute("INSERT INTO filler VALUES (1)")
        assert log.stat().st_size <= LOG_BYTES


@pytest.mark.usefixtures("database")
def test_case_j10_a_new_file_has_small_pages_and_no_index_that_saves_little() -> None:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("PRAGMA page_size")
        assert cursor.fetchone() == (512,)
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'devices_%%'")
        names = {name for (name,) in cursor.fetchall()}
    assert not names & {"devices_twi_status_7591ed_idx", "devices_rec_shard_4d9183_idx"}
    assert "devices_rea_device__a3bfc9_idx" in names
