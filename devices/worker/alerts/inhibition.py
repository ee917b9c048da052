"""Which alert makes another's notification superfluous: a graver one of the same, or its gateway's."""

from typing import Final

from devices.models import Alert
from devices.models.alerts import RESOLVED
from devices.rules.alerts.rule import SEVERITIES
from devices.worker.alerts.watches import ShardWatches, watches_of
from devices.worker.effects.work import RoundWork
from devices.worker.memory.shard import Member

_AWAY: Final = ("presence", "no_data")  # kinds of rules that say that a device is gone


def inhibiting(alert: Alert, watches: ShardWatches, member: Member | None, work: RoundWork) -> str:
    """The id of the other alert; "": there is none. A query, if the device is behind one that another worker has."""
    own = watches.devices.get(alert.device)
    rank = SEVERITIES.index(alert.severity)
    for other in own.alerts if own else ():
        if other.metric == alert.metric and SEVERITIES.index(other.severity) > rank:
            return str(other.id)
    via = member.described.kept.value.get("via") if member and member.described else None
    return _of_gateway(via, work) if isinstance(via, str) and via != alert.device else ""


def _of_gateway(key: str, work: RoundWork) -> str:
    for part in work.parts.values():
        if key in part.shard.members:
            watches = watches_of(part.shard)
            watched = watches.devices.get(key) if watches else None
            return next((str(one.id) for one in (watched.alerts if watched else ()) if one.kind in _AWAY), "")
    rows = Alert.objects.filter(device=key, kind__in=_AWAY).exclude(state=RESOLVED)
    return next((str(pk) for pk in rows.values_list("pk", flat=True)[:1]), "")
