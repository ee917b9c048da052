"""The feature of what Home Assistant asks of native devices: each message becomes a command, as if a person had asked.

The command is stored in the transaction in which its message counts, so there is one for each message, whatever dies.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.db.models import Count

from bridge.dialects.dialect import NATIVE
from bridge.dialects.native.controls import asked
from devices.models import Command
from devices.requests.command_storage import MAX_OPEN_COMMANDS
from devices.requests.commands import DEFAULT_TTL_S
from devices.rules.actors import Actor
from devices.rules.commands import UNFINISHED, begun
from devices.rules.described.contradictions import contradiction
from devices.worker.commands.commands import CommandsFeature
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects
from devices.worker.effects.work import RoundWork
from devices.worker.link.asking import Asking
from devices.worker.memory.shard import Member

_NAME: Final = "homeassistant_controls"
_BY: Final = Actor("app", "homeassistant")
NO_CONTROL: Final = "no_control"  # the device has no such control, or it takes no such value
TOO_MANY: Final = "too_many_commands"


class ControlsFeature(Feature):
    """Stores commands.

    Args:
        commands: takes them to the devices.
    """

    name = _NAME
    minds_readings = False
    operations = (Asking,)

    def __init__(self, commands: CommandsFeature) -> None:
        self._commands = commands
        self._now_ms = 0  # of the present round
        self._open: Counter[str] = Counter()  # unfinished commands of the devices that are asked

    def prepare(self, work: RoundWork) -> None:
        """Count what the devices have to do already. One query, if any is asked."""
        self._now_ms, self._open = work.now_ms, Counter()
        keys = [
            key
            for part in work.parts.values()
            for key, operations in part.operations.items()
            if any(isinstance(one, Asking) for one in operations)
        ]
        if keys:
            rows = Command.objects.filter(device__key__in=keys, status__in=UNFINISHED)
            rows = rows.filter(expires_at__gt=_time(work.now_ms)).order_by()
            self._open.update(dict(rows.values_list("device__key").annotate(number=Count("pk"))))

    def apply(self, operation: Asking, effects: Effects) -> None:
        """Make a command of it, unless the device has no such control, or enough to do."""
        member = effects.member
        found = _command(member, operation)
        if found is None:
            operation.reject(effects, NO_CONTROL)
        elif self._open[member.key] + len(effects.noted.get(_NAME, ())) >= MAX_OPEN_COMMANDS:
            operation.reject(effects, TOO_MANY)
        else:
            effects.counts["applied", ""] += 1
            effects.note(_NAME, self._row(member, *found))

    def _row(self, member: Member, name: str, args: dict[str, Any]) -> Command:
        now, begin = _time(self._now_ms), begun(self._now_ms, by="homeassistant")
        return Command(
            id=uuid4(),
            device_id=member.id,
            name=name,
            args=args,
            status=begin.status,
            timeline=list(begin.timeline),
            created_at=now,
            expires_at=now + timedelta(seconds=DEFAULT_TTL_S),
            created_by=str(_BY),
        )

    def store(self, effects: Sequence[Effects]) -> None:
        """Write them."""
        rows = [row for one in effects if not one.gone for row in one.noted.get(_NAME, ())]
        if rows:
            Command.objects.bulk_create(rows)

    def follow_up(self, work: RoundWork) -> None:
        """They are on their way."""
        made = [row.pk for _, one in work.effects() if not one.gone for row in one.noted.get(_NAME, ())]
        if made:
            self._commands.stored_now(made)


def _command(member: Member, operation: Asking) -> tuple[str, dict[str, Any]] | None:
    """What the device is to be told; None: nothing."""
    if member.twin.dialect != NATIVE or not member.described:
        return None
    kept, delivery = member.described.kept, operation.delivery
    found = asked(kept.value, delivery.kind, delivery.detail, delivery.payload)
    return None if found is None or contradiction(kept, *found) else found


def _time(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)
