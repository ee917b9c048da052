"""What a gateway keeps in the database. Synchronous; called on its database thread.

Functions that take ``key`` and ``instance`` write only while that process has the lease on that row.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, Value
from msgspec import Struct

from bridge.dialects.refusals.rejections import Rejection
from bridge.topic_filters import overlap
from mqtt_gateway.models import BrokerSession, GatewayProcess, Rejected
from mqtt_gateway.options import is_own_subscription
from mqtt_gateway.process import identity, incidents
from mqtt_gateway.process.beats import write_beat
from mqtt_gateway.process.identity import Session
from mqtt_gateway.rules.incident_reports import Report
from runtime.database_clock import DatabaseNowMs, ask_the_time, unix_ms
from runtime.databases.topic_samples import record
from runtime.leases import LEASE_MS

_MOST_REJECTED: Final = 500  # rows of a gateway


class LeaseLostError(Exception):
    """Another process works under the name now."""


class FiltersOverlapError(Exception):
    """Another gateway runs with overlapping topic filters: ``str()`` is for whoever set them."""

    def __init__(self, rival: "Rival") -> None:
        super().__init__(
            f"GATEWAY_TOPIC_FILTERS: {rival.mine!r} overlaps with {rival.theirs!r} of the gateway {rival.name!r}, "
            "which is running: messages would take effect twice"
        )


# ---- the lease


class Holder(Struct, frozen=True):
    """Who last worked under a name."""

    instance: str  # "": nobody, or given up
    living: bool


class Former(Struct, frozen=True):
    """What we are to work with, and what the last process under the name left."""

    counters: dict[str, Any] = {}
    drained_ms: int = 0
    alive_ms: int = 0  # Unix ms; its last beat, or when its link went down
    rivals: list["Rival"] = []  # sessions of gateways that don't run, with overlapping filters
    key: str = ""  # the row
    client_id: str = ""
    tag: str = ""  # in our markers
    switch: str = ""  # the marker that must come first, for a former session had what was before it; "": none
    successor: Session | None = None  # ours, once the session under client_id is drained
    endings: list[Session] = []  # drained sessions that the broker still has
    predecessors: list[str] = []  # keys of rows that ours has the place of


def holder(name: str, client_id: str | None = None) -> Holder:
    """Who has it, or had it, and what time it is. ``client_id`` as in :func:`take`."""
    ask_the_time()
    rows = identity.rows_of(name, client_id).exclude(beat_ms=0).annotate(living=_living())
    row = rows.order_by("-beat_ms").values_list("instance", "living").first()
    return Holder(*row) if row else Holder("", False)


def take(name: str, client_id: str | None, instance: str, broker: str, filters: Sequence[str]) -> Former | None:
    """Take it unless somebody has it, and declare what we are going to subscribe to; one transaction.

    Args:
        name: the gateway's.
        client_id: the MQTT client id that it is to have; None: one that is made up, once.
        instance: this process.
        broker: host and port.
        filters: topic filters.

    Raises:
        FiltersOverlapError: another gateway lives by such filters; nothing was written.
    """
    with transaction.atomic():
        if identity.rows_of(name, client_id).filter(_living()).exclude(instance=instance).exists():
            return None
        claim = identity.claim(name, client_id, broker, filters)
        row, now_ms = claim.row, unix_ms()
        free = GatewayProcess.objects.filter(~_living() | Q(instance=instance), key=row.key)
        fields = {"beat_ms": DatabaseNowMs(), "broker_up": False, "since_ms": now_ms, "retired": False}
        if not free.update(instance=instance, **fields):
            return None
        rivals = _dead_rivals(row.key, name, broker, filters)
        _declare(row.key, broker, filters)
        incidents.purge()
        return _former(claim, rivals)


def _former(claim: identity.Claim, rivals: list["Rival"]) -> Former:
    row = claim.row
    return Former(
        row.counters,
        row.drained_ms,
        row.beat_ms if row.broker_up else row.since_ms,
        rivals,
        row.key,
        row.client_id,
        row.tag,
        row.switch,
        claim.successor,
        claim.endings,
        claim.predecessors,
    )


def _living() -> Q:
    """Its lease holds. (A beat in the future: the clock was set back.)"""
    now_ms = DatabaseNowMs()
    return Q(beat_ms__gt=now_ms - Value(LEASE_MS), beat_ms__lt=now_ms + Value(LEASE_MS))


def save_beat(
    key: str, instance: str, /, reports: Sequence[Report] = (), rejected: Sequence[Rejection] = (), **fields: Any
) -> None:
    """Renew the lease, write the row's ``fields``, what there is to report and what was rejected; ask the time.

    Raises:
        LeaseLostError: nothing was written.
    """
    if not (reports or rejected):
        _fenced_beat(key, instance, fields)
        return
    with transaction.atomic():
        _fenced_beat(key, instance, fields)
        row = GatewayProcess.objects.filter(key=key)
        for report in reports:
            incidents.record(row.values_list("name", flat=True).get(), report)
        if rejected:
            record(Rejected, row.values_list("name", flat=True).get(), rejected, _MOST_REJECTED)


def _fenced_beat(key: str, instance: str, fields: dict[str, Any]) -> None:
    if not write_beat(key, instance, fields):
        raise LeaseLostError


# ---- the broker's session


class OpenedSession(Struct, frozen=True):
    """A connection's place in history."""

    epoch: int  # higher than that of every earlier connection of this row
    session: int  # the epoch of the connection with which the broker's session began
    known: dict[str, bool]  # topic filter → confirmed; what this session may be subscribed to
    forgotten: bool  # the broker should have had a session of ours, and had none


def open_session(
    key: str, instance: str, broker: str, filters: Sequence[str], *, session_present: bool, lost: Report | None
) -> OpenedSession:
    """Raise the epoch for a connection that the broker has just accepted. One transaction.

    Args:
        key: of our row.
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
        row = GatewayProcess.objects.filter(key=key, instance=instance)
        if not row.update(epoch=F("epoch") + 1):
            raise LeaseLostError
        epoch, name = row.values_list("epoch", "name").get()
        _dead_rivals(key, name, broker, filters)
        session, _ = BrokerSession.objects.get_or_create(gateway=key, broker=broker)
        former: dict[str, bool] = session.filters
        if not (session_present and session.session):
            session.session = epoch
        if not session_present:
            session.filters = {}
        session.save()
        forgotten = not session_present and any(former.values())
        if forgotten and lost:
            incidents.record(name, lost)
        return OpenedSession(epoch, session.session, session.filters, forgotten)


def session_filters(key: str, instance: str, broker: str) -> dict[str, bool]:
    """What the broker's session is (True) or may be (False) subscribed to. Raises as above."""
    _fence(key, instance)
    found = BrokerSession.objects.filter(gateway=key, broker=broker).values_list("filters", flat=True).first()
    return found or {}


def forget_session(key: str, instance: str, broker: str, lost: Report) -> None:
    """The broker's session is not what we remember: the next connection begins a new one for us. Raises as above."""
    with transaction.atomic():
        name = _fence(key, instance).name
        BrokerSession.objects.filter(gateway=key, broker=broker).update(session=0, filters={})
        incidents.record(name, lost)


def save_filters(key: str, instance: str, broker: str, filters: dict[str, bool]) -> None:
    """Remember what the session is (True) or may be (False) subscribed to. Raises as above."""
    _fence(key, instance)
    BrokerSession.objects.update_or_create(gateway=key, broker=broker, defaults={"filters": filters})


def _fence(key: str, instance: str) -> GatewayProcess:
    row = GatewayProcess.objects.filter(key=key, instance=instance).first()
    if row is None:
        raise LeaseLostError
    return row


# ---- from a former session to its successor (mqtt_gateway.connection.session_switch)


def begin_switch(key: str, instance: str, broker: str, successor: str, filters: Sequence[str], switch: str) -> None:
    """The successor has a session with these filters, and the marker ``switch`` is about to come. Raises as above."""
    with transaction.atomic():
        _fence(key, instance)
        identity.has_begun(successor, broker, filters, switch)


def retire(key: str, instance: str, successor: str) -> None:
    """The session is drained up to the switch: the row's counts are the successor's now. Raises as above."""
    with transaction.atomic():
        row = _fence(key, instance)
        identity.retire(row, GatewayProcess.objects.select_for_update().get(key=successor))


def end_switch(key: str, instance: str) -> None:
    """The marker has come, or never will: from now on all counts. Raises as above."""
    if not GatewayProcess.objects.filter(key=key, instance=instance).update(switch=""):
        raise LeaseLostError


def forget_ended(key: str, instance: str, broker: str, ended: str) -> None:
    """The broker has no session under a former client id any more. Raises as above."""
    with transaction.atomic():
        _fence(key, instance)
        BrokerSession.objects.filter(gateway=ended, broker=broker).delete()


# ---- other gateways


class Rival(Struct, frozen=True):
    """Another gateway of the same broker whose topic filters overlap with ours."""

    name: str
    mine: str
    theirs: str


def _dead_rivals(key: str, name: str, broker: str, filters: Sequence[str]) -> list[Rival]:
    """The broker's sessions of gateways that don't run, one pair of filters each.

    Raises:
        FiltersOverlapError: one that runs overlaps with us.
    """
    living = set(GatewayProcess.objects.filter(_living()).values_list("key", flat=True))
    names = dict(GatewayProcess.objects.exclude(name="").values_list("key", "name"))
    ours = {row for row, its in names.items() if its == name}
    sessions = BrokerSession.objects.filter(broker=broker).exclude(gateway__in={*ours, key}).order_by("gateway")
    found = []
    for other, known in sessions.values_list("gateway", "filters"):
        if rival := _rival(names.get(other, other), known, filters):
            if other in living:
                raise FiltersOverlapError(rival)
            found.append(rival)
    return found


def _rival(name: str, known: dict[str, bool], filters: Sequence[str]) -> Rival | None:
    pairs = ((mine, theirs) for mine in filters for theirs in known if not is_own_subscription(theirs))
    clash = next((pair for pair in pairs if overlap(*pair)), None)
    return Rival(name, *clash) if clash else None


def _declare(key: str, broker: str, filters: Sequence[str]) -> None:
    """Say which filters we are going to subscribe to, so that others see them at once."""
    session, _ = BrokerSession.objects.get_or_create(gateway=key, broker=broker)
    session.filters = {**dict.fromkeys(filters, False), **session.filters}
    session.save()
