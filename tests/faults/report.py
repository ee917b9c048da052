"""What rounds have shown, as JSON to keep and as tables to read."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.faults import FAULTS, FORGETFUL
from tests.faults.rounds import Result
from tests.faults.titles import DATABASES, TITLES

OUTPUT = Path("var/faults")
Round = dict[str, Any]
"""A `Result` with its database, as JSON has it."""

_HEAD = (
    "| what happened | database | rounds | messages sent | lost | repeated | out of order | other"
    " | recovery: median, longest |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)
_BROKERS_HEAD = (
    "| what happened | rounds | confirmed, then forgotten by it: median, most of a round | delivered again by it |\n"
    "| --- | ---: | ---: | ---: |\n"
)


def write(name: str, database: str, results: Sequence[Result]) -> Path:
    """Keep the results of a run as ``var/faults/NAME.json``; returns the file."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    file = OUTPUT / f"{name}.json"
    rounds = [{"database": database, **asdict(result)} for result in results]
    file.write_text(json.dumps({"rounds": rounds}, indent=1) + "\n")
    file.with_suffix(".md").write_text(tables(rounds))
    return file


def read(files: Iterable[Path]) -> list[Round]:
    """The rounds of several runs."""
    return [one for file in sorted(files) for one in json.loads(file.read_text())["rounds"]]


def tables(rounds: Sequence[Round]) -> str:
    """A row for each fault and database, and one for all; then what the broker did itself."""
    groups = _groups(rounds)
    lines = [_row(TITLES[fault], DATABASES[database], group) for (fault, database), group in groups]
    text = _HEAD + "".join(lines) + _row("**all**", "", rounds)
    theirs = [_broker_row(TITLES[fault], group) for (fault, _), group in groups if fault in FORGETFUL]
    return text + ("\n" + _BROKERS_HEAD + "".join(theirs) if theirs else "")


def _groups(rounds: Sequence[Round]) -> list[tuple[tuple[str, str], list[Round]]]:
    keys = [(fault, database) for fault in FAULTS for database in DATABASES]
    groups = {key: [one for one in rounds if (one["fault"], one["database"]) == key] for key in keys}
    return [(key, group) for key, group in groups.items() if group]


def _row(title: str, database: str, rounds: Sequence[Round]) -> str:
    sums = [sum(one["findings"][name] for one in rounds) for name in ("lost", "repeated", "out_of_order", "other")]
    messages = sum(one["messages"] for one in rounds)
    columns = [title, database, len(rounds), f"{messages:,}", *sums, _recovery(rounds)]
    return "| " + " | ".join(map(str, columns)) + " |\n"


def _recovery(rounds: Sequence[Round]) -> str:
    times = [one["recovery_s"] for one in rounds if one["recovery_s"] is not None]
    never = len(rounds) - len(times)
    text = f"{statistics.median(times):.1f} s, {max(times):.1f} s" if times else ""
    return text + (f" ({never} never)" if never else "")


def _broker_row(title: str, rounds: Sequence[Round]) -> str:
    forgotten = [one["findings"]["forgotten"] for one in rounds]
    again = sum(one["findings"]["redelivered"] for one in rounds)
    return f"| {title} | {len(rounds)} | {statistics.median(forgotten):.0f}, {max(forgotten)} | {again} |\n"


def summary(rounds: Sequence[Round]) -> str:
    """What the tables rest on, in a sentence."""
    seconds = sum(one["load_s"] for one in rounds)
    per_s = sum(one["messages"] for one in rounds) / seconds if seconds else 0
    seeds = ", ".join(sorted({one["seed"] for one in rounds}))
    return f"{len(rounds)} rounds (seed {seeds}) under {per_s:.0f} QoS 1 messages/s from 200 devices on all shards.\n"
