"""A source's state goes with what its messages do to devices: once each, whatever fails, whoever goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

import msgspec
import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from bridge.dialects.dialect import Due, Publication, State
from bridge.messages import Delivery, FiltersChanged, Publish, Refetch
from bridge.shards import device_hash, shard_of
from devices.models import Command, Device, LedgerCount, Quarantined, Source, SourceFilter
from devices.models import Description as DescriptionRow
from devices.models import Reading as ReadingRow
from devices.rules.described.descriptions import Kept
from devices.worker.sources.known_sources import MOST_READ, KnownSources, known_of
from tests.support.memory_dialect import MemoryDialect
from tests.support.worlds.deliveries import NOW_MS, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory_dialect")]

HUB, OTHER = key_in(0, name="hub"), key_in(0, name="hub", nth=1)


def hub(text: str, source: str = HUB, **more: Any) -> Delivery:
    fields = {"qos": 0, "retain": False, "dup": False, "packet_id": 0, **more}
    return Delivery(f"hub/{source}", source, "words", "", text.encode(), NOW_MS, dialect="memory", **fields)


def started(**more: Any) -> Worker:
    worker = Worker(**more)
    worker.round()
    return worker


def live(source: str = HUB) -> Any:
    return Source.objects.get(key=source).live


def readings(name: str, source: str = HUB) -> list[int]:
    rows = ReadingRow.objects.filter(device__key=f"{source}~{name}").order_by("rev")
    return [row.metrics["heard"] for row in rows]


def ledger() -> dict[tuple[str, str], int]:
    rows = LedgerCount.objects.exclude(outcome="received").values_list("outcome", "reason", "count")
    return {(outcome, reason): count for outcome, reason, count in rows if count}


def model_of(key: str) -> str | None:
    """By its dialect's word."""
    doc = DescriptionRow.objects.get(device__key=key).doc
    return msgspec.convert(doc, Kept).dialect.get("model")


# The state -------------------------------------------------------------------------------------------------------


def test_the_state_goes_from_message_to_message_of_a_round_and_to_the_next() -> None:
    worker = started()
    worker.hear(hub("say a"), hub("describe a b"), hub("say a"), hub("say a b"))
    worker.hear(hub("say b"))
    assert (readings("a"), readings("b")) == ([3, 4], [4, 5])
    assert ledger() == {("rejected", "unknown_entity"): 1, ("applied", ""): 4}
    row = Source.objects.get()
    assert (row.key, row.dialect, row.hash, row.revision) == (HUB, "memory", device_hash(HUB), 1)
    assert (row.live["heard"], row.model["names"], row.live["joined"]) == (5, ["a", "b"], ["new"])


def test_sources_do_not_mix() -> None:
    started().hear(hub("describe a"), hub("describe b", OTHER), hub("say a"), hub("say a", OTHER), hub("say b", OTHER))
    assert (readings("a"), readings("b", OTHER)) == ([2], [3])
    assert not Device.objects.filter(key=f"{OTHER}~a").exists()


def test_a_transaction_that_fails_costs_nothing_and_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = started()
    for text in ("describe a", "say a", "ask", "say a"):
        batch = worker.uplink.batch(hub(text))
        with monkeypatch.context() as broken:
            broken.setattr("devices.worker.round.transaction.pass_fence", _fails)
            with pytest.raises(DatabaseError):
                worker.take(batch)
        worker.take(batch)
    assert readings("a") == [2, 4]
    assert live()["heard"] == 4


def test_of_10_000_sources_only_some_states_are_in_memory_and_the_others_are_read_again() -> None:
    keys = list(islice((key for number in count() if shard_of(key := f"demo/hub{number}", 4) == 0), 10_000))
    worker = started()
    for _ in range(2):
        for begin in range(0, len(keys), 1_000):
            worker.hear(*(hub("say nobody", key) for key in keys[begin : begin + 1_000]))
            known = states_in_memory(worker)
            assert len(known.read) <= MOST_READ
            assert known.read_bytes == sum(one.model_bytes + one.live_bytes for one in known.read.values())
    known = states_in_memory(worker)
    assert len(known) == len(keys)
    assert keys[-1] in {key for _, key in known.read}
    rows = Source.objects.values_list("live", flat=True)
    assert {(live["heard"], tuple(live["joined"])) for live in rows} == {(2, ("new",))}
    assert len(rows) == len(keys)


def test_large_states_are_forgotten_first_that_were_not_needed_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.worker.sources.known_sources.MOST_READ_BYTES", 6_000)
    worker, keys = started(), [key_in(0, name="hub", nth=number) for number in range(5)]
    for key in keys:
        worker.hear(hub("describe " + "x" * 2_000, key))
    worker.hear(hub("say nobody", keys[3]))
    assert [key for _, key in states_in_memory(worker).read] == [keys[4], keys[3]]
    worker.hear(hub("describe " + "x" * 9_000, keys[0]))
    known = states_in_memory(worker)
    assert [key for _, key in known.read] == [keys[0]]  # what is needed now stays
    assert len(known) == len(keys)


def states_in_memory(worker: Worker) -> KnownSources:
    return known_of(worker.keeper._shards[0])


def test_another_worker_goes_on_after_each_message() -> None:
    worker = started()
    for number, text in enumerate(("describe a", "say a", "ask", "say a", "describe a b", "say b")):
        batch = worker.uplink.batch(hub(text))
        worker.take(batch)
        uplink, worker = worker.uplink, Worker(owner=f"worker {number}")
        worker.uplink = uplink
        worker.take(batch)  # whoever sends does not know that it is applied
    assert (readings("a"), readings("b")) == ([2, 4], [6])
    assert live()["heard"] == 6
    assert live()["joined"] == ["new"]


def test_only_what_is_another_object_is_written() -> None:
    worker = started()
    worker.hear(hub("describe a"))
    Source.objects.update(model={"names": ["b"]}, live={})  # as nobody else would
    worker.hear(hub("say a"))
    row = Source.objects.get()
    assert row.model == {"names": ["b"]}  # the model is what it was before: not written
    assert row.live["heard"] == 2
    Source.objects.update(live={"heard": 77})
    worker.hear(hub("nothing"))
    assert live() == {"heard": 77}


def test_what_says_nothing_leaves_nothing() -> None:
    class Forgetful(MemoryDialect):
        def joined(self, state: Any, *_: Any) -> Any:
            return state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryDialect, "joined", Forgetful.joined)
        started().hear(hub("nothing"))
    assert not Source.objects.exists()
    assert ledger() == {("rejected", "nothing"): 1}


def test_a_state_that_can_not_be_read_begins_anew() -> None:
    worker = started()
    worker.hear(hub("describe a"), hub("say a"))
    Source.objects.update(live={"heard": "many"})
    worker = started(owner="next", epoch=2)
    worker.hear(hub("say a"), hub("describe a"))
    assert live()["joined"] == ["gap", "gateway"]
    assert (live()["heard"], ledger()["rejected", "unknown_entity"]) == (2, 1)


def test_a_state_of_another_revision_begins_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started().hear(hub("describe a"), hub("say a"))
    monkeypatch.setattr(MemoryDialect, "revision", 2)
    started(owner="next").round()
    row = Source.objects.get()
    assert (row.revision, row.live["joined"], row.model["names"]) == (2, ["revision"], [])


def test_a_new_connection_of_its_gateway_is_told() -> None:
    worker = started()
    worker.hear(hub("describe a"), hub("describe a", OTHER))
    again = started(owner="next", epoch=2)
    again.take(again.uplink.hello(0))
    assert [live(HUB)["joined"], live(OTHER)["joined"]] == [["new", "gateway"]] * 2
    again.hear(hub("say a"))
    assert live()["joined"] == ["new", "gateway"]


def test_a_model_that_is_too_large_is_refused_and_the_former_one_stays() -> None:
    worker = started()
    worker.hear(hub("describe a"))
    worker.hear(hub("pad 5000000"))
    worker.hear(hub("say a padded"))
    row = Source.objects.get()
    assert (row.model["names"], row.live["heard"]) == (["a"], 3)
    assert ledger()["noted", "source_model_too_large"] == 1
    worker.hear(hub("pad 4000000"), hub("say padded"))
    assert len(Source.objects.get().model["padding"]) == 4_000_000


def test_a_source_that_was_never_stored_and_says_too_much_stays_fresh() -> None:
    started().hear(hub("pad 5000000"))
    row = Source.objects.get()
    assert (row.model["names"], row.live["heard"]) == ([], 1)


def test_causeways_own_devices_cost_no_statement() -> None:
    worker = started()
    worker.hear(hub("describe a"), hub("say a"), delivery(key_in(0), "telemetry", {"t": 1}))
    with CaptureQueriesContext(connection) as alone:
        worker.hear(delivery(key_in(0), "telemetry", {"t": 2}))
    assert not [query for query in alone.captured_queries if "source" in query["sql"].lower()]


# One message, many devices ---------------------------------------------------------------------------------------


def test_a_message_is_applied_if_anything_of_it_is_and_harms_no_neighbour(settings: Any) -> None:
    settings.DEVICES = replace(settings.DEVICES, max_devices=2)
    started().hear(hub("describe a b c d"))
    assert ledger() == {("applied", ""): 1}
    assert Device.objects.count() == 2


def test_its_bad_part_is_a_note_where_others_are_good() -> None:
    worker = started()
    worker.hear(hub("describe a b"))
    worker.hear(hub("mixed a b"))
    assert ledger() == {("applied", ""): 2, ("noted", "bad_text"): 1}
    assert [(note.reason, note.sample) for note in twin_of(f"{HUB}~a").notes] == [("bad_text", "that one")]
    assert not Quarantined.objects.exists()
    worker.hear(hub("mixed a"))
    entry = Quarantined.objects.get()
    assert (entry.owner, entry.reason) == (f"{HUB}~a", "bad_text")


def test_what_is_no_devices_is_kept_as_the_sources_and_makes_no_device() -> None:
    worker = started()
    worker.hear(hub("describe a"), hub("bad"), hub("boom"), hub("say a"))
    rows = Quarantined.objects.filter(device=None).order_by("pk")
    assert list(rows.values_list("source", "site", "reason")) == [
        (HUB, "demo", "bad_json"),
        (HUB, "demo", "internal_error"),
    ]
    assert ledger() == {("applied", ""): 2, ("quarantined", "bad_json"): 1, ("quarantined", "internal_error"): 1}
    assert [device.key for device in Device.objects.all()] == [f"{HUB}~a"]
    assert readings("a") == [3]  # what has raised has changed nothing


def test_it_is_replayed_with_the_state_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = started()
    worker.hear(hub("describe a"), hub("bad"))
    entry = Quarantined.objects.get()
    assert worker.ask(HUB, "replay", quarantined_id=entry.pk) == {
        "outcome": "quarantined",
        "reason": "bad_json",
        "detail": "at 1",
    }
    monkeypatch.setattr(MemoryDialect, "_bad", lambda self, state, one, _: self._say(state, one, ["a", "b"]))
    assert worker.ask(HUB, "replay", quarantined_id=entry.pk)["outcome"] == "applied"
    assert not Quarantined.objects.exists()
    assert (readings("a"), live()["heard"]) == ([4], 4)
    received = LedgerCount.objects.filter(outcome="received").values_list("count", flat=True)
    assert sum(received) == sum(ledger().values())


def test_a_key_belongs_to_the_dialect_that_made_it() -> None:
    worker = started()
    worker.hear(hub("hub"), delivery(OTHER, "telemetry", {"heard": 99}))
    worker.hear(hub("hub", OTHER), delivery(HUB, "telemetry", {"heard": 99}), delivery(HUB, "status", b"online"))
    assert ledger() == {("applied", ""): 2, ("rejected", "other_dialect"): 3}
    assert [(twin_of(key).dialect, twin_of(key).metrics["heard"].value) for key in (HUB, OTHER)] == [
        ("memory", 1),
        ("", 99),
    ]
    worker.ask(HUB, "delete")
    worker.hear(delivery(HUB, "telemetry", {"heard": 99}))
    assert twin_of(HUB).dialect == ""


def test_a_device_that_was_registered_by_hand_belongs_to_who_speaks_first() -> None:
    worker, child = started(), f"{HUB}~a"
    assert worker.ask(child, "register") == {}
    worker.hear(hub("describe a"), hub("say a"))
    assert twin_of(child).dialect == "memory"
    assert readings("a") == [2]


def test_a_device_that_comes_back_is_described_from_what_is_remembered() -> None:
    worker, child = started(), f"{HUB}~a"
    worker.hear(hub("describe a"), hub("say a"))
    assert model_of(child) is None
    worker.ask(child, "delete")
    worker.hear(hub("describe a"))  # it does not say so itself
    assert not Device.objects.filter(key=child).exists()
    worker.hear(hub("say a"))
    assert model_of(child) == "from memory"


def test_a_blocked_source_is_not_read() -> None:
    worker = started()
    worker.hear(hub("describe a"))
    worker.ask(HUB, "block")
    worker.hear(hub("say a"))
    assert (ledger()["rejected", "blocked"], live()["heard"]) == (1, 1)


# What is asked ---------------------------------------------------------------------------------------------------


def sent(worker: Worker) -> list[Any]:
    return [message for _, message in worker.last.prompts]


def test_a_source_is_asked_after_the_commit_and_once() -> None:
    worker = started()
    worker.hear(hub("ask"))
    (one,) = sent(worker)
    assert isinstance(one, Publish)
    assert (one.shard, one.device, one.topic, one.payload) == (0, HUB, "hub-ask/all", b"0")
    assert worker.last.next_ms is not None
    assert live()["asked"] == 0
    worker.round()
    assert (live()["asked"], sent(worker)) == (1, [])
    assert Source.objects.get().wake_ms == 0
    worker.round()
    assert sent(worker) == []


def test_it_is_looked_whether_something_is_due_after_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, looks = started(), list[int]()
    worker.hear(hub("describe a"))

    def due(_dialect: MemoryDialect, _state: State, now_ms: int) -> Due:
        looks.append(now_ms)
        return Due()

    monkeypatch.setattr(MemoryDialect, "due", due)
    worker.hear(hub("nothing"))
    worker.hear(hub("nothing", OTHER))
    worker.round()
    assert len(looks) == 2


def test_who_dies_before_it_has_asked_is_followed_by_who_asks() -> None:
    started().hear(hub("ask"))  # and is killed, before or after it has sent
    worker = started(owner="next")
    assert [one.payload for one in sent(worker)] == [b"0"]
    worker.round()
    assert (live()["asked"], Source.objects.get().wake_ms) == (1, 0)
    assert sent(started(owner="last")) == []


def test_a_source_is_asked_when_its_time_has_come_also_by_another_worker() -> None:
    worker = started()
    worker.hear(hub("later 30"), hub("later 40", OTHER))
    worker.wait(29)
    assert worker.last.next_ms == NOW_MS + 30_000
    assert sent(worker) == []
    worker.wait(1)
    assert [one.device for one in sent(worker)] == [HUB]
    next_one = started(owner="next", now_ms=NOW_MS + 39_000)
    assert [one.device for one in sent(next_one)] == [HUB]  # that it was asked was not stored
    next_one.wait(1)
    assert [one.device for one in sent(next_one)] == [OTHER]


def test_five_sources_a_second_are_asked_and_each_has_its_turn() -> None:
    worker, hubs = started(), [key_in(0, name="hub", nth=nth) for nth in range(12)]
    worker.hear(*(hub("ask", one) for one in hubs))
    asked = [[one.device for one in sent(worker)]]
    for _ in range(30):
        worker.wait(0.1)
        asked.append([one.device for one in sent(worker)])
    assert [one for some in asked for one in some] == hubs
    for begin in range(len(asked)):
        assert len([one for some in asked[begin : begin + 10] for one in some]) <= 5
    assert {row.live["asked"] for row in Source.objects.all()} == {1}


def test_what_is_retained_is_asked_for_again() -> None:
    worker = started()
    worker.hear(hub("refetch"))
    assert sent(worker) == [Refetch(0, "memory", HUB, ("hub/#",))]


def test_nothing_is_published_where_a_dialect_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = started()

    def elsewhere(_topic: str, payload: bytes) -> Publication:
        return Publication("devices/demo/a/command/1/open", payload)

    monkeypatch.setattr("tests.support.memory_dialect.Publication", elsewhere)
    worker.hear(hub("ask"))
    assert sent(worker) == []


def test_a_dialect_that_fails_to_say_what_is_due_costs_nobody_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("due", "wanted", "joined"):
        monkeypatch.setattr(MemoryDialect, name, _fails)
    worker = started()
    worker.hear(hub("describe a"), hub("say a"))
    assert readings("a") == [2]


def test_a_command_is_put_in_words_with_what_is_remembered() -> None:
    worker, child = started(), f"{HUB}~a"
    worker.hear(hub("describe a b"), hub("say a"))
    worker = started(owner="next")  # who has not read it yet
    now = datetime.fromtimestamp(worker.now_ms / 1000, UTC)
    command = Command.objects.create(
        device=Device.objects.get(key=child),
        name="open",
        args={},
        timeline=[{"status": "accepted", "at_ms": worker.now_ms}],
        created_at=now,
        expires_at=now + timedelta(seconds=60),
    )
    worker.commanded(command.pk)
    assert [(one.topic, one.payload) for one in worker.sent] == [(f"hub-ask/{child}", b"open 2 a b")]


# What is to be heard ---------------------------------------------------------------------------------------------


def filters() -> set[str]:
    return set(SourceFilter.objects.filter(source=HUB, dialect="memory").values_list("topic_filter", flat=True))


def test_the_filters_that_a_source_wants_follow_from_its_state() -> None:
    worker = started()
    worker.hear(hub("want a/b c/+/d"))
    assert filters() == {"a/b", "c/+/d"}
    assert sent(worker) == [FiltersChanged(0, "memory", HUB)]
    worker.hear(hub("describe a"))
    assert sent(worker) == []
    worker = started(owner="next", epoch=2)
    worker.hear(hub("want c/+/d e"))
    assert filters() == {"c/+/d", "e"}
    assert sent(worker) == [FiltersChanged(0, "memory", HUB)]
    worker.hear(hub("want"))
    assert filters() == set()
    assert Source.objects.get().filter_count == 0


def test_filters_that_nobody_may_want_are_refused_and_counted() -> None:
    refused = ["#", "a/#", "$SYS/x", "devices/a/b/state", "+/x/y/state", "+/+", "hub-ask/all", "a+", "devices/+"]
    refused += ["+/a/b/+/x", "x" * 501]
    started().hear(hub(f"want good/one +/+/BTtoMQTT/mac {' '.join(refused)}"))
    assert filters() == {"good/one", "+/+/BTtoMQTT/mac"}
    assert ledger()["noted", "filter_refused"] == len(refused)


def test_a_source_has_ten_thousand_filters_at_most() -> None:
    started().hear(hub("want " + " ".join(f"t/{number}" for number in range(10_003))))
    assert len(filters()) == 10_000
    assert ledger()["noted", "filter_refused"] == 3


# Retention -------------------------------------------------------------------------------------------------------


def test_sources_without_devices_are_forgotten_in_the_end() -> None:
    worker = started()
    worker.hear(hub("want a/b"), hub("describe a", OTHER))
    worker.now_ms += 31 * 86_400_000
    for _ in range(20):
        worker.keeper.purge()
    assert [row.key for row in Source.objects.all()] == [OTHER]
    assert not SourceFilter.objects.exists()
    worker.hear(hub("say a"))
    assert live()["joined"] == ["new"]


def _fails(*_: Any, **__: Any) -> None:
    raise DatabaseError("down")
