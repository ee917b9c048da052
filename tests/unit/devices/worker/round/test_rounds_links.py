"""Presence while our own link to the broker is gone, and when it is back."""

from collections.abc import Callable

import pytest
from django.db import OperationalError

from bridge.shards import shard_of
from devices.models import Twin
from devices.worker.presence import checks
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.conftest import GatewayLink

A = key_in(0)


@pytest.fixture(autouse=True)
def device(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))


def status(key: str = A) -> str:
    return str(Twin.objects.get(device__key=key).status)


def why(key: str = A) -> str:
    return twin_of(key).presence.why


def dies(worker: Worker, key: str) -> None:
    """Its will comes."""
    worker.hear(delivery(key, "status", b"offline", at_ms=worker.now_ms))


@pytest.fixture
def fleet(worker: Worker, gateways: dict[str, GatewayLink]) -> dict[str, tuple[str, int, str]]:
    """A device of every kind, by name; and what is known of each."""
    for name, what, payload in KINDS:
        worker.hear(delivery(named(name), what, payload, at_ms=worker.now_ms, retain=name == "asleep"))
    dies(worker, named("dead"))
    worker.ask(named("stale"), "settings", stale_after_s=1)
    worker.wait(10)
    assert [status(named(name)) for name, *_ in KINDS] == ["online", "offline", "stale", "unknown"]
    return presences()


KINDS: list[tuple[str, str, object]] = [
    ("well", "telemetry", {}),
    ("dead", "telemetry", {}),
    ("stale", "telemetry", {}),
    ("asleep", "status", b"offline"),
]


def named(name: str) -> str:
    return key_in(2, name=name)


def presences() -> dict[str, tuple[str, int, str]]:
    found = {name: twin_of(named(name)).presence for name, *_ in KINDS}
    return {name: (one.status, one.since, one.why) for name, one in found.items()}


def goes_down(worker: Worker, gateways: dict[str, GatewayLink]) -> int:
    """The link; unnoticed yet. Since when."""
    link = gateways[GATEWAY]
    link.broker_up, link.since_ms = False, worker.now_ms
    worker.round()
    return link.since_ms


def comes_back(worker: Worker, gateways: dict[str, GatewayLink], *, drained: bool = True) -> None:
    link = gateways[GATEWAY]
    link.broker_up, link.since_ms = True, worker.now_ms
    link.drained_ms = worker.now_ms + (1 if drained else -1)


def test_when_the_link_is_gone_nothing_is_known_and_then_all_again(
    worker: Worker, gateways: dict[str, GatewayLink], fleet: dict[str, tuple[str, int, str]]
) -> None:
    since_ms = goes_down(worker, gateways)
    worker.wait(5)
    assert presences() == fleet
    worker.wait(0.001)
    gone = ("unknown", since_ms, "link_down")
    assert presences() == {"well": gone, "dead": gone, "stale": gone, "asleep": fleet["asleep"]}
    assert {item["presence"]["status"] for item in worker.seen} == {"unknown"}
    assert worker.wait(3600).commits == []
    comes_back(worker, gateways, drained=False)
    assert worker.wait(1).commits == []
    comes_back(worker, gateways)
    worker.wait(1)
    assert presences() == fleet
    assert len(worker.seen) == 4  # A too
    assert worker.wait(1).commits == []


def test_a_short_outage_is_none(
    worker: Worker, gateways: dict[str, GatewayLink], fleet: dict[str, tuple[str, int, str]]
) -> None:
    for _ in range(3):
        goes_down(worker, gateways)
        worker.wait(4)
        comes_back(worker, gateways)
        worker.wait(1)
        assert presences() == fleet


def test_what_comes_first_after_the_outage_counts(
    worker: Worker, gateways: dict[str, GatewayLink], fleet: dict[str, tuple[str, int, str]]
) -> None:
    goes_down(worker, gateways)
    worker.wait(6)
    comes_back(worker, gateways, drained=False)
    for name, what, payload in (("well", "status", b"offline"), ("dead", "telemetry", {}), ("stale", "telemetry", {})):
        worker.hear(delivery(named(name), what, payload, at_ms=worker.now_ms, late=name != "stale"))
    comes_back(worker, gateways)
    worker.wait(1)
    kinds = {name: (one[0], one[2]) for name, one in presences().items()}
    assert kinds == {
        "well": ("unknown", "outage"),
        "dead": ("online", "replayed"),
        "stale": ("online", "message"),
        "asleep": ("unknown", "retained"),
    }


def test_what_is_heard_while_the_link_is_gone_is_forgotten_again(
    worker: Worker, gateways: dict[str, GatewayLink]
) -> None:
    goes_down(worker, gateways)
    worker.wait(6)
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))  # was under way
    worker.wait(1)
    assert (status(), why()) == ("unknown", "link_down")


@pytest.mark.parametrize("up", [True, False])
def test_a_worker_goes_on_where_its_predecessor_stood(
    worker: Worker,
    another_worker: Callable[[], Worker],
    gateways: dict[str, GatewayLink],
    fleet: dict[str, tuple[str, int, str]],
    up: bool,
) -> None:
    goes_down(worker, gateways)
    worker.wait(6)
    if up:
        comes_back(worker, gateways)
    other = another_worker()
    other.now_ms = worker.now_ms
    other.round()
    assert (presences() == fleet) == up
    if not up:
        comes_back(other, gateways)
        other.wait(1)
        assert presences() == fleet


def test_a_worker_that_starts_while_the_link_is_down_learns_it(
    worker: Worker, another_worker: Callable[[], Worker], gateways: dict[str, GatewayLink]
) -> None:
    gateways[GATEWAY] = GatewayLink(GATEWAY, broker_up=False, since_ms=NOW_MS)
    other = another_worker()
    other.round()
    other.wait(5.001)
    assert (status(), why()) == ("unknown", "link_down")


def test_an_outage_of_the_database_is_none_of_the_link(
    worker: Worker, gateways: dict[str, GatewayLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateways[GATEWAY].broker_up = False
    worker.round()
    with monkeypatch.context() as broken:
        broken.setattr("devices.worker.round.rounds.Transaction.run", _raise)
        with pytest.raises(OperationalError):
            worker.wait(1000)
    worker.wait(1)
    worker.wait(4.9)
    assert status() == "online"
    worker.wait(0.2)
    assert status() == "unknown"


def _raise(*_: object) -> None:
    raise OperationalError("down")


def test_a_whole_fleet_goes_in_steps(
    worker: Worker, gateways: dict[str, GatewayLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_CHANGES", 2)
    keys = [key_in(0, nth=nth) for nth in range(5)]
    worker.hear(*(delivery(key, "telemetry", {}) for key in keys))
    worker.round()
    goes_down(worker, gateways)
    for left in (3, 1, 0):
        worker.wait(6)
        assert [status(key) for key in keys].count("online") == left
        assert worker.last.next_ms == (worker.now_ms + 250 if left else None)
    comes_back(worker, gateways)
    for left in (3, 1, 0):
        worker.wait(1)
        assert [status(key) for key in keys].count("unknown") == left


def test_only_what_is_behind_the_gateway_is_gone(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    other = next(key for number in range(1000) if shard_of(key := f"yard/lamp{number}", 4) == 0)
    worker.hear(delivery(other, "telemetry", {}))
    gateways[GATEWAY].filters = ("devices/demo/#",)
    gateways["yard"] = GatewayLink("yard", filters=("devices/yard/#",))
    gateways["former"] = GatewayLink("former", broker_up=False, filters=("devices/#",))
    goes_down(worker, gateways)
    worker.wait(6)
    assert (status(), status(other)) == ("unknown", "online")
    gateways["yard"].broker_up = False
    comes_back(worker, gateways)
    worker.wait(1)
    worker.wait(5.001)
    assert (status(), status(other)) == ("online", "unknown")


def test_where_no_gateway_was_ever_seen_nothing_is_gone(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways.clear()
    worker.wait(1000)
    worker.wait(1000)
    assert status() == "online"
