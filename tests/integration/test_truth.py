"""What is reachable but does not work is named within seconds, by link frame and ``/readyz`` alike; then all heals."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pytest_django import DjangoDbBlocker
from redis import Redis
from websockets.exceptions import ConnectionClosed

from tests.support.clients.live import LiveSocket
from tests.support.clients.users import carry_out
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import PostgresService
from tests.support.servers.redis import redis_service
from tests.support.waiting import eventually
from tests.support.worlds.system import Factory, Parts, System, factory

NAMED_S = 5.0
HEALED_S = 5.0
MARGIN_S = 3.0  # what a machine with more to do than this test may add
PARTS = ("database", "layer", "gateway", "broker", "workers")


def link(socket: LiveSocket, wanted: Callable[[dict[str, Any]], bool], limit_s: float) -> float:
    """After how many seconds a link frame said so."""
    began = time.monotonic()
    while True:
        frame = socket.receive(max(0.1, began + limit_s - time.monotonic()))
        if frame["type"] == "link" and wanted(frame):
            return time.monotonic() - began


def well(frame: dict[str, Any]) -> bool:
    return all(frame[name] == "up" for name in PARTS) and bool(frame["fresh"])


def down(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame[name] == "down" and not frame["fresh"]


def checks(system: System) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(f"{system.url}/readyz", timeout=10, trust_env=False).json()
    return {name: check["detail"] for name, check in body["checks"].items() if not check["ok"]}


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def system(
    request: pytest.FixtureRequest,
    session_postgres: PostgresService,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[System]:
    """With a device that has said something, once of each kind of database. Each test leaves it whole."""
    parts = Parts(mosquitto_service(), redis_service(), session_postgres)
    parts.start()
    directory, write = tmp_path_factory.mktemp("truth"), partial(carry_out, django_db_blocker)
    try:
        with factory(parts, directory, {}, write) as make:
            made = make(workers=1, database=request.param)
            made.publish("devices/demo/one/telemetry", {"t": 1})
            made.wait_registered(["demo/one"])
            yield made
    finally:
        parts.mosquitto.close()
        parts.redis.close()


def arrives(system: System, number: int) -> None:
    """A value that is sent now is stored."""
    system.publish("devices/demo/one/telemetry", {"t": number})
    api = system.api()
    eventually(lambda: api("GET", "/devices/demo/one").json()["metrics"]["t"]["value"] == number, HEALED_S + MARGIN_S)


def test_case_j4_a_redis_that_refuses_writes_is_named_with_its_own_sentence(system: System) -> None:
    socket = system.ws()
    link(socket, well, 30)
    with Redis.from_url(system.parts.redis.url) as client:
        client.config_set("maxmemory", 1)
        try:
            assert link(socket, down("layer"), NAMED_S + MARGIN_S) < NAMED_S + MARGIN_S
            assert checks(system)["channel_layer"].startswith("command not allowed when used memory > 'maxmemory'")
        finally:
            client.config_set("maxmemory", 0)
    link(socket, well, HEALED_S + MARGIN_S)
    arrives(system, 2)


def test_case_i1_a_redis_that_is_killed_is_named(system: System) -> None:
    socket = system.ws()
    link(socket, well, 30)
    system.parts.redis.kill()
    try:
        link(socket, down("layer"), NAMED_S + MARGIN_S)
        assert list(checks(system)) == ["channel_layer"], "and nothing else"
    finally:
        system.parts.redis.start()
    link(socket, well, HEALED_S + MARGIN_S)


def test_case_i2_a_gateway_that_is_killed_is_named(system: System) -> None:
    socket = system.ws()
    link(socket, well, 30)
    system.gateway.kill()
    link(socket, down("gateway"), NAMED_S + MARGIN_S)
    system.gateway.start()
    link(socket, well, 30)


def test_case_j1_a_table_that_is_locked_while_clients_give_up(causeway: Factory) -> None:
    system = causeway(workers=1)
    system.publish("devices/demo/one/telemetry", {"t": 1})
    system.wait_registered(["demo/one"])
    token, socket = system.token("asker"), system.ws()
    link(socket, well, 30)
    headers = {"Authorization": f"Bearer {token}"}
    with psycopg.connect(system.settings["DATABASE_URL"]) as locker:
        locker.execute("LOCK TABLE devices_twin IN ACCESS EXCLUSIVE MODE")
        system.publish("devices/demo/one/telemetry", {"t": 2})
        for _ in range(24):
            with pytest.raises(httpx.TimeoutException):
                httpx.get(f"{system.url}/api/v1/devices/demo/one", headers=headers, timeout=0.3, trust_env=False)
        link(socket, down("database"), NAMED_S + MARGIN_S)
        assert checks(system)["database"].startswith("can't be written")
    began = time.monotonic()
    eventually(
        lambda: (
            httpx.get(f"{system.url}/api/v1/devices/demo/one", headers=headers, timeout=5, trust_env=False).is_success
        ),
        HEALED_S + MARGIN_S,
    )
    assert time.monotonic() - began < HEALED_S + MARGIN_S
    link(socket, well, HEALED_S + MARGIN_S)
    assert httpx.get(f"{system.url}/healthz", timeout=5, trust_env=False).is_success
    arrives(system, 3)


def test_case_j3_an_sqlite_that_is_locked_by_another_program_is_named_and_posts_are_answered(causeway: Factory) -> None:
    system = causeway(workers=1, database="sqlite")
    system.publish("devices/demo/one/telemetry", {"t": 1})
    system.wait_registered(["demo/one"])
    api, socket = system.api(), system.ws()
    link(socket, well, 30)
    other = sqlite3.connect(Path(system.settings["DATABASE_URL"].removeprefix("sqlite:///")), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        link(socket, down("database"), NAMED_S + MARGIN_S)
        found = checks(system)
        assert found["database"] == "can't be written: database is locked"
        assert found["broker_link"] == "not known without the database"
        began = time.monotonic()
        answer = api("POST", "/devices/demo/one/commands", json={"name": "x"})
        assert answer.status_code == 503
        assert time.monotonic() - began < NAMED_S + MARGIN_S
    finally:
        other.close()
    link(socket, well, HEALED_S + MARGIN_S)
    arrives(system, 4)


def test_case_f8_a_web_process_notices_that_there_is_another_number_of_shards(causeway: Factory) -> None:
    system = causeway(workers=1, database="sqlite")
    socket = system.ws()
    link(socket, well, 30)
    for process in (system.gateway, *system.workers):
        assert process.terminate() == 0
    system.manage("reshard", "5")
    with pytest.raises(ConnectionClosed) as closed:
        link(socket, lambda _frame: False, NAMED_S + MARGIN_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4503
    assert checks(system)["shards"].startswith("BRIDGE_SHARDS: 4 here")
