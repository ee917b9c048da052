"""Presence: silence, wills, what comes across outages. Our own link: test_rounds_links.py."""

from collections.abc import Callable
from typing import Any

import pytest

from devices.models import Twin
from tests.support.worlds.deliveries import GATEWAY, NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.unit.devices.worker.conftest import GatewayLink

A, B, B_OF_SHARD_0 = key_in(0), key_in(1), key_in(0, nth=1)


@pytest.fixture(autouse=True)
def device(worker: Worker) -> None:
    worker.hear(delivery(A, "telemetry", {"t": 1}))


def status(key: str = A) -> str:
    return str(Twin.objects.get(device__key=key).status)


def why(key: str = A) -> str:
    return twin_of(key).presence.why


def test_a_device_silent_for_too_long_is_stale(worker: Worker) -> None:
    worker.wait(300)
    assert status() == "online"
    worker.wait(0.001)
    assert status() == "stale"
    assert worker.seen == [
        {
            "device": A,
            "prev": 2,
            "rev": 3,
            "readings": [],
            "presence": {"status": "stale", "since": NOW_MS + 300_001, "why": "silence"},
        }
    ]
    assert worker.wait(1000).commits == []


def test_a_message_puts_it_off(worker: Worker) -> None:
    worker.now_ms += 200_000
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    worker.wait(250)
    assert status() == "online"
    worker.wait(51)
    assert status() == "stale"


def test_a_message_in_the_same_round_comes_first(worker: Worker) -> None:
    worker.now_ms += 301_000
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    assert status() == "online"
    worker.wait(301)
    assert status() == "stale"


def test_it_comes_back_and_is_watched_again(worker: Worker) -> None:
    worker.wait(301)
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    assert status() == "online"
    worker.wait(301)
    assert status() == "stale"


def test_an_offline_device_is_not_stale(worker: Worker) -> None:
    worker.hear(delivery(A, "status", b"offline"))
    worker.wait(1)
    assert status() == "offline"
    worker.wait(301)
    assert status() == "offline"


def test_a_device_has_a_limit_of_its_own(worker: Worker) -> None:
    worker.hear(delivery(B, "telemetry", {"t": 1}))
    assert worker.ask(A, "settings", stale_after_s=10) == {"stale_after_s": 10}
    worker.wait(10)
    worker.wait(0.1)
    assert (status(A), status(B)) == ("stale", "online")


def test_a_limit_that_grows_or_goes_counts_too(worker: Worker) -> None:
    for limit, waited in ((10, 9), (1000, 400), (None, 301)):
        worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
        worker.ask(A, "settings", stale_after_s=limit)
        worker.wait(waited)
        assert status() == ("stale" if limit is None else "online")


def test_a_limit_is_known_to_whoever_takes_over(worker: Worker, another_worker: Callable[[], Worker]) -> None:
    worker.ask(A, "settings", stale_after_s=20)
    other = another_worker()
    other.round()
    other.wait(17)
    assert status() == "online"
    other.wait(5)
    assert status() == "stale"


def test_a_worker_that_was_away_waits_for_what_the_gateway_kept(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.hear(delivery(B, "telemetry", {"t": 1}))
    other = another_worker()
    other.now_ms += 10_000_000
    other.listening_since_ms = other.now_ms
    other.round()
    other.wait(9)
    assert status() == "online"
    other.hear(delivery(B, "telemetry", {"t": 2}, at_ms=other.now_ms))
    other.wait(5)  # looked at every 5 s until then
    assert (status(A), status(B)) == ("stale", "online")


def test_the_backlog_comes_first(
    worker: Worker, another_worker: Callable[[], Worker], gateways: dict[str, GatewayLink]
) -> None:
    other = another_worker()
    other.now_ms += 10_000_000
    gateways[GATEWAY].drained_ms = NOW_MS + 300_000
    for _ in range(5):
        other.wait(60)
        assert status() == "online"
    other.hear(delivery(A, "telemetry", {"t": 2}, at_ms=NOW_MS + 299_000))
    gateways[GATEWAY].drained_ms = other.now_ms
    other.wait(60)
    assert status() == "stale"
    assert twin_of(A).presence.since == gateways[GATEWAY].drained_ms


def test_silence_means_nothing_while_the_layer_brings_nothing(worker: Worker) -> None:
    worker.listening_since_ms = None
    worker.wait(1000)
    assert status() == "online"
    worker.listening_since_ms = worker.now_ms
    worker.wait(9)
    assert status() == "online"
    worker.wait(5)  # looked at every 5 s until then
    assert (status(), why()) == ("stale", "silence")


def test_silence_counts_from_when_the_link_is_up(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways[GATEWAY].broker_up = False
    worker.wait(1000)  # once: not seen down for so long
    assert status() == "online"
    gateways[GATEWAY].broker_up, gateways[GATEWAY].since_ms = True, worker.now_ms
    worker.wait(300)
    assert status() == "online"
    worker.wait(5.001)  # looked at again within 5 s
    assert status() == "stale"


# Wills -----------------------------------------------------------------------------------------------------------


def dies(worker: Worker, key: str = A) -> None:
    """Its will comes."""
    worker.hear(delivery(key, "status", b"offline", at_ms=worker.now_ms))


def test_a_will_counts_once_the_link_has_outlived_it(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways[GATEWAY].drained_ms = (died_ms := worker.now_ms) - 1
    dies(worker)
    assert (status(), worker.last.commits, worker.last.next_ms) == ("online", [], worker.now_ms + 250)
    worker.wait(1)
    assert (status(), worker.last.commits) == ("online", [])
    gateways[GATEWAY].drained_ms += 1
    worker.wait(1)
    assert [item["presence"] for item in worker.seen] == [{"status": "offline", "since": died_ms, "why": "will"}]
    assert worker.last.next_ms is None
    assert worker.wait(1).commits == []


@pytest.mark.parametrize("again", [True, False])
def test_a_will_of_a_broker_that_went_down_is_no_news(
    worker: Worker, gateways: dict[str, GatewayLink], again: bool
) -> None:
    gateways[GATEWAY].drained_ms = (died_ms := worker.now_ms) - 1
    dies(worker)
    gateways[GATEWAY] = GatewayLink(GATEWAY, broker_up=again, since_ms=worker.now_ms + 1, drained_ms=worker.now_ms + 9)
    worker.wait(1)
    assert [item["presence"] for item in worker.seen] == [{"status": "unknown", "since": died_ms, "why": "outage"}]
    worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
    assert (status(), why()) == ("online", "message")


def test_a_sign_of_life_ends_the_wait(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways[GATEWAY].drained_ms = worker.now_ms - 1
    dies(worker)
    worker.hear(delivery(A, "status", b"online", at_ms=worker.now_ms))
    gateways[GATEWAY].drained_ms += 10
    assert worker.wait(1).commits == []
    assert (status(), worker.last.next_ms) == ("online", None)


def test_a_worker_that_takes_over_confirms_what_its_predecessor_heard(
    worker: Worker, another_worker: Callable[[], Worker], gateways: dict[str, GatewayLink]
) -> None:
    gateways[GATEWAY].drained_ms = worker.now_ms - 1
    dies(worker)
    other = another_worker()
    other.round()
    assert (status(), other.last.next_ms) == ("online", other.now_ms + 250)
    gateways[GATEWAY].drained_ms += 1
    other.wait(0.25)
    assert status() == "offline"


def test_each_gateway_confirms_its_own(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways[GATEWAY].drained_ms = worker.now_ms - 1
    gateways["another"] = GatewayLink("another")
    dies(worker)
    worker.take(Uplink(gateway="another").batch(delivery(B_OF_SHARD_0, "telemetry", {})))
    worker.wait(1)
    assert status() == "online"
    gateways[GATEWAY] = GatewayLink(GATEWAY, broker_up=False, since_ms=worker.now_ms)
    worker.wait(1)
    assert (status(), why()) == ("unknown", "outage")


def test_a_deleted_device_is_not_waited_for(worker: Worker, gateways: dict[str, GatewayLink]) -> None:
    gateways[GATEWAY].drained_ms = worker.now_ms - 1
    dies(worker)
    worker.ask(A, "delete")
    worker.round()
    assert worker.last.next_ms is None or worker.last.next_ms > worker.now_ms + 250


# Across outages --------------------------------------------------------------------------------------------------


def late(worker: Worker, topic: str, payload: object) -> None:
    worker.hear(delivery(A, topic, payload, at_ms=worker.now_ms, late=True))


def test_what_came_late_is_doubted_unless_something_live_follows(worker: Worker) -> None:
    for follows in (True, False):
        late(worker, "status", b"offline")
        assert (status(), why()) == ("unknown", "outage")
        late(worker, "status", b"online")
        assert (status(), why()) == ("online", "replayed")
        worker.wait(60)
        assert (status(), why()) == ("online", "replayed")
        if follows:
            worker.hear(delivery(A, "telemetry", {}, at_ms=worker.now_ms))
            assert (status(), why()) == ("online", "message")
        worker.wait(61)
    assert (status(), why()) == ("unknown", "unconfirmed")


@pytest.mark.parametrize(
    ("kind", "payload", "grounds"),
    [
        ("status", b"online", "retained"),
        ("telemetry", {"t": 1}, "never_seen"),
        ("telemetry", b"{", "never_seen"),
        ("event", {"a": 1}, "never_seen"),
    ],
)
def test_case_a3_a_device_of_which_only_a_retained_message_is_known_is_unknown_with_a_rev(
    worker: Worker, kind: Any, payload: Any, grounds: str
) -> None:
    worker.hear(delivery(B, kind, payload, at_ms=worker.now_ms, retain=True))
    assert (status(B), why(B)) == ("unknown", grounds)
    assert Twin.objects.get(device__key=B).rev == 1
    worker.wait(61)
    assert (status(B), why(B)) == ("unknown", grounds)


def test_case_a3_a_device_of_which_only_a_bad_status_is_known_is_unknown_with_a_rev(worker: Worker) -> None:
    worker.hear(delivery(B, "status", b"asleep", at_ms=worker.now_ms))
    assert (status(B), Twin.objects.get(device__key=B).rev) == ("unknown", 1)


def test_case_a1_a_will_in_other_words_ends_in_offline(worker: Worker) -> None:
    worker.hear(delivery(B, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    worker.hear(delivery(B, "status", b"Connection Lost\0", at_ms=worker.now_ms))
    worker.hear(delivery(B, "status", b"asleep", at_ms=worker.now_ms))
    worker.wait(3)
    assert status(B) == "offline"


def test_case_a2_an_empty_message_leaves_the_offline_offline(worker: Worker) -> None:
    worker.hear(delivery(B, "status", b"offline", at_ms=worker.now_ms))
    worker.wait(3)
    for kind in ("status", "state", "telemetry", "event"):
        worker.hear(delivery(B, kind, b"", at_ms=worker.now_ms))
    assert status(B) == "offline"


def test_whoever_speaks_after_an_offline_waits_for_its_confirmation_no_more(worker: Worker) -> None:
    worker.hear(delivery(A, "status", b"online", at_ms=worker.now_ms))
    worker.hear(delivery(A, "status", b"offline", at_ms=worker.now_ms))
    watch = worker.keeper._shards[0].watch
    assert watch.dying == {A}
    worker.hear(delivery(A, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    worker.wait(2)
    assert (status(), watch.is_waiting) == ("online", False)
