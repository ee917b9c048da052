"""History is purged while everything goes on, on both databases; who was away for longer is told so."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

from tests.integration.test_live import Load, agrees, follower
from tests.support.clients.web_socket import Follower, Stream
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.history import age, count, query, stored_numbers
from tests.support.worlds.system import Factory, System

Database = Literal["postgres", "sqlite"]
ROWS = 50_000 if LONG else 12_000
both = pytest.mark.parametrize("database", ["postgres", "sqlite"])


@contextmanager
def going_on(load: Load) -> Iterator[None]:
    """Devices go on reporting meanwhile, at a pace that a slow machine keeps up with."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.05):
            load.send(1)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def restarted(system: System) -> None:
    """The worker is killed, and another one begins: with a look at all that may be too old."""
    worker = system.workers[0]
    worker.kill()
    worker.start()


@both
def test_who_was_away_is_told_too_far_and_nothing_newer_is_lost(causeway: Factory, database: Database) -> None:
    system = causeway(database=database, workers=1)
    load = Load(system, "demo", devices=10)
    system.publish("devices/demo/d0/event/door", {"open": True})
    system.wait_registered(["demo/d0"])  # else there is no site yet
    with follower(system, site="demo") as here:
        with follower(system, site="demo") as away:
            load.send(400)
            away.until(load.has_arrived)
        with follower(system, site="demo") as pausing:
            load.send(400)
            pausing.until(load.has_arrived)
        here.until(load.has_arrived)
        age(system, 40)
        old, last_old_rev = load.sent, max(here.stream.readings["demo/d0"])
        with going_on(load):
            restarted(system)
            eventually(lambda: 0 < old_rows(system) < 8_000, 60, what="purging has begun", pause_s=0.002)
            restarted(system)  # in the middle of it
            # A long step makes the next one smaller, down to 50 rows: with seven tasks a core, 60 s are too few.
            eventually(lambda: old_rows(system) == 0, 120, what="all is purged")
        here.until(load.has_arrived)
        load.check(here.stream)
        assert {reason for reason, _ in here.stream.snapshots} <= {"subscribe", "new"}, "nothing that it noticed"
    assert stored_numbers(system) == {f"demo/d{n}": list(range(old, load.sent)) for n in range(10)}
    assert count(system, "event") == 0
    with resumed(system, away.stream) as back, resumed(system, pausing.stream) as again:
        load.send(3)
        for one in (back, again):
            one.until(load.has_arrived)
            agrees(system, load, one.stream)
        load.check(again.stream)
    assert too_far(back.stream) == sorted(f"demo/d{n}" for n in range(10))
    assert too_far(again.stream) == [], "it has all that was purged"
    page = system.api("follower", "admin", None)("GET", "/devices/demo/d0/readings", params={"limit": 1}).json()
    assert page["purged_rev"] == last_old_rev
    assert page["items"][0]["rev"] > last_old_rev


def resumed(system: System, stream: Stream) -> Follower:
    """A client that comes back with what it knows."""
    one = follower(system, site="demo")
    one.stream = stream
    return one


def too_far(stream: Stream) -> list[str]:
    """The devices that were shown anew because history is gone."""
    return sorted(device for reason, device in stream.snapshots if reason == "too_far")


def old_rows(system: System) -> int:
    limit_ms = int(time.time() * 1000) - 30 * 86_400_000
    rows: list[Any] = query(system, f"SELECT count(*) FROM devices_reading WHERE received_ms < {limit_ms}")
    return int(rows[0][0])


@both
def test_a_long_history_is_deleted_beside_the_others_work(causeway: Factory, database: Database) -> None:
    system = causeway(database=database, workers=1)
    load = Load(system, "demo", devices=2)
    load.send(1)
    [(device,)] = eventually(lambda: query(system, "SELECT id FROM devices_device WHERE key = 'demo/d0'"))
    make_history(system, device, ROWS)
    api = system.api("follower", "admin", None)
    with follower(system, site="demo") as here, going_on(load):
        here.until(lambda stream: "demo/d0" in stream.devices)
        begun_s = time.monotonic()
        assert api("DELETE", "/devices/demo/d0").status_code == 204
        assert time.monotonic() - begun_s < 5
        # its successor is there with the next message: who was still catching up is shown that one instead
        here.until(lambda stream: "demo/d0" in stream.gone or "demo/d0" in too_far(stream))
        of_it = f"SELECT count(*) FROM devices_reading WHERE device_id = {device}"
        assert query(system, of_it)[0][0] > 0, "its history goes later"
        restarted(system)  # or else it may be 20 s until it looks
        eventually(lambda: query(system, of_it)[0][0] == 0, 90, what="its history has gone")
        eventually(lambda: not query(system, f"SELECT 1 FROM devices_device WHERE id = {device}"), 30)
    with follower(system, site="demo") as again:
        load.send(1)
        again.until(load.has_arrived)
    numbers = stored_numbers(system)
    assert numbers["demo/d1"] == list(range(load.sent))
    assert numbers["demo/d0"] == list(range(numbers["demo/d0"][0], load.sent)), "the successor's"


def make_history(system: System, device: int, rows: int) -> None:
    """Readings below all revs that there are."""
    system.manage(
        "shell",
        "-c",
        "from devices.models import Reading\n"
        f"Reading.objects.bulk_create((Reading(device_id={device}, rev=-n, ts=1, metrics={{'number': -n}}, "
        f"received_ms={int(time.time() * 1000)}) for n in range(1, {rows} + 1)), batch_size=5_000)",
    )
