"""Under which MQTT client id a gateway works, by its name. Synchronous, inside of the caller's transaction.

A client id is a secret: who knows it can take the broker's session, and with it the messages. So each name has one that
nobody can guess, made up once. A gateway that has another one, because it is older than that or because its settings
have changed, keeps it until the broker's session under it is drained (mqtt_gateway.connection.session_switch)::

    rows of the name:   former, with a session ──drained──> retired
                        successor ─────────────────────────> the gateway's
"""

import re
import secrets
import string
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q
from msgspec import Struct

from bridge.topic_filters import covers
from mqtt_gateway.models import BrokerSession, GatewayProcess, Incident
from mqtt_gateway.options import is_own_subscription
from mqtt_gateway.rules.counters import Counters

FORMER_DEFAULT: Final = "causeway-gateway"  # the client id of every gateway, before each had one of its own
_RANDOM_CHARS: Final = 16  # of 36: 82 bits
_MADE_UP: Final = re.compile(rf"causeway-gateway-[a-z0-9]{{{_RANDOM_CHARS}}}\Z")


class Session(Struct, frozen=True):
    """A row, as far as the broker's session goes."""

    key: str
    client_id: str


class Claim(Struct, frozen=True):
    """What a gateway of a name works with."""

    row: GatewayProcess
    successor: Session | None  # takes its place, once the row's session is drained
    endings: list[Session]  # sessions that are drained: to be ended at the broker
    predecessors: list[str]  # keys: devices that were last heard under one of them are still sent for by it


def made_up() -> str:
    """A client id that nobody can guess."""
    alphabet = string.ascii_lowercase + string.digits
    return "causeway-gateway-" + "".join(secrets.choice(alphabet) for _ in range(_RANDOM_CHARS))


def rows_of(name: str, client_id: str | None) -> Any:
    """The rows of a name, and those that are going to be: of gateways from before there were names."""
    nameless = Q(name="", key=client_id or FORMER_DEFAULT)
    return GatewayProcess.objects.filter(Q(name=name) | nameless | (Q(client_id=client_id) if client_id else Q()))


def claim(name: str, client_id: str | None, broker: str, filters: Sequence[str]) -> Claim:
    """Find or make the row to work with, and lock all of the name.

    Args:
        name: GATEWAY_NAME.
        client_id: MQTT_CLIENT_ID; None: one that is made up, once.
        broker: host and port.
        filters: what this gateway subscribes to.
    """
    _adopt(name, client_id)
    rows = list(GatewayProcess.objects.select_for_update().filter(name=name).order_by("key"))
    own = next((row for row in rows if _is_wanted(row, client_id)), None)
    own = own or _new_row(name, client_id or made_up(), rows)
    others = [row for row in rows if row.key != own.key]
    endings = [_session(row) for row in others if row.retired and _filters(row, broker)]
    drainable = (row for row in others if not row.retired and _is_drainable(row, broker, filters))
    is_free = bool(own.switch) or not _filters(own, broker)  # else the broker has had messages for it meanwhile
    if is_free and (former := next(drainable, None)):
        return Claim(former, _session(own), endings, [])
    return Claim(own, None, endings, [row.key for row in others if row.retired])


def _is_wanted(row: GatewayProcess, client_id: str | None) -> bool:
    return row.client_id == client_id if client_id else _MADE_UP.match(row.client_id) is not None


def _adopt(name: str, client_id: str | None) -> None:
    """Give rows from before there were names their name; incidents too, which would show the client id."""
    for row in rows_of(name, client_id).exclude(name=name).select_for_update():
        Incident.objects.filter(gateway=row.name or row.key).update(gateway=name)
        row.name, row.client_id = name, row.client_id or row.key
        row.tag = row.tag or secrets.token_hex(8)
        row.save(update_fields=["name", "client_id", "tag"])


def _new_row(name: str, client_id: str, others: Sequence[GatewayProcess]) -> GatewayProcess:
    tag = next((row.tag for row in others if row.tag), None) or secrets.token_hex(8)
    taken = set(GatewayProcess.objects.filter(key__startswith=name).values_list("key", flat=True))
    key = next(key for key in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)
    fields = {"name": name, "client_id": client_id, "tag": tag, "switch": "", "retired": False}
    return GatewayProcess.objects.get_or_create(key=key, defaults=fields)[0]


def _session(row: GatewayProcess) -> Session:
    return Session(row.key, row.client_id)


def _filters(row: GatewayProcess, broker: str) -> list[str]:
    """What the broker's session may be subscribed to, beside the gateway's own topics."""
    known = BrokerSession.objects.filter(gateway=row.key, broker=broker).values_list("filters", flat=True).first()
    return [name for name in known or {} if not is_own_subscription(name)]


def _is_drainable(row: GatewayProcess, broker: str, filters: Sequence[str]) -> bool:
    """Whether what the session gets is ours: else it is another gateway's, with a part of the topics of its own."""
    found = _filters(row, broker)
    return bool(found) and all(any(covers(mine, one) for mine in filters) for one in found)


def retire(former: GatewayProcess, successor: GatewayProcess) -> None:
    """The former's session is drained: its counts and times go on as the successor's, which is free to be taken."""
    counters = Counters.load(former.counters)
    counters.add(Counters.load(successor.counters))
    successor.counters = {**counters.dump(), "broker": former.counters.get("broker")}
    successor.since_ms, successor.drained_ms = former.since_ms, former.drained_ms
    successor.retired = False
    successor.save()
    former.retired, former.instance, former.beat_ms, former.counters, former.switch = True, "", 0, {}, ""
    former.save()


def has_begun(successor: str, broker: str, filters: Sequence[str], switch: str) -> None:
    """The successor has a session with these subscriptions; ``switch`` is about to be published to it."""
    confirmed = dict.fromkeys(filters, True)
    BrokerSession.objects.update_or_create(
        gateway=successor, broker=broker, defaults={"filters": confirmed, "session": 0}
    )
    GatewayProcess.objects.filter(key=successor).update(switch=switch)
