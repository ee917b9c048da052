"""Exports: what is stored, as files, whole whatever interrupts them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.history.exports import files, selection
from devices.history.exports.files import ExportError, begin, spool_of, state_of, write
from devices.history.exports.selection import Piece, Selection
from devices.models import Event, Reading
from tests.support.worlds.fake_worker import set_twin

T0 = 1_790_000_000_000
METRICS: list[dict[str, Any]] = [
    {"t": 20.5, "n": -3},
    {"t": None, "mode": 'heat, "dry"\n2'},
    {"on": True, "big": "123456789012345678901234567890"},
    {"t": 0.1, "off": False},
]


@pytest.fixture
def fleet(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ROWS_A_PIECE", 3)
    monkeypatch.setattr(selection, "_DEVICES_AT_ONCE", 2)
    for number, key in enumerate(["demo/a", "demo/b", "demo/silent", "home/c", "home/d"]):
        device = set_twin(key)
        if key != "demo/silent":
            Reading.objects.bulk_create(
                Reading(device=device, rev=2 + 2 * n, ts=T0 + 1000 * n, received_ms=T0 + 1000 * n + number,
                        metrics=METRICS[n % len(METRICS)])
                for n in range(10)
            )  # fmt: skip
            Event.objects.create(device=device, rev=3, name="door", data={"open": True}, ts=T0)


def exported(file: Path, *arguments: str) -> str:
    call_command("export", str(file), *arguments)
    assert not spool_of(file).exists()
    assert not state_of(file).exists()
    return file.read_text() if file.suffix != ".parquet" else ""


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_all_readings_as_ndjson_by_device_and_rev(fleet: None, tmp_path: Path) -> None:
    rows = lines(exported(tmp_path / "all.ndjson"))
    assert [(row["device"], row["rev"]) for row in rows] == [
        (key, 2 + 2 * n) for key in ("demo/a", "demo/b", "home/c", "home/d") for n in range(10)
    ]
    assert rows[1] == {
        "device": "demo/a", "rev": 4, "ts": T0 + 1000, "received_at": "2026-09-21T14:13:21.000Z", "metrics": METRICS[1]
    }  # fmt: skip


def test_filters_select(fleet: None, tmp_path: Path) -> None:
    rows = lines(exported(tmp_path / "some.ndjson", "--site", "home", "--since", str(T0 + 3000), "--metric", "t"))
    assert {row["device"] for row in rows} == {"home/c", "home/d"}
    assert [row["metrics"] for row in rows[:3]] == [{"t": 0.1}, {"t": 20.5}, {"t": None}]
    rows = lines(exported(tmp_path / "one.ndjson", "--device", "demo/b", "--until", "2026-09-21T14:13:22Z"))
    assert [(row["device"], row["rev"]) for row in rows] == [("demo/b", 2), ("demo/b", 4)]


def test_csv_has_a_row_for_each_metric(fleet: None, tmp_path: Path) -> None:
    text = exported(tmp_path / "a.csv", "--device", "demo/a")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["device", "rev", "ts", "received_at", "metric", "type", "value"]
    assert [row[4:] for row in rows[1:7]] == [
        ["t", "number", "20.5"], ["n", "number", "-3"], ["t", "null", ""], ["mode", "text", 'heat, "dry"\n2'],
        ["on", "boolean", "true"], ["big", "text", "123456789012345678901234567890"],
    ]  # fmt: skip


def test_parquet_has_typed_columns(fleet: None, tmp_path: Path) -> None:
    exported(tmp_path / "a.parquet", "--device", "demo/a")
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert len(rows) == sum(len(METRICS[n % 4]) for n in range(10))
    assert [(row["metric"], row["number"], row["text"], row["boolean"]) for row in rows[:5]] == [
        ("t", 20.5, None, None), ("n", -3, None, None), ("t", None, None, None),
        ("mode", None, 'heat, "dry"\n2', None), ("on", None, None, True),
    ]  # fmt: skip
    assert rows[0]["ts"].isoformat() == "2026-09-21T14:13:20+00:00"


def test_an_empty_selection_is_a_file_without_rows(fleet: None, tmp_path: Path) -> None:
    assert exported(tmp_path / "none.ndjson", "--device", "demo/silent") == ""
    assert exported(tmp_path / "none.csv", "--device", "demo/silent").count("\n") == 1
    exported(tmp_path / "none.parquet", "--device", "demo/silent")
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


@pytest.mark.parametrize("ending", ["csv", "ndjson", "parquet"])
def test_events(fleet: None, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"events.{ending}"
    text = exported(file, "--kind", "events")
    if ending == "ndjson":
        assert lines(text)[0] == {"device": "demo/a", "rev": 3, "ts": T0, "name": "door", "data": {"open": True}}
    elif ending == "csv":
        assert text.splitlines()[1] == f'demo/a,3,{T0},door,"{{""open"":true}}"'
    else:
        assert [row["data"] for row in pq.read_table(file).to_pylist()] == ['{"open":true}'] * 4


def test_to_standard_output(fleet: None, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("export", "--format", "ndjson", "--device", "demo/a")
    assert len(lines(capfdbinary.readouterr().out.decode())) == 10


class Killed(BaseException):
    """In the middle."""


@pytest.mark.parametrize("ending", ["csv", "ndjson", "parquet"])
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whoever_is_killed_goes_on_as_if_nothing_had_happened(
    fleet: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: Any, data: st.DataObject
) -> None:
    monkeypatch.setattr(files, "_SAVED_EVERY_BYTES", data.draw(st.sampled_from([1, 300, 10_000])))
    whole, file = tmp_path / f"whole.{ending}", tmp_path / f"file.{ending}"
    asked = Selection("readings")

    def run(target: Path, *, resume: bool, pieces: int | None) -> None:
        left: Iterator[int] | None = None if pieces is None else iter(range(pieces))

        def told(_piece: Piece, _progress: Any) -> None:
            if left is not None and next(left, None) is None:
                raise Killed

        write(target, begin(target, asked, ending, resume=resume, overwrite=not resume), told)

    run(whole, resume=False, pieces=None)
    resume = False
    for pieces in data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=3)):
        with suppress(Killed):  # unless it is done before
            run(file, resume=resume, pieces=pieces)
        if not state_of(file).exists():
            break
        if data.draw(st.booleans()):  # what is on the disk beyond what counts
            spool_of(file).write_bytes(spool_of(file).read_bytes() + b"half a row")
        resume = True
    if state_of(file).exists():
        run(file, resume=True, pieces=None)
    if ending == "parquet":
        assert pq.read_table(file).to_pylist() == pq.read_table(whole).to_pylist()
    else:
        assert file.read_bytes() == whole.read_bytes()
    file.unlink()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "demo/nobody"], "--device: there is no demo/nobody"),
        (["--site", "nowhere"], "--site: there is no nowhere"),
        (["--kind", "events", "--metric", "t"], "--metric: events have none"),
        (["--resume"], "there is no interrupted export to go on with"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(fleet: None, tmp_path: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("export", str(tmp_path / "x.csv"), *arguments)


def test_nothing_is_overwritten_unasked_and_nothing_mixed(fleet: None, tmp_path: Path) -> None:
    file = tmp_path / "x.ndjson"
    exported(file)
    with pytest.raises(CommandError, match="exists already"):
        call_command("export", str(file))
    exported(file, "--overwrite", "--device", "demo/a")
    file.unlink()
    with pytest.raises(Killed):
        write(file, begin(file, Selection("readings"), "ndjson", resume=False, overwrite=False), _kill)
    with pytest.raises(CommandError, match="an interrupted export"):
        call_command("export", str(file))
    with pytest.raises(CommandError, match="was of something else"):
        call_command("export", str(file), "--resume", "--device", "demo/a")
    spool_of(file).unlink()
    with pytest.raises(ExportError, match="is gone"):
        begin(file, Selection("readings"), "ndjson", resume=True, overwrite=False)


def _kill(_piece: Piece, _progress: Any) -> None:
    raise Killed


def test_parquet_needs_a_file(db: None) -> None:
    with pytest.raises(CommandError, match="needs a file"):
        call_command("export", "--format", "parquet")
