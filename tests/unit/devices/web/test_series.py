"""Series over HTTP."""

import gzip
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from devices.history import series as reading
from devices.models import Device, Reading, Twin
from devices.web.device.series import SeriesAnswer
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/series"
T0 = 1_790_000_000_000 - 1_790_000_000_000 % 60_000
MIN = 60_000


def fill(device: Device, rows: list[tuple[int, dict[str, Any]]]) -> None:
    Reading.objects.bulk_create(
        Reading(device=device, rev=rev, ts=T0 + offset, received_ms=T0 + offset + 5, metrics=metrics)
        for rev, (offset, metrics) in enumerate(rows, 1)
    )


@pytest.fixture
def get(as_role: Callable[..., Client], db: None) -> Callable[..., Any]:
    client = as_role(demo="viewer")

    def ask(**query: Any) -> Any:
        answer = client.get(URL, {"since": T0, "until": T0 + 10 * MIN} | query)
        assert answer.status_code == 200, answer.content
        SeriesAnswer.model_validate(answer.json())
        return answer.json()

    return ask


def test_few_values_come_as_they_are_with_gaps(get: Callable[..., Any]) -> None:
    fill(
        set_twin("demo/lamp"), [(2000, {"t": 20.5, "h": 1}), (1000, {"t": None}), (-1, {"t": 9}), (10 * MIN, {"t": 8})]
    )
    answer = get(device="demo/lamp", metric="t")
    assert answer == {
        "since": T0,
        "until": T0 + 10 * MIN,
        "series": [
            {"device": "demo/lamp", "metric": "t", "bucket_ms": 0, "complete_since": T0, "rolled_until": 0,
             "ts": [T0 + 1000, T0 + 2000], "last": [None, 20.5]}
        ],
    }  # fmt: skip


def test_more_values_come_in_buckets_and_those_without_a_value_are_not_listed(get: Callable[..., Any]) -> None:
    fill(set_twin("demo/lamp"), [(second * 1000, {"t": second}) for second in range(600) if not 120 <= second < 180])
    (series,) = get(device="demo/lamp", metric="t", points=10)["series"]
    assert series["bucket_ms"] == MIN
    assert series["ts"] == [T0 + minute * MIN for minute in range(10) if minute != 2]
    assert series["count"] == [60] * 9
    assert (series["min"][1], series["max"][1], series["mean"][1], series["last"][1]) == (60, 119, 89.5, 119)
    assert "shares" not in series


def test_texts_and_booleans_have_shares_and_what_held_before_counts(get: Callable[..., Any]) -> None:
    rows: list[tuple[int, dict[str, Any]]] = [(-MIN, {"mode": "heat", "on": True}), (15_000, {"mode": "cool"})]
    rows += [(30_000 + n, {"mode": "idle"}) for n in range(10)]
    fill(set_twin("demo/lamp"), rows)
    (series,) = get(device="demo/lamp", metric=["mode", "on"], points=10)["series"]
    assert series["ts"] == [T0]
    assert series["shares"] == [{"heat": 0.25, "cool": 0.25, "idle": 0.5}]
    assert series["last"] == ["idle"]
    assert {"min", "max", "mean"}.isdisjoint(series)


def test_a_series_of_numbers_and_texts_is_read_as_states(get: Callable[..., Any]) -> None:
    fill(set_twin("demo/lamp"), [(n * 1000, {"t": 1 if n < 30 else "high"}) for n in range(60)])
    (series,) = get(device="demo/lamp", metric="t", points=10)["series"]
    assert series["shares"] == [{"1": 0.5, "high": 0.5}]


@pytest.mark.parametrize("first", [None, 7])
def test_what_held_before_counts_whatever_comes_first(get: Callable[..., Any], first: Any) -> None:
    rows: list[tuple[int, dict[str, Any]]] = [(-MIN, {"mode": "heat"}), (15_000, {"mode": first})]
    fill(set_twin("demo/lamp"), rows + [(30_000 + n, {"mode": "idle"}) for n in range(10)])
    (series,) = get(device="demo/lamp", metric="mode", points=10)["series"]
    assert series["ts"] == [T0]
    assert series["shares"] == [{"heat": 0.25, "idle": 0.5} | ({"7": 0.25} if first else {})]


def test_all_metrics_of_several_devices_in_the_order_asked_for(get: Callable[..., Any]) -> None:
    fill(set_twin("demo/a"), [(0, {"x": 1}), (1, {"y": 2})])
    fill(set_twin("demo/b"), [(0, {"x": 3})])
    set_twin("demo/silent")
    series = get(device=["demo/b", "demo/a", "demo/silent"])["series"]
    assert [(one["device"], one["metric"]) for one in series] == [("demo/b", "x"), ("demo/a", "x"), ("demo/a", "y")]
    series = get(device=["demo/a", "demo/b"], metric=["y", "x"])["series"]
    assert [(one["device"], one["metric"]) for one in series] == [("demo/a", "y"), ("demo/a", "x"), ("demo/b", "x")]


def test_long_answers_are_compressed_for_who_takes_it(as_role: Callable[..., Client], db: None) -> None:
    fill(set_twin("demo/lamp"), [(second * 1000, {"t": second}) for second in range(400)])
    client, url = as_role(demo="viewer"), f"{URL}?device=demo/lamp&since={T0}&until={T0 + 10 * MIN}"
    plain, refused = client.get(url), client.get(url, headers={"Accept-Encoding": "br, gzip;q=0"})
    answer = client.get(url, headers={"Accept-Encoding": "deflate, gzip;q=0.5"})
    assert answer["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert "Content-Encoding" not in refused
    assert gzip.decompress(answer.content) == plain.content == refused.content
    assert len(answer.content) < len(plain.content) / 3
    assert "Accept-Encoding" in plain["Vary"]
    short = client.get(url.replace(str(T0 + 10 * MIN), str(T0 + 1)), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in short


def test_only_the_columns_that_are_wanted(get: Callable[..., Any]) -> None:
    fill(set_twin("demo/lamp"), [(second * 1000, {"t": second}) for second in range(60)])
    (series,) = get(device="demo/lamp", points=5, fields="min,max")["series"]
    assert series.keys() == {"device", "metric", "bucket_ms", "complete_since", "rolled_until", "ts", "min", "max"}


def test_raw_values_come_in_any_case(get: Callable[..., Any]) -> None:
    fill(set_twin("demo/lamp"), [(0, {"t": 1}), (1_000, {"t": None})])
    (series,) = get(device="demo/lamp", fields="min,max")["series"]
    assert (series["bucket_ms"], series["last"]) == (0, [1, None])


def test_means_have_so_many_digits_of_what_lies_between_least_and_greatest(get: Callable[..., Any]) -> None:
    rows = [(n * 1000, {"t": 1_000 + n / 7, "flat": 0.1, "far": (-1) ** n * 1e308}) for n in range(60)]
    fill(set_twin("demo/lamp"), rows)
    found = {one["metric"]: one for one in get(device="demo/lamp", points=5, digits=3)["series"]}
    assert found["t"]["mean"] == [1004.21], "of a range of 8.4 the hundredths"
    assert found["t"]["max"] == [1_000 + 59 / 7], "as it came"
    assert found["flat"]["mean"] == [0.1]
    assert found["far"]["mean"] == [0.0]


def test_what_was_purged_is_told_from_silence(get: Callable[..., Any]) -> None:
    device = set_twin("demo/lamp")
    fill(device, [(n * MIN, {"t": n}) for n in range(5)])
    Reading.objects.filter(rev__lte=2).delete()
    Twin.objects.filter(pk=device.pk).update(purged_rev=2)
    (series,) = get(device="demo/lamp")["series"]
    assert series["complete_since"] == T0 + 2 * MIN + 5
    assert series["ts"] == [T0 + 2 * MIN, T0 + 3 * MIN, T0 + 4 * MIN]


def test_too_many_readings_are_refused(
    as_role: Callable[..., Client], db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_READINGS", 100)
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 10)
    fill(set_twin("demo/lamp"), [(n, {"t": n}) for n in range(111)])
    answer = as_role(demo="viewer").get(f"{URL}?device=demo/lamp&since={T0}&until={T0 + MIN}")
    assert answer.status_code == 413
    assert "shorter time" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 400, "device: name at least one"),
        ({"device": "demo/nobody"}, 404, "there is no device demo/nobody"),
        ({"device": "other/lamp"}, 404, "there is no device other/lamp"),
        ({"device": "demo/lamp", "since": T0, "until": T0}, 400, "since: it must be before until"),
        ({"device": "demo/lamp", "points": 1}, 400, "points"),
        ({"device": "demo/lamp", "points": 5001}, 400, "points"),
        ({"device": "demo/lamp", "fields": "median"}, 400, "fields: there is no 'median'"),
        ({"device": "demo/lamp", "since": "yesterday"}, 400, "since: write"),
        ({"device": "demo/lamp", "metric": [str(n) for n in range(201)]}, 400, "metric: at most 200"),
        ({"device": [f"demo/{n}" for n in range(101)]}, 400, "device: at most 100"),
    ],
)
def test_what_makes_no_sense_is_refused(
    as_role: Callable[..., Client], db: None, query: Any, status: int, said: str
) -> None:
    set_twin("demo/lamp")
    set_twin("other/lamp")
    answer = as_role(demo="viewer").get(URL, query)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_the_same_comes_as_an_arrow_stream_for_whom_takes_that(as_role: Callable[..., Client], db: None) -> None:
    fill(set_twin("demo/lamp"), [(n * 1000, {"t": n, "on": n < 30, "rare": "x"} if n else {"t": 0}) for n in range(60)])
    client = as_role(demo="viewer")
    asked: dict[str, str | int] = {"since": T0, "until": T0 + MIN, "points": 10, "device": "demo/lamp"}
    answer = client.get(URL, asked, headers={"Accept": "application/json, application/vnd.apache.arrow.stream;q=0.9"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/vnd.apache.arrow.stream")
    assert "Accept" in answer["Vary"]
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema.metadata == {b"since": str(T0).encode(), b"until": str(T0 + MIN).encode()}
    rows = table.to_pylist()
    expected = client.get(URL, asked).json()["series"]
    assert [(row["device"], row["metric"]) for row in rows] == [
        (one["device"], one["metric"]) for one in expected for _ in one["ts"]
    ]
    numbers = next(row for row in rows if row["metric"] == "t")
    whole = next(one for one in expected if one["metric"] == "t")
    told = [numbers[name] for name in ("count", "min", "max", "mean", "last", "shares", "last_text")]
    assert told == [*(whole[name][0] for name in ("count", "min", "max", "mean", "last")), None, None]
    states = next(row for row in rows if row["metric"] == "on")
    shares = next(one for one in expected if one["metric"] == "on")["shares"][0]
    assert (dict(states["shares"]), states["last"], states["min"]) == (shares, None, None)
    refused = client.get(URL, asked, headers={"Accept": "application/vnd.apache.arrow.stream;q=0"})
    assert refused["Content-Type"] == "application/json"
