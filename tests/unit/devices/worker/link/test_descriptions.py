"""What devices are, by a worker's rounds: their own retained word, a person's, values against both."""

import json
from collections.abc import Callable
from typing import Any

from devices.models import Description, Quarantined, Reading
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

KEY = key_in(0)
MODEL: dict[str, Any] = {
    "name": "Probe",
    "stale_after_s": 900,
    "properties": [{"metric": "t", "kind": "number", "high": 40}],
}


def described(worker: Worker) -> list[Any]:
    return [one["description"] for one in worker.seen if one.get("device") == KEY and "description" in one]


def test_a_devices_retained_model_fills_makes_no_reading_and_is_told(worker: Worker) -> None:
    worker.hear(delivery(KEY, "model", MODEL, retain=True))
    [told] = described(worker)
    assert (told["name"], told["set_by"]["name"], told["properties"][0]["set_by"]) == ("Probe", "device", "device")
    assert not Reading.objects.exists()
    assert twin_of(KEY).presence.status == "unknown"
    worker.hear(delivery(KEY, "model", MODEL | {"name": "Probe 2"}))
    assert described(worker) == [{"name": "Probe 2"}]
    assert twin_of(KEY).presence.status == "online", "it said that live, itself"
    worker.hear(delivery(KEY, "model", MODEL, retain=True))
    assert described(worker) == []


def test_a_wrong_word_of_a_model_is_quarantined_with_its_key_and_the_good_ones_are_taken(worker: Worker) -> None:
    bad = {"metric": "u", "kind": "nunber"}
    worker.hear(delivery(KEY, "model", MODEL | {"properties": [bad, *MODEL["properties"]], "colour": "red"}))
    row = Quarantined.objects.get()
    assert (row.reason, row.detail.split(":")[0]) == ("bad_model", "properties.0.kind")
    assert json.loads(bytes(row.payload)) == {"properties": [bad], "colour": "red"}
    [told] = described(worker)
    assert (told["name"], [one["metric"] for one in told["properties"]]) == ("Probe", ["t"])
    worker.ask(KEY, "replay", quarantined_id=row.pk)
    assert Quarantined.objects.get().reason == "bad_model"


def test_a_model_without_a_good_word_changes_nothing(worker: Worker) -> None:
    worker.hear(delivery(KEY, "model", {"name": 3}))
    assert Quarantined.objects.get().detail.startswith("name: ")
    assert not Description.objects.exists()


def test_a_persons_word_beats_the_devices_and_null_gives_it_back(
    worker: Worker, another_worker: Callable[[], Worker]
) -> None:
    worker.hear(delivery(KEY, "model", MODEL))
    result = worker.ask(KEY, "description", words={"name": "Cellar"}, if_version=None)
    assert (result["description"]["name"], result["version"]) == ("Cellar", twin_of(KEY).described_rev)
    assert Description.objects.get().folded_name == "cellar", "by which it is found"
    assert described(worker) == [{"name": "Cellar", "set_by": {"name": "person"}}]
    stale = worker.ask(KEY, "description", words={"name": "x"}, if_version=1)
    assert stale["error"] == "conflict"
    wrong = worker.ask(KEY, "description", words={"name": 3}, if_version=None)
    assert (wrong["error"], "name" in wrong["message"]) == ("bad_request", True)
    heir = another_worker()
    heir.round()
    given_back = heir.ask(KEY, "description", words={"name": None}, if_version=result["version"])
    assert given_back["description"]["name"] == "Probe"
    assert Description.objects.get().folded_name == "probe"
    heir.ask(KEY, "delete")
    assert not Description.objects.exists()


def test_values_against_it_are_noted_and_kept(worker: Worker) -> None:
    worker.hear(delivery(KEY, "model", MODEL))
    worker.hear(delivery(KEY, "telemetry", [{"t": 41}, {"t": "warm"}, {"t": 21}]))
    assert [(note.reason, note.count, note.sample) for note in twin_of(KEY).notes] == [
        ("out_of_range", 1, "41"),
        ("wrong_kind", 1, "warm"),
    ]
    assert Reading.objects.count() == 3
    assert twin_of(KEY).metrics["t"].value == 21


def test_a_refused_row_beside_it_costs_no_word(worker: Worker) -> None:
    worker.hear(delivery(KEY, "model", MODEL), delivery(KEY, "telemetry", {"t": 1, "ts": 2**62}))
    assert Description.objects.get().doc["device"]["name"] == "Probe"


def test_it_is_stale_by_what_it_is_said_to_be_or_never(worker: Worker) -> None:
    worker.hear(delivery(KEY, "model", MODEL))
    worker.wait(600)
    assert twin_of(KEY).presence.status == "online", "the installation's limit would be 300 s"
    worker.wait(310)
    assert twin_of(KEY).presence.status == "stale"
    worker.ask(KEY, "description", words={"stale_after_s": "never"}, if_version=None)
    worker.hear(delivery(KEY, "telemetry", {"t": 1}, at_ms=worker.now_ms))
    worker.wait(90_000)
    assert twin_of(KEY).presence.status == "online"
    worker.ask(KEY, "settings", stale_after_s=60)
    worker.wait(61)
    assert twin_of(KEY).presence.status == "stale", "a person's own setting comes first"
