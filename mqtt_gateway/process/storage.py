"""What a gateway keeps in the database. Synchronous; called on its database thread.

Functions that take an ``instance`` write only while that process has the lease on its client id.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Value
from msgspec import Struct

from bridge.topic_filters import overlap
from mqtt_gateway.models import BrokerSession, GatewayProcess
from mqtt_gateway.options import is_own_subscription
from mqtt_gateway.process import incidents
from mqtt_gateway.rules.incident_reports import Report
from runtime.database_clock import DatabaseNowMs, unix_ms
from runtime.leases import LEASE_MS


class LeaseLostError(Exception):
    """Another process has the client id now."""


class FiltersOverlapError(Exception):
    """Another gateway runs with overlapping topic filters: ``str()`` is for whoever set them."""

    def __init__(self, rival: "Rival") -> None:
        super().__init__(
            f"GATEWAY_TOPIC_FILTERS: {rival.mine!r} overlaps with {rival.theirs!r} of the gateway {rival.client_id!r}, "
            "which is running: messages would take effect twice"
        )


# ---- the lease


class Holder(Struct, frozen=True):
    """Who last had a client id."""

    instance: str  # "": nobody, or given up
    living: bool


class Former(Struct, frozen=True):
    """What the last process under a client id left."""

    counters: dict[str, Any] = {}
    drained_ms: int = 0
    alive_ms: int = 0  # Unix ms; its last beat, or when its link went down
    rivals: list["Rival"] = []  # sessions of gateways that don't run, with overlapping filters


def holder(client_id: str) -> Holder:
    """Who has it, or had it."""
    rows = GatewayProcess.objects.filter(client_id=client_id).exclude(beat_ms=0).annotate(living=_living())
    row = rows.values_list("instance", "living").first()
    return Holder(*row) if row else Holder("", False)


def take(client_id: str, instance: str, broker: str, filters: Sequence[str]) -> Former | None:
    """Take it unless somebody has it, and declare what we are going to subscribe to; one transaction.

    Raises:
        FiltersOverlapError: another gateway lives by such filters; nothing was written.
    """
    with transaction.atomic():
        GatewayProcess.objects.get_or_create(client_id=client_id)
        row = GatewayProcess.objects.select_for_update().get(client_id=client_id)  # its last words may just be written
        former = Former(row.counters, row.drained_ms, row.beat_ms if row.broker_up else row.since_ms)
        free = GatewayProcess.objects.filter(~_living() | Q(instance=instance), client_id=client_id)
        now_ms = unix_ms()
        if not free.update(instance=instance, beat_ms=DatabaseNowMs(), broker_up=False, since_ms=now_ms):
            return None
        former.rivals.extend(_dead_rivals(client_id, broker, filters))
        _declare(client_id, broker, filters)
        incidents.purge()
        return former


def _living() -> Q:
    """Its lease holds. (A beat in the future: the clock was set back.)"""
    now_ms = DatabaseNowMs()
    return Q(beat_ms__gt=now_ms - Value(LEASE_MS), beat_ms__lt=now_ms + Value(LEASE_MS))


def save_beat(client_id: str, instance: str, /, reports: Sequence[Report] = (), **fields: Any) -> None:
    """Renew the lease, write the row's ``fields`` and what there is to report.

    Raises:
        LeaseLostError: nothing was written.
    """
    with transaction.atomic():
        row = GatewayProcess.objects.filter(client_id=client_id, instance=instance)
        if not row.update(**{"beat_ms": DatabaseNowMs(), **fields}):
            raise LeaseLostError
        for report in reports:
            incidents.record(client_id, report)


# ---- the broker's session


class OpenedSession(Struct, frozen=True):
    """A connection's place in history."""

    epoch: int  # higher than that of every earlier connection under this client id
    session: int  # the epoch of the connection with which the broker's session began
    known: dict[str, bool]  # topic filter → confirmed; what this session may be subscribed to
    forgotten: bool  # the broker should have had a session of ours, and had none


def open_session(
    client_id: str, instance: str, broker: str, filters: Sequence[str], *, session_present: bool, lost: Report | None
) -> OpenedSession:
    """Raise the epoch for a connection that the broker has just accepted. One transaction.

    Args:
        client_id: ours.
        instance: this process.
        broker: host and port.
        filters: what we want to subscribe to.
        session_present: whether the broker has kept the session.
        lost: to be recorded if it ought to have been kept.

    Raises:
        LeaseLostError: nothing was written.
        FiltersOverlapError: another gateway lives by such filters; nothing was written.
    """
    with transaction.atomic():
        row = GatewayProcess.objects.filter(client_id=client_id, instance=instance)
        if not row.update(epoch=F("epoch") + 1):
            raise LeaseLostError
        _dead_rivals(client_id, broker, filters)
        epoch = row.values_list("epoch", flat=True).get()
        session, _ = BrokerSession.objects.get_or_create(client_id=client_id, broker=broker)
        former: dict[str, bool] = session.filters
        if not (session_present and session.session):
            session.session = epoch
        if not session_present:
            session.filters = {}
        session.save()
        forgotten = not session_present and any(former.values())
        if forgotten and lost:
            incidents.record(client_id, lost)
        return OpenedSession(epoch, session.session, session.filters, forgotten)


def forget_session(client_id: str, instance: str, broker: str, lost: Report) -> None:
    """The broker's session is not what we remember: the next connection begins a new one for us. Raises as above."""
    with transaction.atomic():
        _fence(client_id, instance)
        BrokerSession.objects.filter(client_id=client_id, broker=broker).update(session=0, filters={})
        incidents.record(client_id, lost)


def save_filters(client_id: str, instance: str, broker: str, filters: dict[str, bool]) -> None:
    """Remember what the session is (True) or may be (False) subscribed to. Raises as above."""
    _fence(client_id, instance)
    BrokerSession.objects.update_or_create(client_id=client_id, broker=broker, defaults={"filters": filters})


def _fence(client_id: str, instance: str) -> None:
    if not GatewayProcess.objects.filter(client_id=client_id, instance=instance).exists():
        raise LeaseLostError


# ---- other gateways


class Rival(Struct, frozen=True):
    """Another gateway of the same broker whose topic filters overlap with ours."""

    client_id: str
    mine: str
    theirs: str


def _dead_rivals(client_id: str, broker: str, filters: Sequence[str]) -> list[Rival]:
    """The broker's sessions of gateways that don't run, one pair of filters each.

    Raises:
        FiltersOverlapError: one that runs overlaps with us.
    """
    living = set(GatewayProcess.objects.filter(_living()).values_list("client_id", flat=True))
    sessions = BrokerSession.objects.filter(broker=broker).exclude(client_id=client_id).order_by("client_id")
    found = []
    for other, known in sessions.values_list("client_id", "filters"):
        if rival := _rival(other, known, filters):
            if other in living:
                raise FiltersOverlapError(rival)
            found.append(rival)
    return found


def _rival(client_id: str, known: dict[str, bool], filters: Sequence[str]) -> Rival | None:
    pairs = ((mine, theirs) for mine in filters for theirs in known if not is_own_subscription(theirs))
    clash = next((pair for pair in pairs if overlap(*pair)), None)
    return Rival(client_id, *clash) if clash else None


def _declare(client_id: str, broker: str, filters: Sequence[str]) -> None:
    """Say which filters we are going to subscribe to, so that others see them at once."""
    session, _ = BrokerSession.objects.get_or_create(client_id=client_id, broker=broker)
    session.filters = {**dict.fromkeys(filters, False), **session.filters}
    session.save()
