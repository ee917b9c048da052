"""``manage.py import`` as a real process beside real workers: whichever is killed, each record comes once, in order."""

import csv
import random
from functools import partial
from pathlib import Path

from tests.support.servers.processes import manage, run_command
from tests.support.waiting import eventually
from tests.support.worlds.ingest_rig import KEYS, Rig

T0 = 1_790_000_000_000
RECORDS = 24_000


def write(path: Path) -> None:
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["device", "rev", "ts", "received_at", "metric", "type", "value"])
        rows.writerows(
            [key, n, T0 + n, "", "n", "number", n] for key in KEYS for n in range(RECORDS // len(KEYS))
        )  # fmt: skip


def stored_at_least(rig: Rig, count: int) -> bool:
    found: int = rig.query("SELECT count(*) FROM devices_reading")[0][0]
    return found >= count


def test_killed_importers_and_workers_lose_and_double_nothing(rig: Rig, tmp_path: Path) -> None:
    file, chosen = tmp_path / "all.csv", random.Random(15)
    write(file)
    worker = rig.started()
    for left in (RECORDS // 4, RECORDS // 2, 3 * RECORDS // 4):
        importer = rig.process(str(file), "--create-devices", command="import")
        eventually(partial(stored_at_least, rig, left), timeout_s=60)
        importer.kill()
        if chosen.random() < 0.7:
            worker.kill()
            worker = rig.started()
    done = run_command(manage("import", str(file), "--create-devices"), rig.settings, timeout_s=120)
    assert "records imported" in done.stderr
    assert rig.numbers() == {key: list(range(RECORDS // len(KEYS))) for key in KEYS}
    revs = rig.query("SELECT device_id, min(rev), max(rev), count(*) FROM devices_reading GROUP BY device_id")
    assert all(last - first + 1 == count for _, first, last, count in revs)
    again = run_command(manage("import", str(file)), rig.settings)
    assert f"0 records imported, {RECORDS} imported earlier" in again.stderr
    assert rig.query("SELECT count(*) FROM devices_importpiece") == [(0,)]
