"""Incidents: what may have cost messages, told to operators: "messages may be missing since …".

    session_taken     another client has had our session: it may have confirmed what was ours
    name_taken        another gateway on the broker has our name
    shared_listener   devices may choose their client ids: only that ours is a secret keeps them from our session
    session_lost      the broker had forgotten our session, and all that it kept for us
    broker_dropped    the broker dropped messages at the limit of a queue: anybody's, it does not say whose
    publish_refused   the broker will not take something that we publish: too large, or it hangs up on it
    older_protocol    the broker speaks MQTT 3.1.1 only, and we speak that with it now
    filters_overlap   the broker keeps the session of another gateway, not running, with overlapping topic filters
    clock_off         a machine's clock is off; nothing goes by it, but it should be mended
    clock_set         the database's clock, the one that counts, was set
    qos0_dropped      QoS 0 deliveries were left out, because there were more than the workers can take

One that goes on is extended: a new row comes only after an hour without.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Kind = Literal[
    "session_taken",
    "name_taken",
    "shared_listener",
    "session_lost",
    "broker_dropped",
    "older_protocol",
    "filters_overlap",
    "publish_refused",
    "clock_off",
    "clock_set",
    "qos0_dropped",
]


class Report(Struct, frozen=True):
    """Something that happened, or went on, between two times (Unix ms)."""

    kind: Kind
    since_ms: int
    until_ms: int
    count: int = 1  # messages where they are counted, else how often
    detail: str = ""

    def joined(self, later: "Report") -> "Report":
        """Both as one."""
        return replace(
            later,
            since_ms=min(self.since_ms, later.since_ms),
            until_ms=max(self.until_ms, later.until_ms),
            count=self.count + later.count,
            detail=later.detail or self.detail,
        )


class Reports:
    """What one gateway process has to report and the database does not know yet: one a kind."""

    def __init__(self) -> None:
        self._waiting: dict[Kind, Report] = {}

    def add(self, report: Report) -> None:
        """To be written with the next beat."""
        before = self._waiting.get(report.kind)
        self._waiting[report.kind] = before.joined(report) if before else report

    def take(self) -> list[Report]:
        """All of them, to be written now; those that could not be are to be added again."""
        taken, self._waiting = list(self._waiting.values()), {}
        return taken
