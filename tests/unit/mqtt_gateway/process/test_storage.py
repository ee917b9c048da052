"""Lease, epochs, sessions and rivals in the database."""

import pytest
from django.db.models import F

from bridge.dialects.refusals.rejections import Rejection
from mqtt_gateway.models import BrokerSession, GatewayProcess, Incident, Rejected
from mqtt_gateway.process import storage
from mqtt_gateway.process.storage import FiltersOverlapError, LeaseLostError
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.rules.incident_reports import Report
from runtime.leases import LEASE_MS

pytestmark = pytest.mark.django_db

ALL = ("devices/#",)


def take(instance: str = "one", name: str = "g", filters: tuple[str, ...] = ALL) -> storage.Former | None:
    return storage.take(name, None, instance, "h:1", filters)


def age(ms: int, key: str = "g") -> None:
    """Let time pass for a beat."""
    GatewayProcess.objects.filter(key=key).update(beat_ms=F("beat_ms") - ms)


def opened(
    *, present: bool, broker: str = "h:1", instance: str = "one", lost: Report | None = None
) -> storage.OpenedSession:
    return storage.open_session("g", instance, broker, ALL, session_present=present, lost=lost)


# ---- the lease


def test_the_first_takes_it_and_the_second_does_not() -> None:
    assert take("one")
    assert not take("two")
    assert storage.holder("g") == storage.Holder("one", True)
    assert take("one"), "its own"


def test_it_is_free_when_the_beat_is_old() -> None:
    take("one")
    age(LEASE_MS - 500)
    assert not take("two")
    age(600)
    assert storage.holder("g") == storage.Holder("one", False)
    assert take("two")
    assert storage.holder("g").instance == "two"


def test_it_is_free_when_the_clock_was_set_back() -> None:
    take("one")
    age(-3_600_000)
    assert take("two")


def test_a_beat_renews_it() -> None:
    take("one")
    age(LEASE_MS)
    storage.save_beat("g", "one", broker_up=True)
    assert not take("two")


def test_given_up_it_is_free_at_once() -> None:
    take("one")
    storage.save_beat("g", "one", beat_ms=0, counters={"dropped": 5}, drained_ms=7)
    assert storage.holder("g") == storage.Holder("", False)
    former = take("two")
    assert former
    assert (former.counters, former.drained_ms) == ({"dropped": 5}, 7)


def test_who_lost_it_writes_nothing() -> None:
    take("one")
    age(LEASE_MS + 1)
    take("two")
    report = Report("session_lost", 1, 2)
    for write in (
        lambda: storage.save_beat("g", "one", [report], counters={"dropped": 9}),
        lambda: opened(present=True),
        lambda: storage.save_filters("g", "one", "h:1", {"other/#": True}),
        lambda: storage.forget_session("g", "one", "h:1", report),
    ):
        with pytest.raises(LeaseLostError):
            write()
    row = GatewayProcess.objects.get()
    assert (row.instance, row.epoch, row.counters) == ("two", 0, {})
    assert BrokerSession.objects.get().filters == {"devices/#": False}
    assert not Incident.objects.exists()


def test_the_former_was_last_alive_at_its_beat_or_when_its_link_went_down() -> None:
    take("one")
    storage.save_beat("g", "one", beat_ms=5_000, broker_up=True, since_ms=1_000)
    former = take("two")
    assert former
    assert former.alive_ms == 5_000
    storage.save_beat("g", "two", beat_ms=0, broker_up=False, since_ms=4_000)
    former = take("three")
    assert former
    assert former.alive_ms == 4_000


# ---- sessions


def test_a_session_keeps_the_name_of_the_epoch_that_began_it() -> None:
    take()
    found = [opened(present=present) for present in (False, True, True, False, True)]
    assert [(one.epoch, one.session) for one in found] == [(1, 1), (2, 1), (3, 1), (4, 4), (5, 4)]


def test_a_session_that_we_know_nothing_of_begins_now() -> None:
    take()
    assert opened(present=True).session == 1


def test_brokers_are_told_apart() -> None:
    take()
    opened(present=False)
    assert opened(present=False, broker="h:2").session == 2
    assert opened(present=True).session == 1


def test_filters_go_with_the_session() -> None:
    take()
    opened(present=False)
    storage.save_filters("g", "one", "h:1", {"devices/#": True})
    assert opened(present=True).known == {"devices/#": True}
    lost = opened(present=False, lost=Report("session_lost", 1, 2))
    assert (lost.known, lost.forgotten) == ({}, True)
    assert Incident.objects.get().kind == "session_lost"
    assert not opened(present=False).forgotten


def test_a_session_that_is_not_what_we_remember_begins_anew() -> None:
    take()
    opened(present=False)
    storage.save_filters("g", "one", "h:1", {"devices/#": True})
    storage.forget_session("g", "one", "h:1", Report("session_lost", 1, 2))
    again = opened(present=True)
    assert (again.session, again.known) == (2, {})
    assert Incident.objects.count() == 1


# ---- other gateways


def test_a_gateway_that_runs_with_overlapping_filters_is_refused_and_leaves_no_trace() -> None:
    take("one", "a", ("devices/x/#",))
    with pytest.raises(FiltersOverlapError, match=r"^GATEWAY_TOPIC_FILTERS: 'devices/#' overlaps .* gateway 'a'"):
        take("two", "b")
    assert [row.gateway for row in BrokerSession.objects.all()] == ["a"]
    assert storage.holder("b").instance == ""


def test_filters_apart_and_brokers_apart_are_fine() -> None:
    take("one", "a", ("devices/x/#",))
    assert take("two", "b", ("devices/y/#",))
    assert storage.take("c", None, "three", "h:2", ALL)


def test_a_session_left_behind_with_overlapping_filters_is_told() -> None:
    take("one", "a", ("devices/x/#",))
    age(LEASE_MS + 1, "a")
    former = take("two", "b")
    assert former
    assert former.rivals == [storage.Rival("a", "devices/#", "devices/x/#")]


def test_what_gateways_subscribe_to_for_themselves_is_no_overlap() -> None:
    take("one", "a", ("devices/x/#",))
    storage.save_filters("a", "one", "h:1", dict.fromkeys(("causeway/gateway/a/marker", *BROKER_TOPICS), True))
    assert take("two", "b", ("#",))


def test_one_that_wakes_up_and_finds_its_topics_taken_is_refused() -> None:
    take("one", "g")
    age(LEASE_MS + 1)
    take("two", "b")
    with pytest.raises(FiltersOverlapError):
        opened(present=True)


def test_case_i8_what_was_rejected_is_written_with_a_beat() -> None:
    take("one")
    for _ in range(2):
        storage.save_beat("g", "one", rejected=[Rejection("a/b", "odd_levels", 2, 5, b"x")])
    row = Rejected.objects.get()
    assert (row.writer, row.topic, row.reason, row.count) == ("g", "a/b", "odd_levels", 4)
    with pytest.raises(LeaseLostError):
        storage.save_beat("g", "two", rejected=[Rejection("a/c", "odd_levels", 2, 5, b"x")])
    assert Rejected.objects.count() == 1
