"""What a gateway keeps in the database. Synchronous; called on its database thread."""

from typing import Any

from django.db import transaction
from django.db.models import F
from msgspec import Struct

from mqtt_gateway.models import BrokerSession, GatewayProcess


class OpenedSession(Struct, frozen=True):
    """A connection's place in history."""

    epoch: int  # higher than that of every earlier connection under this client id
    session: int  # the epoch of the connection with which the broker's session began
    known: dict[str, bool]  # topic filter → confirmed; what this session may be subscribed to
    forgotten: bool  # the broker should have had a session of ours, and had none


def open_session(client_id: str, broker: str, *, session_present: bool) -> OpenedSession:
    """Raise the epoch for a connection that the broker has just accepted. One transaction."""
    with transaction.atomic():
        GatewayProcess.objects.get_or_create(client_id=client_id)
        GatewayProcess.objects.filter(client_id=client_id).update(epoch=F("epoch") + 1)
        epoch = GatewayProcess.objects.values_list("epoch", flat=True).get(client_id=client_id)
        session, _ = BrokerSession.objects.get_or_create(client_id=client_id, broker=broker)
        former: dict[str, bool] = session.filters
        if not (session_present and session.session):
            session.session = epoch
        if not session_present:
            session.filters = {}
        session.save()
        forgotten = not session_present and any(former.values())
        return OpenedSession(epoch, session.session, session.filters, forgotten)


def forget_session(client_id: str, broker: str) -> None:
    """The broker's session is not what we remember: the next connection begins a new one for us."""
    BrokerSession.objects.filter(client_id=client_id, broker=broker).update(session=0, filters={})


def save_filters(client_id: str, broker: str, filters: dict[str, bool]) -> None:
    """Remember what the session is (True) or may be (False) subscribed to."""
    BrokerSession.objects.update_or_create(client_id=client_id, broker=broker, defaults={"filters": filters})


class Former(Struct, frozen=True):
    """What the last process under a client id left."""

    counters: dict[str, Any]
    drained_ms: int


def load_former(client_id: str) -> Former:
    """Of the row; of a new one if there is none."""
    row = GatewayProcess.objects.filter(client_id=client_id).first() or GatewayProcess()
    return Former(row.counters, row.drained_ms)


def save_beat(client_id: str, **fields: Any) -> None:
    """Write the process's row: ``instance``, ``broker_up``, ``since_ms``, ``beat_ms``, ``drained_ms``, ``counters``."""
    if not GatewayProcess.objects.filter(client_id=client_id).update(**fields):
        GatewayProcess.objects.get_or_create(client_id=client_id, defaults=fields)
