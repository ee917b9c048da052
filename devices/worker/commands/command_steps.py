"""The stored commands that one transaction touches: their steps by devices.rules.commands, their storage."""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast
from uuid import UUID

from msgspec import json, structs

from bridge.messages import CommandStep
from devices.rules.commands import (
    OPEN,
    Progress,
    Status,
    acknowledged,
    advance,
    as_changes,
    brief,
    command_json,
    expired,
    refused,
    rejected,
    unconfirmed,
)
from devices.rules.requested import Refused
from devices.worker.commands.known_commands import KnownCommand, KnownCommands, expires_ms, read
from devices.worker.effects.operations import Acknowledged
from devices.worker.effects.work import Recorded
from devices.worker.memory.bulk_writes import update_each
from devices.worker.memory.one_statement import Part
from devices.worker.rules.ways import Way
from runtime.databases.binary_arrays import INTEGERS, TEXTS

_SET: Final = (
    'UPDATE devices_command AS stored SET status = {0}, timeline = {1}, result = {2}, reason = {3}, "commit" = {4}, '
    "way = {5} "
)
_SAVE_MANY: Final = Part(
    _SET.format("step.status", "step.timeline", "step.result", "step.reason", "step.number", "step.way")
    + "FROM unnest({0}, {1}, {2}, {3}, {4}, {5}, {6}) AS step(status, timeline, result, reason, number, way, id)"
    " WHERE stored.id = step.id::uuid",
    (TEXTS, TEXTS, TEXTS, TEXTS, INTEGERS, TEXTS, TEXTS),
    "devices_command",
)
_SAVE_ONE: Final = _SET.format("%s", "%s", "%s", "%s", "%s", "%s") + "WHERE id = replace(%s, '-', '')"
_encode = json.Encoder().encode


def command_id(text: str) -> UUID | None:
    """The id that a topic or a message names; None when it can't be one."""
    try:
        return UUID(text)
    except ValueError:
        return None


class CommandSteps:
    """Some commands, as the present transaction sees them. Steps are told to browsers once it is committed.

    Args:
        known: those that need not be read; kept up to date.
        is_ours: whether a device, by its key, is of a shard that we own. Other devices' commands are not touched.
    """

    def __init__(self, known: KnownCommands, is_ours: Callable[[str], bool]) -> None:
        self._known, self._is_ours = known, is_ours
        self._read: dict[UUID, KnownCommand] = {}
        self._changed: dict[UUID, KnownCommand] = {}
        self.by_device: dict[str, list[CommandStep]] = {}  # the steps for browsers, by device key, in order
        self.recorded: dict[str, list[Recorded]] = {}  # those for the record of changes, likewise

    def fetch(self, ids: Iterable[UUID]) -> None:
        """Know these, too, if they exist; one query for those not known yet."""
        missing = {pk for pk in ids if self.get(pk) is None}
        if missing:
            self._read.update((row.id, row) for row in read(missing, self._is_ours))

    def get(self, pk: UUID | None) -> KnownCommand | None:
        """The command; None when it is not there."""
        return (self._read.get(pk) or self._known.get(pk)) if pk else None

    def knows(self, text: str, device_id: int) -> bool:
        """Whether the id is one of the device's commands."""
        command = self.get(command_id(text))
        return command is not None and command.device_id == device_id

    # --------------------------------------------------------------------------------------------- steps

    def stored(self, pk: UUID) -> KnownCommand | None:
        """Somebody has just stored it: its first step is told. None when it waits for nothing (any more)."""
        command = self.get(pk)
        if command is None or command.status not in OPEN:
            return None
        if command.status == "accepted":
            self._note(command)
        return command

    def goes(self, command: KnownCommand, way: Way) -> None:
        """It was rendered, and goes this way."""
        command.way = way
        self._changed[command.id] = command

    def sent(self, pk: UUID, at_ms: int) -> Way | None:
        """The broker has confirmed it. Returns its way from now on, if it has one."""
        if (command := self.get(pk)) is None:
            return None
        if command.way and command.status == "accepted":
            command.way = structs.replace(command.way, published_ms=at_ms)
        self._go(command, advance(_progress(command), "sent", at_ms))
        return command.way

    def acknowledged(self, answer: Acknowledged) -> None:
        """Its device has answered."""
        ack = answer.ack
        if command := self.get(command_id(ack.command_id)):
            times = (answer.at_ms, expires_ms(command))
            progress = acknowledged(_progress(command), ack, *times, replayed=answer.replayed, by=answer.by)
            self._go(command, progress, ack.result, ack.reason)

    def refused(self, pk: UUID, reason: str, at_ms: int) -> None:
        """Its broker will not take it."""
        if command := self.get(pk):
            self._go(command, refused(_progress(command), reason, at_ms), reason=reason)

    def rejected(self, command: KnownCommand, reason: str, at_ms: int) -> None:
        """Its device can't be given it."""
        self._go(command, rejected(_progress(command), reason, at_ms), reason=reason)

    def ended(self, pk: UUID) -> None:
        """Its time has ended. Nothing if its device has answered."""
        if (command := self.get(pk)) is None:
            return
        progress, way, end_ms = _progress(command), command.way, expires_ms(command)
        if way and way.published_ms and (way.ack != "exact" or (way.once and command.status == "accepted")):
            self._go(command, unconfirmed(progress, way.ends_ms or end_ms))
        else:
            self._go(command, expired(progress, end_ms))

    def cancelled(self, text: str, device: str, at_ms: int, actor: str) -> Refused | None:
        """Somebody takes it back: it is published no more. None, or why not."""
        command = self.get(command_id(text))
        if command is None or command.device != device:
            return Refused("not_found", f"{device} has no command {text[:64]}")
        if not self._go(command, advance(_progress(command), "cancelled", at_ms), actor=actor):
            return Refused("conflict", f"the command is {command.status} already")
        return None

    def _go(
        self,
        command: KnownCommand,
        progress: Progress,
        result: Any = None,
        reason: str | None = None,
        actor: str = "",
    ) -> bool:
        if progress.status == command.status:
            return False
        command.status, command.timeline = progress.status, list(progress.timeline)
        command.result = command.result if result is None else result
        command.reason = reason or command.reason
        self._note(command, actor)
        return True

    def _note(self, command: KnownCommand, actor: str = "") -> None:
        """Its latest step is told and recorded; with it those before that were not recorded yet."""
        key = command.device
        news = list(as_changes(command.id, command.name, command.timeline, command.recorded))
        first = command.created_by if command.recorded == 0 else actor
        command.recorded = len(command.timeline)
        its = self.recorded.setdefault(key, [])
        its.extend((one, first if number == 0 else actor) for number, one in enumerate(news))
        self._changed[command.id] = command
        self.by_device.setdefault(key, []).append(CommandStep(key, _encode(brief(command_json(command, key)))))

    # ----------------------------------------------------------------------------------------- afterwards

    def forget(self, device: str) -> None:
        """The device was deleted, and its commands with it."""
        self._known.drop_device(device)
        for pk in [pk for pk, command in self._read.items() if command.device == device]:
            del self._read[pk]
        for pk in [pk for pk, command in self._changed.items() if command.device == device]:
            del self._changed[pk]
        self.by_device.pop(device, None)

    def save(self, commit_of: Callable[[str], int]) -> list[KnownCommand]:
        """Store the steps, in one statement. Returns the commands of which any is told.

        Args:
            commit_of: a device key → the number of the commit that will tell them.
        """
        changed = list(self._changed.values())
        if changed:
            rows = [
                (*_columns(command), commit_of(command.device), _way(command), str(command.id)) for command in changed
            ]
            update_each(_SAVE_MANY, _SAVE_ONE, rows)
        for command in changed:
            self._known.keep(command)
        return changed


def _columns(command: KnownCommand) -> tuple[str, str, str, str]:
    timeline, result = _encode(command.timeline).decode(), _encode(command.result).decode()
    return command.status, timeline, result, command.reason


def _way(command: KnownCommand) -> str:
    return _encode(command.way).decode()


def _progress(command: KnownCommand) -> Progress:
    return Progress(cast("Status", command.status), tuple(command.timeline))
