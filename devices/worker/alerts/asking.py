"""What people do to alerts: requests of the kind ``alert``, carried out by the device's worker like all others."""

from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from msgspec import json

from devices.models import Alert
from devices.rules.alerts.alert import Asked, alert_json, apply
from devices.rules.requested import Refused
from devices.worker.alerts.outcome import Outcome
from devices.worker.alerts.watches import NAME, ShardWatches
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.effects.work import ShardWork
from devices.worker.requests.refusal import refusal, refused_device

KIND: Final = "alert"  # of devices.models.Request
_encode = json.Encoder().encode


class AlertAsked(Operation, frozen=True):
    """Somebody acknowledges an alert of the device, or the like."""

    is_asked_for: ClassVar[bool] = True

    request_id: int
    body: Any
    created_by: str = ""  # an actor

    def refuse(self, refusal: Refusal) -> None:
        """Whoever asks hears why."""
        refusal.results[self.request_id] = refused_device(refusal.key, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """Whoever asks hears that it could not be done."""
        effects.results[self.request_id] = _encode(refusal(Refused("unavailable", "the change could not be made")))


def carry_out(effects: Effects, part: ShardWork, watches: ShardWatches, outcome: Outcome, now_ms: int) -> None:
    """Do what is asked of a device's alerts, and note the results."""
    for asked in effects.noted.get(NAME, ()):
        effects.results[asked.request_id] = _encode(_result(asked, effects.member.key, part, watches, outcome, now_ms))


def _result(
    operation: AlertAsked, key: str, part: ShardWork, watches: ShardWatches, outcome: Outcome, now_ms: int
) -> Any:
    try:
        asked = msgspec.convert(operation.body, Asked)
        pk = UUID(asked.alert)
    except (msgspec.ValidationError, ValueError) as error:
        return refusal(Refused("bad_request", str(error)))
    alert = watches.alerts.get(pk) or Alert.objects.filter(pk=pk, device=key).first()
    if alert is None or alert.device != key:
        return refusal(Refused("not_found", "there is no such alert"))
    step = apply(asked, alert, operation.created_by)
    if step is None and alert.cleared_ms is not None:
        return refusal(Refused("conflict", "the alert is resolved"))
    if step is not None:
        outcome.tell(part, alert, step, now_ms, operation.created_by)
    return alert_json(alert)
