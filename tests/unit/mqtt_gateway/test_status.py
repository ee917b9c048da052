"""What views are told about the gateways."""

import time
from typing import Any

import pytest

from mqtt_gateway import status
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.status import gateway_status, incidents
from runtime.databases.statements import Statement

pytestmark = pytest.mark.django_db

NOW_MS = int(time.time() * 1000)


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_STATUS", Statement(status._STATUS.text.replace("{now_ms}", str(NOW_MS))))


def gateway(key: str = "g", *, age_ms: int = 0, **fields: Any) -> None:
    fields = {"broker_up": True, "since_ms": NOW_MS - 60_000, "beat_ms": NOW_MS - age_ms, **fields}
    GatewayProcess.objects.create(key=key, name=key, **fields)


def test_no_gateway_ever_ran() -> None:
    status = gateway_status()
    assert (status.broker_up, status.since_ms, status.gateways, incidents()) == (False, 0, (), ())


def test_one_that_is_up() -> None:
    gateway(
        epoch=5,
        counters={
            "rejected": {"bad_name": 2},
            "dropped": 1,
            "in_flight": 3,
            "in_flight_limit": 100,
            "saturated_ms": 9,
            "entered": {"epoch": 4, "shards": {"0": 7, "3": 1}},
            "broker": {"stored": 12},
        },
    )
    status = gateway_status()
    assert (status.broker_up, status.since_ms) == (True, NOW_MS - 60_000)
    assert (status.in_flight, status.broker_stored) == (3, 12)
    (row,) = status.gateways
    assert (row.rejected, row.dropped, row.in_flight) == ({"bad_name": 2}, 1, 3)
    assert (row.epoch, row.entered_epoch, row.entered) == (5, 4, {0: 7, 3: 1})
    assert (row.in_flight_limit, row.saturated_ms) == (100, 9)


def test_one_that_says_that_the_broker_is_gone() -> None:
    gateway(broker_up=False)
    assert (gateway_status().broker_up, gateway_status().since_ms) == (False, NOW_MS - 60_000)


def test_one_that_is_gone_itself_is_down_since_its_last_beat() -> None:
    gateway(age_ms=7_000)
    status = gateway_status()
    assert (status.broker_up, status.since_ms, status.gateways[0].alive) == (False, NOW_MS - 7_000, False)


def test_two_gateways() -> None:
    gateway("a", counters={"in_flight": 1})
    gateway("b", age_ms=9_000, counters={"in_flight": 2, "broker": {"stored": 7}})
    status = gateway_status()
    assert status.broker_up
    assert (status.in_flight, status.broker_stored) == (3, None), "what a dead one said of its broker is old"


def test_the_lag_is_that_of_the_living() -> None:
    gateway("a", drained_ms=NOW_MS - 1_500)
    gateway("b", drained_ms=NOW_MS - 7_000)
    gateway("dead", drained_ms=NOW_MS - 60_000, age_ms=60_000)
    gateway("new")
    status = gateway_status()
    assert [row.lag_ms for row in status.gateways] == [1_500, 7_000, 60_000, None]
    assert status.drained_ms == NOW_MS - 7_000


def test_no_lag_is_known_without_markers() -> None:
    gateway()
    assert gateway_status().drained_ms is None


def test_only_confirmed_filters_are_shown() -> None:
    gateway()
    own = dict.fromkeys((GatewayOptions(name="g").marker_topic, *BROKER_TOPICS), True)
    filters = {"devices/a/#": True, "devices/b/#": False, **own}
    BrokerSession.objects.create(gateway="g", broker="h:1", filters=filters)
    assert gateway_status().gateways[0].filters == ("devices/a/#",)


def test_the_broker_is_that_of_the_newest_session() -> None:
    gateway()
    for broker, session in (("new:1", 9), ("old:1", 5), ("declared:1", 0)):
        BrokerSession.objects.create(gateway="g", broker=broker, session=session)
    assert gateway_status().gateways[0].broker == "new:1"
