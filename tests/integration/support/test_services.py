"""The servers that other tests rely on: they keep address and data over a restart, and what `kill` may lose."""

from collections.abc import Iterator
from typing import TypeVar

import psycopg
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from redis import Redis

from tests.support.clients.mqtt import MqttClient
from tests.support.servers import mosquitto as mosquitto_part
from tests.support.servers import postgres as postgres_part
from tests.support.servers import redis as redis_part
from tests.support.servers.docker import has_image
from tests.support.servers.ports import is_listening
from tests.support.servers.postgres import PostgresService
from tests.support.servers.service import Kind, Service


def kinds(image: str) -> list[Kind]:
    """Local always; in a container too where its image is here."""
    return ["local", "container"] if has_image(image) else ["local"]


@pytest.fixture(params=kinds(mosquitto_part.IMAGE))
def mosquitto(request: pytest.FixtureRequest) -> Iterator[Service]:
    yield from running(mosquitto_part.mosquitto_service(request.param))


@pytest.fixture(params=kinds(redis_part.IMAGE))
def redis(request: pytest.FixtureRequest) -> Iterator[Service]:
    yield from running(redis_part.redis_service(request.param))


@pytest.fixture(params=kinds(postgres_part.IMAGE))
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresService]:
    service = postgres_part.postgres_service(request.param)
    yield from running(service)


AnyService = TypeVar("AnyService", bound=Service)


def running(service: AnyService) -> Iterator[AnyService]:
    service.start()
    yield service
    service.close()


def test_mosquitto_keeps_queued_messages_over_a_restart(mosquitto: Service) -> None:
    with MqttClient(mosquitto.port, client_id="keeper", clean=False, session_expiry_s=3600) as keeper:
        keeper.subscribe("devices/#")
    with MqttClient(mosquitto.port) as sender:
        sender.publish_all((f"devices/demo/d/telemetry/{number}", str(number)) for number in range(2000))
        sender.publish("devices/demo/d/big", b"x" * 1_048_576)
    mosquitto.stop()
    assert not is_listening(mosquitto.port)
    mosquitto.start()
    with MqttClient(mosquitto.port, client_id="keeper", clean=False, session_expiry_s=3600) as keeper:
        got = [keeper.expect().topic for _ in range(2001)]
    assert got == [*(f"devices/demo/d/telemetry/{number}" for number in range(2000)), "devices/demo/d/big"]


def test_mosquitto_comes_empty_and_speaks_3_1_1(mosquitto: Service) -> None:
    with MqttClient(mosquitto.port, version=MQTTProtocolVersion.MQTTv311) as client:
        client.publish("devices/demo/d/status", "online", retain=True)
    mosquitto.reset()
    with MqttClient(mosquitto.port, version=MQTTProtocolVersion.MQTTv311) as client:
        client.subscribe("#")
        client.publish("devices/demo/d/event/after", "{}")
        assert client.expect().topic == "devices/demo/d/event/after"


def test_mosquitto_publishes_the_will_of_a_client_that_breaks_off(mosquitto: Service) -> None:
    with MqttClient(mosquitto.port) as watcher:
        watcher.subscribe("devices/#")
        MqttClient(mosquitto.port, will=("devices/demo/d/status", "offline")).break_off()
        assert watcher.expect("devices/demo/d/status").payload == b"offline"


def test_redis_restarts_with_its_data_and_resets_without(redis: Service) -> None:
    with Redis.from_url(redis.url) as client:
        client.set("a", "1")
        redis.restart()
        assert client.get("a") == b"1"
        redis.reset()
        assert client.get("a") is None
        redis.kill()
        redis.start()
        assert client.get("a") is None


def test_postgres_survives_a_kill_with_what_was_committed(postgres: PostgresService) -> None:
    url = postgres.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("INSERT INTO t VALUES (1)")
    postgres.kill()
    assert not postgres.is_alive()
    postgres.start()
    copy = postgres.create_database(template=url.rpartition("/")[2])
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    for one in (url, copy):
        postgres.drop_database(one)
