"""A round: load, a fault in it, recovery, rest; then the verdict over all that was sent since the last one."""

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import httpx

from tests.faults.arena import HOSTILE, Arena
from tests.faults.faults import FAILOVERS, FAULTS, FORGETFUL
from tests.faults.history import Row
from tests.faults.load import HISTORY, PATTERN
from tests.faults.recorder import note_all
from tests.faults.verdict import Findings, Key, judge
from tests.support.servers.proxies import Confirmed, Delivered

RECOVERY_S = 60
FLOW_S = 15  # until data flow again after a failover
_INCIDENT_S = 40  # a thief is noticed by a marker that does not come back
SETTLE_S = 30
HANDLED_S = 120  # a task that failed is tried again after pauses
_LEDGER_S = 15
_SHOWN = 20
_TAKEN = ("session_taken", "session_lost")
_OUTCOMES = ("applied", "duplicate", "quarantined", "rejected", "dropped", "in_flight")


@dataclass
class Result:
    """What a round has shown."""

    number: int
    seed: str
    fault: str
    timeline: list[str]
    messages: int = 0
    load_s: float = 0.0
    """How long the load ran."""
    recovery_s: float | None = None
    """From the last step of the fault until the browser had something sent after it, of every device."""
    duration_s: float = 0.0
    """Of the whole round, verdict included."""
    findings: Findings = field(default_factory=Findings)

    def line(self) -> str:
        """The round in one line."""
        found = self.findings
        shuffled = f", the broker shuffled {found.shuffled}" if found.shuffled else ""
        theirs = f", the broker forgot {found.forgotten} and repeated {found.redelivered}" if self.is_forgetful else ""
        recovered = "never recovered" if self.recovery_s is None else f"recovered in {self.recovery_s:.1f} s"
        return (
            f"round {self.number:3} {self.fault:14} sent {self.messages:5}, lost {found.lost},"
            f" repeated {found.repeated}, out of order {found.out_of_order}, other {found.other}{theirs}{shuffled};"
            f" {recovered}; took {self.duration_s:.1f} s ({'; '.join(self.timeline)})"
        )

    @property
    def is_forgetful(self) -> bool:
        """Whether the broker itself may have lost something."""
        return self.fault in FORGETFUL

    def story(self) -> str:
        """For who has to find out: what was done, and what was wrong."""
        lines = self.findings.lines
        more = [f"… {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        return "\n".join([f"seed {self.seed}, {self.line()}", *self.findings.notes, *lines[:_SHOWN], *more])


def run_round(arena: Arena, number: int, seed: str, fault: str) -> Result:
    """One round. What is wrong is in the result; only a broken harness raises."""
    began_s = time.monotonic()
    timeline = sorted(FAULTS[fault](Random(f"{seed}/{number}/{fault}"), arena), key=lambda step: step.at_s)
    result = Result(number, seed, fault, [str(step) for step in timeline])
    messages = arena.load.messages
    arena.load.resume()
    for step in timeline:
        arena.until(began_s + step.at_s)
        step.do(arena)
    result.recovery_s = _recover(arena, result.findings)
    if fault in FAILOVERS and (result.recovery_s or 0) > FLOW_S:
        result.findings.note(f"data flowed again after {result.recovery_s:.1f} s only")
    result.load_s = time.monotonic() - began_s
    _rest(arena, result.findings)
    result.messages = arena.load.messages - messages
    _verdict(arena, result)
    result.duration_s = time.monotonic() - began_s
    return result


def _recover(arena: Arena, found: Findings) -> float | None:
    marks, began_s = arena.load.marks(), time.monotonic()
    try:
        arena.wait(lambda: not arena.recorder.behind(marks), RECOVERY_S, "the browser catches up")
    except AssertionError as error:
        behind = arena.recorder.behind(marks)
        found.note(f"no recovery: {error}; still behind: {behind[:10]} of {len(behind)}")
        return None
    return time.monotonic() - began_s


def _rest(arena: Arena, found: Findings) -> None:
    try:
        arena.load.pause()
    except AssertionError as error:
        found.note(str(error))


# ---------------------------------------------------------------------------------------------------------- verdict


def _verdict(arena: Arena, result: Result) -> None:
    """Wait until all is applied, shown and counted, as long as that may take; note what isn't then."""
    found = result.findings
    rows, judged = _await_history(arena, is_forgetful=result.is_forgetful)
    found.add(judged)
    if result.fault == "thief" and judged.forgotten:
        _await_incident(arena, judged)
    if arena.handled is not None:
        _check_handlers(arena, rows, found)
    _check_browser(arena, rows, found)
    _check_ledger(arena, found)
    _settle(arena, rows, found)
    arena.supervise()
    for line in arena.complaints:
        found.note(line)
    result.timeline += arena.remarks
    arena.complaints.clear()
    arena.remarks.clear()


def _await_history(arena: Arena, *, is_forgetful: bool) -> tuple[list[Row], Findings]:
    """The rows since the last verdict, once nothing is missing (or time is up)."""
    deadline_s = time.monotonic() + SETTLE_S
    while True:
        rows = arena.history.new_rows()
        _watch_broker(arena)
        found = _judge_all(arena, rows, is_forgetful=is_forgetful)
        if (not found.lost and _is_complete(arena, rows)) or time.monotonic() > deadline_s:
            return rows, found
        arena.until(time.monotonic() + 0.1)


def _await_incident(arena: Arena, found: Findings) -> None:
    """What a thief has got must be told: since when messages may be missing."""

    def told() -> bool:
        incidents = arena.get("/ops")["incidents"]
        return any(one["kind"] in _TAKEN and one["since"] <= found.forgotten_ms for one in incidents)

    try:
        arena.wait(told, _INCIDENT_S, "an incident names the time since when messages may be missing")
    except AssertionError as error:
        found.note(f"{found.forgotten} went to the thief unsaid: {error}; {arena.get('/ops')['incidents']}")


def _is_complete(arena: Arena, rows: Sequence[Row]) -> bool:
    """Whether the last message of each device is there. (What the broker has forgotten isn't lost, and never comes.)"""
    last = {row.device: row.key for row in rows}
    return all(last.get(device) == sent[-1].key for device, sent in arena.load.sent.items() if sent)


def _judge_all(arena: Arena, rows: Sequence[Row], *, is_forgetful: bool) -> Findings:
    applied: dict[str, list[Key]] = defaultdict(list)
    for row in rows:
        applied[row.device].append(row.key)
    found = Findings()
    for device, sent in arena.load.sent.items():
        found.add(judge(device, sent, applied[device], arena.given[device], is_forgetful=is_forgetful))
    return found


def _watch_broker(arena: Arena) -> None:
    """Take what passed the broker's proxy since the last time."""
    for one in arena.proxies.witnessed():
        if isinstance(one, Confirmed):
            device, key = arena.unconfirmed.pop((one.connection, one.packet_id), ("", None))
            if key:
                arena.given[device].confirm(key)
        elif key := _key_of(one):
            device = "/".join(one.topic.split("/")[1:3])
            arena.given[device].take(key, dup=one.dup)
            arena.unconfirmed[one.connection, one.packet_id] = device, key


def _key_of(delivered: Delivered) -> Key | None:
    kind = delivered.topic.split("/")[3] if delivered.topic.startswith("devices/") else ""
    if kind not in HISTORY or delivered.topic.startswith(f"devices/{HOSTILE}/"):
        return None
    content = json.loads(delivered.payload)
    return PATTERN[content["n"] % len(PATTERN)], content["n"], content["c"]


def _check_browser(arena: Arena, rows: Sequence[Row], found: Findings) -> None:
    """The recorder has just what the database has, reading by reading, and the same final states."""
    recorder = arena.recorder
    if broken := recorder.broken():
        note_all(found, "browser", broken)
        return
    try:
        arena.wait(lambda: not recorder.differences(rows), SETTLE_S, "the browser was shown what is stored")
    except AssertionError:
        note_all(found, "browser", recorder.differences(rows))
    try:
        arena.wait(lambda: not recorder.state_differences(arena.twins()), SETTLE_S, "old snapshot + deltas = fresh")
    except AssertionError:
        note_all(found, "browser", recorder.state_differences(arena.twins()))
    note_all(found, "browser", recorder.snapshots_but_first())


def _check_handlers(arena: Arena, rows: Sequence[Row], found: Findings) -> None:
    """Each reading's effect once and in order, each command once, each call made; how far behind they were."""
    handled = arena.handled
    assert handled is not None
    with contextlib.suppress(AssertionError):  # what is missing then is told
        arena.wait(lambda: not handled.missing(rows), HANDLED_S, "handlers have come to all")
    note_all(found, "handlers", handled.differences(rows))
    note_all(found, "handlers", handled.missing(rows))
    arena.remarks.append(handled.summary())
    handled.settle()


def _check_ledger(arena: Arena, found: Findings) -> None:
    last: dict[str, int] = {}

    def balanced() -> bool:
        last.update({name: value for name, value in arena.get("/ledger").items() if isinstance(value, int)})
        return last["received"] == sum(last[name] for name in _OUTCOMES) and not last["in_flight"]

    try:
        arena.wait(balanced, _LEDGER_S, "the ledger balances")
    except (AssertionError, httpx.HTTPError):
        missing = last.get("received", 0) - sum(last.get(name, 0) for name in _OUTCOMES)
        found.note(f"ledger: received differs by {missing} from the sum: {last}")


def _settle(arena: Arena, rows: Sequence[Row], found: Findings) -> None:
    """What was judged is done with; the next round begins here."""
    arena.history.settle(rows)
    stored = arena.history.count()
    if stored != arena.history.settled:
        found.note(f"history: {stored} rows are stored, {arena.history.settled} were looked at")
        arena.history.settled = stored
    arena.recorder.forget()
    for attempts in arena.load.sent.values():
        attempts.clear()
    for given in arena.given.values():
        given.again.clear()
