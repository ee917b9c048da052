"""Calculated metrics in a worker's rounds: with each reading, in its transaction, never in place of a device's own."""

from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError

from devices.models import CalculatedMetric, Event, Reading
from devices.requests.registry import register_device
from devices.rules.described.calculated import as_json, calculated_of
from devices.rules.described.windows import MAX_SAMPLES
from tests.support.worlds.deliveries import NOW_MS, Uplink, delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

KEY, OTHER = key_in(0), key_in(1)
_changed = count(1)


def define(metric: str, expression: str, **more: Any) -> CalculatedMetric:
    value = as_json(calculated_of({"metric": metric, "expression": expression, **more}))
    changed = next(_changed)
    return CalculatedMetric.objects.create(metric=metric, site="", calculated=value, changed_ms=changed)


def send(worker: Worker, *objects: dict[str, Any], key: str = KEY) -> None:
    worker.now_ms += 1_000
    worker.hear(delivery(key, "telemetry", list(objects) if len(objects) > 1 else objects[0], at_ms=worker.now_ms))


def stored(key: str = KEY) -> list[tuple[int, int, Any]]:
    rows = Reading.objects.filter(device__key=key).order_by("rev")
    return [(rev, ts - NOW_MS, metrics) for rev, ts, metrics in rows.values_list("rev", "ts", "metrics")]


def test_a_reading_more_in_the_same_transaction(worker: Worker) -> None:
    define("power", "u * i")
    send(worker, {"u": 230, "i": 2})
    send(worker, {"u": 231})
    send(worker, {"other": 1})
    assert [row[1:] for row in stored()] == [
        (1000, {"u": 230, "i": 2}), (1000, {"power": 460}), (2000, {"u": 231}), (2000, {"power": 462}),
        (3000, {"other": 1}),
    ]  # fmt: skip
    revs = [rev for rev, _, _ in stored()]
    assert revs == sorted(set(revs))
    assert revs[-1] == twin_of(KEY).rev
    twin = twin_of(KEY)
    assert (twin.metrics["power"].value, twin.metrics["power"].ts, twin.calculated) == (462, NOW_MS + 2000, ["power"])


def test_browsers_see_it_as_any_reading(worker: Worker) -> None:
    define("power", "u * 2")
    send(worker, {"u": 1})
    send(worker, {"u": 3})
    (item,) = worker.seen
    assert [reading["metrics"] for reading in item["readings"]] == [{"u": 3}, {"power": 6}]


def test_batches_and_late_readings_count_as_of_their_own_time(worker: Worker) -> None:
    define("power", "u * i")
    send(worker, {"ts": NOW_MS - 50, "u": 1, "i": 1})
    send(worker, {"ts": NOW_MS - 40, "u": 2}, {"ts": NOW_MS - 30, "i": 5}, {"ts": NOW_MS - 20, "u": 3})
    send(worker, {"ts": NOW_MS - 45, "u": 9})
    powers = [(ts, metrics["power"]) for _, ts, metrics in stored() if "power" in metrics]
    assert powers == [(-50, 1), (-40, 2), (-30, 10), (-20, 15), (-45, None)]
    assert twin_of(KEY).metrics["power"].value == 15


def test_a_device_may_not_send_what_is_calculated(worker: Worker) -> None:
    define("power", "u * 2")
    send(worker, {"u": 1, "power": 99})
    send(worker, {"power": 98})
    assert [metrics for _, _, metrics in stored()] == [{"u": 1}, {"power": 2}]
    notes = [(note.reason, note.metric, note.count, note.sample) for note in twin_of(KEY).notes]
    assert notes == [("calculated", "power", 2, "98")]


def test_what_a_device_sends_itself_is_not_calculated(worker: Worker) -> None:
    send(worker, {"power": 7, "u": 1})
    define("power", "u * 2")
    send(worker, {"power": 8, "u": 1})
    assert [metrics for _, _, metrics in stored()] == [{"power": 7, "u": 1}, {"power": 8, "u": 1}]
    assert [(note.reason, note.sample) for note in twin_of(KEY).notes] == [
        ("calculated", "the device sends it itself")
    ]  # fmt: skip


def test_what_is_not_calculated_any_more_is_the_devices_again(worker: Worker) -> None:
    row = define("power", "u * 2")
    send(worker, {"u": 1})
    row.delete()
    send(worker, {"u": 2})
    assert [metrics for _, _, metrics in stored()] == [{"u": 1}, {"power": 2}, {"u": 2}]
    send(worker, {"power": 5})
    assert twin_of(KEY).calculated == []
    define("power", "u * 3")
    send(worker, {"u": 3})
    assert twin_of(KEY).metrics["power"].value == 5


def test_the_scope_says_at_which_devices_also_once_that_changes(worker: Worker) -> None:
    register_device(KEY)
    define("double", "u * 2", scope={"tags": ["meter"]})
    send(worker, {"u": 1})
    worker.ask(KEY, "tags", tags=["meter"])
    send(worker, {"u": 2})
    worker.ask(KEY, "tags", tags=[])
    send(worker, {"u": 3})
    assert [metrics for _, _, metrics in stored()] == [{"u": 1}, {"u": 2}, {"double": 4}, {"u": 3}]


def test_windows_go_on_after_a_restart_and_over_a_failure(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    define("mean", 'mean(u, "1h")')
    send(worker, {"u": 1})
    with monkeypatch.context() as patch:
        patch.setattr("devices.worker.round.transaction.pass_fence", _fail)
        with pytest.raises(DatabaseError):
            send(worker, {"u": 1000})
    worker.uplink = Uplink(2)
    send(worker, {"u": 3})
    another = Worker("another", epoch=3, now_ms=worker.now_ms)
    another.round()
    send(another, {"u": 5})
    means = [metrics["mean"] for _, _, metrics in stored() if "mean" in metrics]
    assert means == [1, 2, 3]


def _fail(*_: Any) -> None:
    raise DatabaseError("gone")


def test_a_window_longer_than_what_is_read_from_history_is_unknown(worker: Worker) -> None:
    send(worker, *({"ts": NOW_MS - ago, "t": 1} for ago in range(2 * MAX_SAMPLES * 1000, 0, -1000)))
    define("long", 'mean(t, "1h")')
    define("short", 'mean(t, "10m")')
    send(worker, {"t": 1})
    assert stored()[-1][2] == {"short": 1}


def test_a_window_of_what_is_calculated(worker: Worker) -> None:
    define("power", "u * 2")
    define("energy", 'integral(power, "1h") * 3600')
    for value in (1, 5, 0):
        send(worker, {"u": value})
    another = Worker("another", epoch=2, now_ms=worker.now_ms)
    another.round()
    send(another, {"u": 7})
    found = [metrics for _, _, metrics in stored() if "power" in metrics]
    assert found == [
        {"power": 2, "energy": 0}, {"power": 10, "energy": 2}, {"power": 0, "energy": 12}, {"power": 14, "energy": 12}
    ]  # fmt: skip


def test_there_is_no_more_of_it_than_metrics_are_allowed(db: None, options: Any) -> None:
    options(max_metrics_per_device=1)
    worker = Worker()
    define("double", "u * 2")
    send(worker, {"u": 1})
    assert [metrics for _, _, metrics in stored()] == [{"u": 1}]
    assert [note.reason for note in twin_of(KEY).notes] == ["too_many_metrics"]


def test_alerts_are_judged_by_it(worker: Worker) -> None:
    from devices.models import Alert, AlertRule

    define("power", "u * 2")
    rule = {"name": "much", "condition": {"metric": "power", "above": 10}}
    AlertRule.objects.create(name="much", site="", rule=rule, changed_ms=1, judged_as=1)
    send(worker, {"u": 1})
    send(worker, {"u": 6})
    assert Alert.objects.get().value == 12
    assert not Event.objects.exists()
