"""Queries of the stream, on real rows."""

from typing import Any

import msgspec
import pytest

from devices.models import Alert, Command, Event, Reading
from devices.requests.registry import register_device
from devices.web.live.queries.replay import list_devices, list_existing, list_some, list_watched, read, steps_between
from devices.web.live.queries.rows import MAX_ROWS, read_rows
from devices.web.live.stream.changes import NotFound, Query, Replayed, Snapshot
from devices.web.live.stream.targets import Target
from tests.support.worlds.fake_worker import install
from tests.unit.devices.web.live import bank

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shards() -> None:
    install()


def query(device: str, since: int | None) -> Query:
    return Query(device, since, "subscribe")


def ask(*queries: Query, latest: bool = False, budget_bytes: int = 500_000) -> list[Any]:
    return list(read(queries, latest=latest, budget_bytes=budget_bytes))


def readings(answer: Replayed) -> list[int]:
    items = [msgspec.json.decode(change.item) for change in answer.changes if hasattr(change, "item")]
    return [reading["rev"] for item in items for reading in item["readings"]]


def test_devices_are_listed_by_site_by_name_or_all() -> None:
    for key in ("b/2", "a/1", "b/1"):
        bank.commit(key, ("telemetry", {"t": 1}))
    assert list_devices(Target()) == [("a/1", 2), ("b/1", 2), ("b/2", 2)]
    assert [key for key, _ in list_devices(Target(sites=frozenset(["b", "none"])))] == ["b/1", "b/2"]
    assert list_devices(Target(devices=frozenset(["b/2", "none/1"]))) == [("b/2", 2)]
    assert list_existing(["a/1", "none/1"]) == {"a/1"}


def listed(target: Target, limit: int) -> list[list[str]]:
    """The keys, some at a time."""
    out: list[list[str]] = []
    upto: str | None = ""
    while upto is not None:
        some, upto = list_some(target, upto, limit)
        out.append([key for key, _ in some])
    return out


def test_devices_are_listed_some_at_a_time() -> None:
    for key in ("b/2", "a/1", "b/1", "c/1"):
        bank.commit(key, ("telemetry", {"t": 1}))
    assert listed(Target(), 2) == [["a/1", "b/1"], ["b/2", "c/1"]]
    assert listed(Target(), 3) == [["a/1", "b/1", "b/2"], ["c/1"]]
    assert listed(Target(sites=frozenset(["b", "c"])), 2) == [["b/1", "b/2"], ["c/1"]]
    assert listed(Target(sites=frozenset()), 2) == [[]]
    assert listed(Target(devices=frozenset(["b/2", "none/1", "none/2", "b/1", "z/9"])), 2) == [["b/1", "b/2"], [], []]
    assert list_some(Target(), "b/2", 9) == ([("c/1", 2)], None)


def test_what_is_watched_is_listed_by_shard_and_found_by_target() -> None:
    keys = [f"{site}/{number}" for site in "ab" for number in range(8)]
    for key in keys:
        register_device(key)
    shards = {0, 2}
    theirs = [key for key in keys if bank.shard(key) in shards]
    assert 0 < len(theirs) < len(keys)
    found = list_watched([Target(sites=frozenset("a")), Target(devices=frozenset(keys[8:]))], shards, 4)
    assert sorted(found.of(Target())) == theirs
    assert sorted(found.of(Target(sites=frozenset("b")))) == [key for key in theirs if key.startswith("b/")]
    assert sorted(found.of(Target(devices=frozenset(["none/1", theirs[0]])))) == theirs[:1]
    assert [key for key in keys if found.covers(key)] == theirs


def test_each_question_is_answered_as_its_device_is() -> None:
    bank.commit("s/a", ("telemetry", {"t": 1}))
    bank.commit("s/b", ("telemetry", {"t": 1}), ("event/x", 1), ("telemetry", {"t": 2}))
    bank.commit("s/c", ("telemetry", {"t": 1}))
    fresh, replayed, ahead, nobody, same = ask(
        query("s/a", None), query("s/b", 1), query("s/c", 99), query("s/none", 3), query("s/a2", None)
    )
    assert isinstance(fresh, Snapshot)
    assert fresh.reason == "subscribe"
    assert isinstance(replayed, Replayed)
    assert (replayed.rev, replayed.complete, len(replayed.changes)) == (4, True, 3)
    assert isinstance(ahead, Snapshot)
    assert ahead.reason == "reset"
    assert (nobody, same) == (NotFound("s/none"), NotFound("s/a2"))


def test_who_is_up_to_date_gets_nothing_and_makes_no_query_of_rows(django_assert_num_queries: Any) -> None:
    bank.commit("s/a", ("telemetry", {"t": 1}))
    with django_assert_num_queries(1):
        assert ask(query("s/a", 2)) == [Replayed("s/a", 2, (), complete=True)]


def test_many_devices_take_four_queries(django_assert_num_queries: Any) -> None:
    for number in range(20):
        bank.commit(f"s/{number}", ("telemetry", {"t": 1}))
    with django_assert_num_queries(4):
        answers = ask(*(query(f"s/{number}", 0) for number in range(20)))
    assert [readings(answer) for answer in answers] == [[1]] * 20


def many(device: str, count: int, size: int = 1) -> None:
    row = register_device(device)
    rows = [
        Reading(device=row, rev=rev, ts=rev, received_ms=rev, metrics={"old": "x" * size})
        for rev in range(1, count + 1)
    ]
    Reading.objects.bulk_create(rows)
    bank.set_rev(device, count)


def test_a_long_replay_comes_in_parts() -> None:
    many("s/a", 2 * MAX_ROWS + 10)
    since, seen = 0, []
    for complete in (False, False, True):
        [answer] = ask(query("s/a", since))
        assert isinstance(answer, Replayed)
        assert answer.complete == complete
        seen += readings(answer)
        since = answer.rev
    assert seen == list(range(1, 2 * MAX_ROWS + 11))


def test_a_large_replay_comes_in_parts() -> None:
    many("s/a", 60, size=100_000)
    many("s/b", 3, size=10)
    first = ask(query("s/a", 0), query("s/b", 0), budget_bytes=250_000)
    assert [(answer.device, answer.rev, answer.complete) for answer in first] == [("s/a", 3, False)]
    later = ask(query("s/b", 0), query("s/a", 3), budget_bytes=250_000)
    assert [(answer.device, answer.rev, answer.complete) for answer in later] == [("s/b", 3, True), ("s/a", 6, False)]


def test_snapshots_stop_at_the_budget() -> None:
    for number in range(10):
        bank.commit(f"s/{number}", ("telemetry", {"text": "x" * 10_000}))
    answers = ask(*(query(f"s/{number}", None) for number in range(10)), budget_bytes=25_000)
    assert [answer.device for answer in answers] == ["s/0", "s/1", "s/2"]


def test_only_the_readings_that_set_todays_values_are_read_for_latest() -> None:
    bank.commit("s/a", *[("telemetry", {"t": number}) for number in range(50)], ("telemetry", {"h": 1}))
    [answer] = ask(query("s/a", 1), latest=True)
    assert isinstance(answer, Replayed)
    assert readings(answer) == [51, 52]


def test_purged_readings_are_too_far() -> None:
    bank.commit("s/a", ("telemetry", {"t": 1}), ("telemetry", {"h": 1}))
    bank.purge("s/a", 1)
    for since, kind in ((0, Snapshot), (1, Replayed), (2, Replayed)):
        [answer] = ask(query("s/a", since))
        assert isinstance(answer, kind)
        assert not isinstance(answer, Snapshot) or answer.reason == "too_far"


@pytest.mark.parametrize("latest", [True, False])
def test_what_is_purged_between_two_queries_is_no_silent_gap(monkeypatch: pytest.MonkeyPatch, latest: bool) -> None:
    bank.commit("s/a", *[("telemetry", {"t": number}) for number in range(5)])
    bank.commit("s/b", ("telemetry", {"t": 1}))
    real = read_rows

    def purged_before(*args: Any) -> Any:
        bank.purge("s/a", 3)
        return real(*args)

    monkeypatch.setattr("devices.web.live.queries.replay.read_rows", purged_before)
    first, second = ask(query("s/a", 1), query("s/b", 0), latest=latest)
    assert isinstance(first, Snapshot)
    assert first.reason == "too_far"
    assert isinstance(second, Replayed)


def test_who_is_deleted_between_two_queries_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    bank.commit("s/a", *[("telemetry", {"t": number}) for number in range(5)])
    real = read_rows

    def deleted_before(*args: Any) -> Any:
        bank.delete("s/a")
        return real(*args)

    monkeypatch.setattr("devices.web.live.queries.replay.read_rows", deleted_before)
    assert ask(query("s/a", 1)) == [NotFound("s/a")]


def test_rows_of_another_device_do_not_get_mixed_in() -> None:
    for device in ("s/a", "s/b"):
        bank.commit(device, ("telemetry", {"who": device}), ("event/x", device))
    for answer in ask(query("s/b", 1), query("s/a", 1)):
        texts = b"".join(getattr(change, "item", getattr(change, "frame", b"")) for change in answer.changes)
        assert texts.count(answer.device.encode()) == texts.count(b"s/")


def test_steps_are_found_by_the_commits_that_told_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [bank.command("s/a") for _ in range(5)]
    for command_id in ids:
        bank.step(command_id, "sent")
    shard, everything = bank.shard("s/a"), (Target(),)
    steps = steps_between(everything, shard, 4, 1, 3)
    assert [(one.id, one.commit) for one in steps.found] == [(ids[1], 2), (ids[2], 3)]
    assert (steps.upto, steps.high) == (3, 3)
    bank.step(ids[1], "delivered")
    assert [one.id for one in steps_between(everything, shard, 4, 1, 3).found] == [ids[2]], "brought by a later one"
    steps = steps_between(everything, shard, 4, 4, None)
    assert ([one.id for one in steps.found], steps.high) == ([ids[4], ids[1]], 6)
    assert msgspec.json.decode(steps.found[1].whole)["status"] == "delivered"
    assert not steps_between(everything, (shard + 1) % 4, 4, 0, 99).found


def test_steps_come_in_pages_of_whole_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.web.live.queries.replay.STEPS_A_QUERY", 3)
    ids = [bank.command("s/a") for _ in range(9)]
    for command_id in ids:
        bank.step(command_id, "sent")
    Command.objects.filter(commit__gt=2, commit__lte=7).update(commit=7)  # five of one transaction
    low, pages = 0, []
    while low < 9:
        steps = steps_between((Target(),), bank.shard("s/a"), 4, low, 9)
        assert steps.upto > low
        low = steps.upto
        pages.append([one.commit for one in steps.found])
    assert pages == [[1, 2], [7] * 5, [8, 9]]


def test_alerts_steps_are_found_with_those_of_commands() -> None:
    bank.step(bank.command("s/a"), "sent")
    shard = bank.shard("s/a")
    its = {"rule": 1, "rule_name": "hot", "device": "s/a", "site": "s", "hash": shard, "raised_ms": 1}
    alert = Alert.objects.create(**its, state="firing", severity="info", kind="above", metric="t", commit=1)
    found = steps_between((Target(devices=frozenset({"s/a"})),), shard, 4, 0, 1).found
    assert [one.kind for one in found] == ["command", "alert"]
    assert msgspec.json.decode(found[1].whole)["id"] == str(alert.pk)
    assert not steps_between((Target(sites=frozenset({"t"})),), shard, 4, 0, 1).found


def test_only_the_targets_steps_are_found() -> None:
    for key in ("s/a", "t/b"):
        bank.step(bank.command(key), "sent")

    def devices(*targets: Target) -> set[str]:
        return {one.device for shard in range(4) for one in steps_between(targets, shard, 4, 0, None).found}

    sites, named = Target(sites=frozenset(["s"])), Target(devices=frozenset(["t/b"]))
    assert (devices(Target()), devices(sites), devices(named)) == ({"s/a", "t/b"}, {"s/a"}, {"t/b"})
    assert devices(sites, named) == {"s/a", "t/b"}
    assert devices(Target(devices=frozenset({"t/b", *(f"x/{number}" for number in range(600))}))) == {"t/b"}


def test_events_alone_are_replayed() -> None:
    bank.commit("s/a", ("telemetry", {"t": 1}))
    bank.commit("s/a", ("event/x", {"a": 1}))
    assert Event.objects.count() == 1
    [answer] = ask(query("s/a", 2))
    assert isinstance(answer, Replayed)
    assert [change.rev for change in answer.changes] == [3]
