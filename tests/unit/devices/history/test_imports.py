"""Imports: what was exported comes back as it was, each record once; foreign files; what is bad of them."""

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db.models import TextField
from django.db.models.functions import Cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.history.imports import handing_over
from devices.models import Device, Event, Import, ImportPiece, LedgerCount, Quarantined, Reading
from devices.requests.registry import register_device
from devices.rules.twin import TwinState
from tests.support.worlds.deliveries import NOW_MS
from tests.support.worlds.fake_worker import set_twin
from tests.support.worlds.ingest_worker import Worker

T0 = 1_790_000_000_000
FORMATS = ("csv", "ndjson", "parquet")


@pytest.fixture
def worker(db: None, monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    """Works whenever an import waits. The first of the list does; a test may put another one in its place."""
    workers: list[Worker] = [Worker()]

    def work(_pause_s: float) -> None:
        workers[0].now_ms += 5_000
        workers[0].round()

    monkeypatch.setattr("devices.history.imports.handing_over.time.sleep", work)
    monkeypatch.setattr("devices.worker.effects.rate_gate.RateGate.__call__", lambda _: True)
    return workers


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    call_command("import", *map(str, arguments))
    return capsys.readouterr().err.strip()


def stored() -> list[tuple[str, int, str]]:
    """Of each reading, by device and rev: the device, its time, and its metrics' JSON, byte for byte."""
    rows = Reading.objects.annotate(text=Cast("metrics", TextField())).order_by("device__key", "rev")
    return list(rows.values_list("device__key", "ts", "text"))


def events() -> list[tuple[Any, ...]]:
    rows = Event.objects.annotate(text=Cast("data", TextField())).order_by("device__key", "rev")
    return list(rows.values_list("device__key", "ts", "name", "text"))


def fill(rows: list[tuple[str, int, dict[str, Any]]]) -> None:
    devices: dict[str, Device] = {}
    for rev, (key, ts, metrics) in enumerate(rows, 2):
        device = devices.get(key) or devices.setdefault(key, set_twin(key))
        Reading.objects.create(device=device, rev=rev, ts=ts, received_ms=T0, metrics=metrics)
        set_twin(key, partial(_at_rev, rev))


def _at_rev(rev: int, twin: TwinState) -> None:
    twin.rev = rev


def forget() -> None:
    for model in (Reading, Event, Import, Device):
        model.objects.all().delete()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308, 0.1, 1e15, 1e16, 21.0, 2**53, -(2**53)]),
    st.integers(-(2**53), 2**53),
    st.integers(2**53 + 1, 2**70).map(str),
    st.booleans(),
    st.none(),
    texts,
    st.sampled_from(["=1+1", "true", "1", "", "null", 'a "b", c\r\nd', "\ufeff", "\u2028", "NaN"]),
)
readings = st.lists(
    st.tuples(
        st.sampled_from(["demo/a", "demo/b", "home/c~child.1"]),
        st.integers(946_684_800_000, NOW_MS),
        st.dictionaries(names, values, min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("ending", FORMATS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=readings)
def test_what_is_exported_comes_back_bit_for_bit(
    worker: list[Worker], tmp_path: Path, ending: str, rows: list[tuple[str, int, dict[str, Any]]]
) -> None:
    forget()
    fill(rows)
    before, file = stored(), tmp_path / f"all.{ending}"
    call_command("export", str(file), "--overwrite")
    forget()
    worker[0] = Worker("another")
    call_command("import", str(file), "--create-devices")
    assert stored() == before
    assert bits() == [bits_of(metrics) for metrics in sorted_as(before)]
    call_command("import", str(file))
    assert stored() == before
    assert not ImportPiece.objects.exists()


def sorted_as(before: list[tuple[str, int, str]]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(text) for _, _, text in before]


def bits() -> list[dict[str, Any]]:
    return [
        bits_of(metrics) for metrics in Reading.objects.order_by("device__key", "rev").values_list("metrics", flat=True)
    ]


def bits_of(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        name: struct.pack(">d", value).hex() if isinstance(value, float) else (type(value).__name__, value)
        for name, value in metrics.items()
    }


@pytest.mark.parametrize("ending", FORMATS)
def test_events_come_back(worker: list[Worker], tmp_path: Path, ending: str) -> None:
    device = set_twin("demo/a")
    data: list[Any] = [{"open": True, "n": -0.0, "x": [1, 1.0, None, "ü\n"]}, None, "text", 3, [], {"open": True}]
    for rev, one in enumerate(data, 2):
        Event.objects.create(device=device, rev=rev, name="door", data=one, ts=T0 + rev // 2)
    before, file = events(), tmp_path / f"events.{ending}"
    call_command("export", str(file), "--kind", "events")
    forget()
    call_command("import", str(file), "--create-devices")
    assert events() == before


def test_the_same_into_where_it_came_from_changes_nothing(
    worker: list[Worker], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill([("demo/a", T0 + n, {"t": n, "h": 0.5}) for n in range(5)])
    before = stored()
    for number, arguments in enumerate([[], ["--metric", "t"]]):
        file = tmp_path / f"{number}.csv"
        call_command("export", str(file), *arguments)
        capsys.readouterr()
        assert run(capsys, file).endswith(f"{file}: 0 records imported, 5 there before.")
    assert stored() == before


# Interrupted --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_point_each_record_comes_once(
    worker: list[Worker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(handing_over, "PIECE_RECORDS", 7)
    monkeypatch.setattr(handing_over, "_MOST_WAITING", 3)
    rows = [(f"demo/{n % 5}", T0 + n, {"n": n, "x": n / 3}) for n in range(200)]
    fill(rows)
    before, file = stored(), tmp_path / "all.csv"
    call_command("export", str(file))
    forget()
    worker[0] = Worker("another")
    left = [5 + 9 * seed]
    add, look = handing_over.HandingOver._insert, handing_over.HandingOver._look

    def perhaps(step: Callable[..., None]) -> Callable[..., None]:
        def stepped(*arguments: Any) -> None:
            left[0] -= 1
            if left[0] <= 0:
                left[0] = 3 + 8 * seed
                raise KeyboardInterrupt
            step(*arguments)

        return stepped

    monkeypatch.setattr(handing_over.HandingOver, "_insert", perhaps(add))
    monkeypatch.setattr(handing_over.HandingOver, "_look", perhaps(look))
    for run_number in range(200):
        try:
            call_command("import", str(file), "--create-devices")
            break
        except CommandError:
            if run_number % 3 == seed % 3:
                worker[0] = Worker(f"worker {run_number}")
            worker[0].round()
    assert stored() == before


# Who and what is refused --------------------------------------------------------------------------------------------

HEAD = "device,rev,ts,received_at,metric,type,value\n"


def test_devices_that_there_are_not_are_refused_by_name_unless_asked(
    worker: list[Worker], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_device("demo/a")
    file = tmp_path / "a.csv"
    lines = [f"demo/{name},{n},{T0 + n},,t,number,{n}" for name in "abc" for n in range(2)]
    file.write_text(HEAD + "\n".join([*lines, f"no key,1,{T0},,t,number,1"]))
    with pytest.raises(CommandError, match=r"there is no demo/[bc]: add --create-devices, or --skip-unknown"):
        run(capsys, file)
    assert "5 passed by, of " in run(capsys, file, "--skip-unknown")
    assert {key for key, _, _ in stored()} == {"demo/a"}
    assert "4 records imported, 2 imported earlier, 1 passed by, of no key" in run(capsys, file, "--create-devices")
    assert [(key, ts - T0) for key, ts, _ in stored()] == [(f"demo/{name}", n) for name in "abc" for n in range(2)]


def test_what_is_refused_by_the_worker_is_named(
    worker: list[Worker], tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    from dataclasses import replace

    settings.DEVICES = replace(settings.DEVICES, max_devices=0)
    worker[0] = Worker("full")
    file = tmp_path / "a.csv"
    file.write_text(f"{HEAD}demo/a,1,{T0},,t,number,1\n")
    with pytest.raises(CommandError, match=r"not imported of demo/a \(too_many_devices\)"):
        run(capsys, file, "--create-devices")


def test_bad_values_go_to_quarantine_and_good_ones_beside_them_are_kept(
    worker: list[Worker], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_device("demo/a")
    file = tmp_path / "a.csv"
    file.write_bytes(
        HEAD.encode()
        + f"demo/a,1,{T0},,t,number,21.5\ndemo/a,1,{T0},,bad,number,1_0\ndemo/a,1,{T0},,nan,number,nan\n".encode()
        + f"demo/a,2,yesterday,,t,number,1\ndemo/a,3,1,,t,number,1\ndemo/a,4,{NOW_MS * 2},,t,number,1\n".encode()
        + f"demo/a,5,{T0},,text,text,".encode() + b"\xff\xfe\n"
        + f'demo/a,6,{T0},,{"x" * 129},number,1\ndemo/a,7,{T0},,on,boolean,yes\n'.encode()
    )  # fmt: skip
    told = run(capsys, file)
    assert "2 records imported, 5 quarantined, 3 values not taken as they stand" in told
    assert [json.loads(text) for _, _, text in stored()] == [{"t": 21.5, "nan": None}, {"text": None}]
    assert sorted((row.reason, row.detail.partition(":")[0]) for row in Quarantined.objects.all()) == [
        ("bad_ts", "record 2"), ("bad_ts", "record 4"), ("not_a_number", "record 1"), ("not_a_scalar", "record 7"),
        ("ts_before_2000", "record 3"),
    ]  # fmt: skip
    counts = {(row.outcome, row.reason): row.count for row in LedgerCount.objects.exclude(count=0)}
    assert counts["received", ""] == 5


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", "a,b\n1,2\n", "of no format that is known"),
        ("a.csv", HEAD + "demo/a,1\n", "line 2: it has 2 fields, and should have 7"),
        ("a.ndjson", "{", "line 1: "),
        ("a.parquet", "nothing", "Parquet"),
        ("gone.csv", None, "No such file"),
    ],
)
def test_files_that_are_none_are_refused_in_one_line(
    worker: list[Worker], tmp_path: Path, name: str, text: str | None, reason: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(CommandError, match=reason) as caught:
        call_command("import", str(tmp_path / name))
    assert "\n" not in str(caught.value)


# Foreign files ------------------------------------------------------------------------------------------------------

INFLUX = """\
#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#default,mean,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,device
,,0,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-01T00:52:00.123456789Z,15.43,t,m,boiler 1
,,0,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-01T00:53:00Z,16,t,m,boiler 1

#group,false,false,false,false,true,true
#datatype,string,long,dateTime:RFC3339,boolean,string,string
#default,,,,,on,
,result,table,_time,_value,_field,device
,,1,2026-01-01T01:00:00+01:00,true,,home/pump
,,1,2026-01-01T01:01:00+01:00,,,home/pump

#group,false,false,false,false,false,true
#datatype,string,long,dateTime:number,long,string,string
#default,,,,,,
,result,table,_time,count,mode,device
,,2,1767225600123000000,18014398509481985,heat,pump
"""


def test_annotated_csv_of_influxdb(worker: list[Worker], tmp_path: Path) -> None:
    file = tmp_path / "influx.csv"
    file.write_text(INFLUX.replace("\n", "\r\n"))
    call_command("import", str(file), "--site", "plant", "--create-devices")
    assert stored() == [
        ("home/pump", 1767225600000, '{"on":true}'),
        ("home/pump", 1767225660000, '{"on":null}'),
        ("plant/boiler_1", 1767228720123, '{"t":15.43}'),
        ("plant/boiler_1", 1767228780000, '{"t":16.0}'),
        ("plant/pump", 1767225600123, '{"count":"18014398509481985","mode":"heat"}'),
    ]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (
            "Timestamp;temperature;on\n2026-05-01 12:00:00;21.5;true\n2026-05-01 12:01:00;;false\n",
            ["--device", "demo/a"],
        ),
        (
            '"Entity name","Timestamp","temperature","on"\na,1777629600000,21.5,true\na,1777629660000,,false\n',
            ["--site", "demo"],
        ),
    ],
)
def test_csv_of_thingsboards_tables(worker: list[Worker], tmp_path: Path, text: str, arguments: list[str]) -> None:
    file = tmp_path / "tb.csv"
    file.write_text(text)
    call_command("import", str(file), *arguments, "--zone", "Europe/Berlin", "--create-devices")
    assert stored() == [
        ("demo/a", 1777629600000, '{"temperature":21.5,"on":true}'),
        ("demo/a", 1777629660000, '{"on":false}'),
    ]


def test_whose_foreign_rows_are_has_to_be_said(worker: list[Worker], tmp_path: Path) -> None:
    file = tmp_path / "tb.csv"
    file.write_text("Timestamp,t\n1777629600000,1\n")
    with pytest.raises(CommandError, match="give --device KEY, or --device-column NAME"):
        call_command("import", str(file))
