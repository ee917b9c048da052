"""What devices send over HTTP: requests of the kind ``ingest``, each a native message, by the same rules.

A request is carried out in one transaction with what it does, and settled in it: once, whoever is killed. It counts in
the ledger as received, and as what became of it: no gateway's batch counts it.
"""

from base64 import b64decode
from collections import Counter
from typing import Any, Final

import structlog
from msgspec import json

from bridge.dialects.dialect import NATIVE, STATELESS, Route
from bridge.dialects.registry import Dialects
from bridge.messages import Delivery
from bridge.observations import Decoded
from devices.models import Request
from devices.rules.clocks import AHEAD_MS
from devices.rules.reducer import Arrival, Outcome
from devices.rules.requested import Refused
from devices.rules.twin import OTHER_DIALECT, is_anothers
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.link.quarantine import row_of, storable
from devices.worker.requests.refusal import refusal, refused_device

KIND: Final = "ingest"
log = structlog.get_logger(__name__)

_encode: Final = json.Encoder().encode
_BLOCKED: Final = Outcome("rejected", "blocked")
_FAILED: Final = Outcome("quarantined", "internal_error")
_NO_TOPIC: Final = Refused("bad_request", "there is no such topic")


class Ingest(Operation, frozen=True):
    """A message that came over HTTP."""

    request_id: int
    delivery: Delivery
    said: Decoded | None  # None: the dialect has failed

    def refuse(self, refusal: Refusal) -> None:
        """There is no such device: whoever asks hears so."""
        refusal.results[self.request_id] = refused_device(refusal.key, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It goes to quarantine."""
        settle(self, effects, Outcome("quarantined", reason))


def plan(row: Request, part: ShardWork, work: RoundWork, dialects: Dialects) -> None:
    """Have the device undergo it, unless its key is blocked."""
    route = dialects.route(str(row.body.get("topic")))
    if not isinstance(route, Route) or route.dialect != NATIVE or route.source != row.device_key:
        work.settled[row.pk] = refusal(_NO_TOPIC)
        return
    if row.device_key in part.shard.blocked:
        _count(part.counted, _BLOCKED)
        work.settled[row.pk] = _told(_BLOCKED)
        return
    delivery = _delivery(row, route)
    part.add(row.device_key, Ingest(row.pk, delivery, _said(delivery, dialects)))


def _delivery(row: Request, route: Route) -> Delivery:
    body = row.body
    payload, received_ms = b64decode(body["payload"]), int(body["received_ms"])
    return Delivery(
        topic=body["topic"],
        source=route.source,
        kind=route.kind,
        detail=route.detail,
        payload=payload,
        received_ms=received_ms,
        qos=1,
        retain=False,
        dup=False,
        packet_id=0,
    )


def _said(delivery: Delivery, dialects: Dialects) -> Decoded | None:
    try:
        return dialects.by_name[NATIVE].read(STATELESS, delivery).said[0].what
    except Exception:
        log.exception("a dialect failed: a bug", topic=delivery.topic)
        return None


def apply(operation: Ingest, effects: Effects, reduce: Any, now_ms: int) -> None:
    """By the rules for what comes from the device itself, live. ``now_ms``: Unix ms."""
    twin, delivery = effects.member.twin, operation.delivery
    if is_anothers(twin, NATIVE):
        settle(operation, effects, Outcome("rejected", OTHER_DIALECT))
        return
    was_online = twin.presence.status == "online"
    arrival = Arrival(delivery.received_ms, latest_ms=max(delivery.received_ms, now_ms) + AHEAD_MS)
    outcome = reduce(operation.said, arrival, effects) if operation.said is not None else _FAILED
    twin.http, twin.rev = True, twin.rev or 1
    effects.came_online |= not was_online and twin.presence.status == "online"
    settle(operation, effects, outcome)


def settle(operation: Ingest, effects: Effects, outcome: Outcome) -> None:
    """What became of it: for the ledger, for whoever asks, and for quarantine."""
    _count(effects.counts, outcome)
    if outcome.outcome == "quarantined":
        row = row_of(operation.delivery, effects.member.id, outcome.reason, outcome.detail, outcome.bad)
        effects.quarantined.append(row)
    effects.results[operation.request_id] = _encode(_told(outcome))


def _count(counts: Counter[tuple[str, str]], outcome: Outcome) -> None:
    counts["received", ""] += 1
    counts[outcome.outcome, outcome.reason] += 1


def _told(outcome: Outcome) -> dict[str, str]:
    return {"outcome": outcome.outcome, "reason": outcome.reason, "detail": storable(outcome.detail)}


def forget_payloads(settled: dict[int, Any], rows: dict[int, Any]) -> None:
    """Of what is settled, only what tells repeats is kept. ``rows``: the bodies of the round's, by id."""
    for pk in settled.keys() & rows.keys():
        Request.objects.filter(pk=pk).update(body={"digest": rows[pk].get("digest")})
