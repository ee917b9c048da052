"""What it costs that handlers follow each reading, how far behind they are, how many readings a second they take."""

import statistics
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import psycopg

from bench.drive.driving import DEVICES, Rig
from bench.drive.tools import BenchError
from bench.installations.following import FIVE_FOLLOWERS, HANDLERS, ONE_FOLLOWER
from bench.installations.installation import CAUSEWAY, USER, Causeway, Effort, Installation
from bench.measure.limits import Limit
from bench.measure.results import Measured, total_cpu_s
from bench.measure.usage import clock_s, cpu_s
from bench.programs.load import Generator
from bench.protocol.packets import Plan
from bench.scenarios import NOTHING_LOST, NOTHING_REPEATED, Scenario
from tests.support.waiting import eventually

RATES: Final = (200, 2_000)
NAME: Final = "followers.write0"
BATCH: Final = 50  # readings of one payload
_SECONDS, _FULL_SECONDS = 6.0, 15.0
_LEAD_IN_S: Final = 1.0
_BURST, _FULL_BURST = 200_000, 1_000_000
_STORED, _FULL_STORED = 500_000, 10_000_000
_PATIENCE_S, _POLL_S = 1_800.0, 0.2
_TWICE: Final = "SELECT count(*) - count(DISTINCT (device, rev)) FROM followers_copy WHERE handler = 0"
_BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE application_name ~ '^causeway (handler|leases of)'"
_LATE: Final = "SELECT late_ms FROM followers_copy WHERE handler = 0 AND id > %s"
_LAST: Final = "SELECT coalesce(max(id), 0) FROM followers_copy"
_SEEDED: Final = (
    "INSERT INTO devices_reading (device_id, rev, ts, received_ms, metrics, clamped)"
    " SELECT device.id, 1 + n / {devices}, {now} + n / {devices}, {now} + n / {devices},"
    ' \'{{"n":21.5,"t":3.25}}\', false'
    " FROM generate_series(0, {readings} - 1) AS n JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS nth"
    " FROM devices_device WHERE key LIKE '{site}/%') AS device ON device.nth = n % {devices} ORDER BY n"
)


_REGISTER: Final = (
    "from devices.requests.registry import register_device\n"
    "for number in range({devices}): register_device(f'{site}/{{number}}')"
)


def cost(rate: float, installation: Installation, effort: Effort) -> Measured:
    """At so many messages a second: CPU of all but the handlers and what the database does for them; and of all."""
    assert isinstance(installation, Causeway)
    with Rig(installation) as rig:
        rig.warm_up()
        rig.stretch(rate, _LEAD_IN_S)
        with _database(installation) as database:
            last, backends = database.execute(_LAST).fetchone()[0] if _follows(installation) else 0, _pids(database)
            begun_s = sum(clock_s(pid) for pid in backends)
            trial = rig.trial(rate, _FULL_SECONDS if effort.full else _SECONDS)
            theirs_s = sum(clock_s(pid) for pid in backends) - begun_s
            behind = sorted(late for (late,) in database.execute(_LATE, [last])) if _follows(installation) else []
    ingest_s = total_cpu_s({role: used for role, used in trial.usage.items() if role != HANDLERS}) - theirs_s
    figures = {**trial.figures(), "ingest_us_per_message": ingest_s / trial.sent * 1e6}
    if behind:
        figures |= {"behind_p50_ms": statistics.median(behind), "behind_p99_ms": behind[len(behind) * 99 // 100]}
    return Measured(figures, trial.usage)


def log(installation: Installation, effort: Effort) -> Measured:
    """Readings come while the handler stands still; then, how long it takes for them."""
    assert isinstance(installation, Causeway)
    _tell(installation, "pause")
    readings = _FULL_BURST if effort.full else _BURST
    plan = Plan(
        port=installation.mqtt_port, site=f"log-{time.monotonic_ns()}", readings=BATCH, start_ms=time.time_ns() // 10**6
    )
    before = _report(installation)["handled"]
    with _database(installation) as database:
        stored = _count(database)
        with Generator(plan) as generator:
            generator.run(messages=readings // BATCH)
        eventually(lambda: _count(database) >= stored + readings, _PATIENCE_S, what="they are stored")
        return _taken(installation, database, "resume", before + readings, before)


def history(installation: Installation, effort: Effort) -> Measured:
    """The handler begins anew, with all readings that history has; the database itself makes them up."""
    assert isinstance(installation, Causeway)
    readings, site = _FULL_STORED if effort.full else _STORED, f"seeded-{time.monotonic_ns()}"
    register = _REGISTER.format(devices=DEVICES, site=site)
    installation.system.manage("shell", "-c", register)
    _tell(installation, "pause")
    with _database(installation) as database:
        now_ms = time.time_ns() // 10**6
        database.execute(
            _SEEDED.format(devices=DEVICES, now=now_ms - readings // DEVICES, readings=readings, site=site)
        )
        database.execute("TRUNCATE followers_copy")
        database.execute("VACUUM ANALYZE devices_reading")
        _tell(installation, "rebuild")
        return _taken(installation, database, "resume", _count(database), 0)


def _taken(installation: Causeway, database: Any, verb: str, until: int, since: int) -> Measured:
    """Have the handler go on, and wait until it has handled so many readings in all."""
    backends = _pids(database)
    began_s, cpu_before_s = time.monotonic(), _used_s(installation, backends)
    _tell(installation, verb)
    while (handled := _report(installation)["handled"]) < until:
        if time.monotonic() > began_s + _PATIENCE_S:
            raise BenchError(f"{handled} of {until} readings were handled")
        time.sleep(_POLL_S)
    took_s = time.monotonic() - began_s
    used_s = _used_s(installation, backends) - cpu_before_s
    twice = database.execute(_TWICE).fetchone()[0]
    readings = until - since
    return Measured(
        {"readings_per_s": readings / took_s, "readings_per_cpu_s": readings / used_s, "repeated": twice}, {}
    )


def _used_s(installation: Causeway, backends: Iterable[int]) -> float:
    """CPU of the handlers' processes, and of what the database does for them."""
    return cpu_s({HANDLERS: installation.pids()[HANDLERS]})[HANDLERS] + sum(clock_s(pid) for pid in backends)


def _tell(installation: Causeway, verb: str) -> None:
    installation.system.api(USER, "admin", None)("POST", f"/handlers/{NAME}/{verb}").raise_for_status()


def _report(installation: Causeway) -> dict[str, Any]:
    listed = installation.system.api(USER, "admin", None)("GET", "/handlers").raise_for_status().json()["items"]
    return next(one for one in listed if one["name"] == NAME)


def _database(installation: Causeway) -> Any:
    return psycopg.connect(installation.system.settings["DATABASE_URL"], autocommit=True)


def _count(database: Any) -> int:
    return int(database.execute("SELECT count(*) FROM devices_reading").fetchone()[0])


def _pids(database: Any) -> list[int]:
    return [pid for (pid,) in database.execute(_BACKENDS)]


def _follows(installation: Installation) -> bool:
    return HANDLERS in installation.processes


# --------------------------------------------------------------------------------------------------- the list

_FOLLOWED: Final = (CAUSEWAY, ONE_FOLLOWER, FIVE_FOLLOWERS)
SCENARIOS: Final = (
    *(
        Scenario(
            name=f"followers/{rate}",
            title="With handlers that follow each reading",
            what=f"{rate:,} QoS 1 messages/s: CPU a message of all but the handlers and what the database does for "
            "them, and of all; how far the first handler is behind the commit",
            measure=partial(cost, rate),
            on=_FOLLOWED,
            figures=("ingest_us_per_message", "cpu_us_per_message", "behind_p50_ms"),
            limits=(
                Limit("ingest_us_per_message", "≤", times=1.05, whose=ONE_FOLLOWER.name),
                Limit("ingest_us_per_message", "≤", times=1.10, whose=FIVE_FOLLOWERS.name),
                NOTHING_LOST,
                NOTHING_REPEATED,
            ),
            rounds=(3, 5),
        )
        for rate in RATES
    ),
    Scenario(
        name="followers/log",
        title="A handler that catches up",
        what=f"Readings/s, of {_BURST:,} that came while the handler stood still ({BATCH} a payload)",
        measure=log,
        on=(ONE_FOLLOWER,),
        figures=("readings_per_s", "readings_per_cpu_s"),
        limits=(Limit("readings_per_s", "≥", 10_000, of=ONE_FOLLOWER.name, whose=ONE_FOLLOWER.name),),
    ),
    Scenario(
        name="followers/history",
        title="A handler that begins anew",
        what=f"Readings/s from the beginning, of {_STORED:,} in history and more",
        measure=history,
        on=(ONE_FOLLOWER,),
        figures=("readings_per_s", "readings_per_cpu_s"),
        limits=(Limit("readings_per_s", "≥", 20_000, of=ONE_FOLLOWER.name, whose=ONE_FOLLOWER.name),),
        rounds=(1, 1),
    ),
)
