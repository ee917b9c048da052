"""The stored commands that one transaction touches: their steps by devices.rules.commands, their storage."""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast
from uuid import UUID

from msgspec import json

from bridge.messages import CommandStep
from devices.models import Command
from devices.rules.commands import OPEN, Progress, Status, acknowledged, advance, brief, command_json, expired, refused
from devices.rules.requested import Refused
from devices.worker.effects.operations import Acknowledged

_STEP_COLUMNS: Final = ("status", "timeline", "result", "reason", "commit")
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
        is_ours: whether a device, by its hash, is of a shard that we own. Other devices' commands are not touched.
    """

    def __init__(self, is_ours: Callable[[int], bool]) -> None:
        self._is_ours = is_ours
        self._commands: dict[UUID, Command] = {}
        self._changed: dict[UUID, Command] = {}
        self.by_device: dict[str, list[CommandStep]] = {}  # the steps for browsers, by device key, in order

    def fetch(self, ids: Iterable[UUID]) -> None:
        """Know these, too, if they exist; one query for those not known yet."""
        missing = {pk for pk in ids if pk not in self._commands}
        if missing:
            rows = Command.objects.select_related("device").filter(pk__in=missing)
            self._commands.update((row.pk, row) for row in rows if self._is_ours(row.device.hash))

    def get(self, pk: UUID | None) -> Command | None:
        """The command; None when it is not there."""
        return self._commands.get(pk) if pk else None

    def knows(self, text: str, device_id: int) -> bool:
        """Whether the id is one of the device's commands."""
        command = self.get(command_id(text))
        return command is not None and command.device_id == device_id

    # --------------------------------------------------------------------------------------------- steps

    def stored(self, pk: UUID) -> Command | None:
        """Somebody has just stored it: its first step is told. None when it waits for nothing (any more)."""
        command = self.get(pk)
        if command is None or command.status not in OPEN:
            return None
        if command.status == "accepted":
            self._note(command)
        return command

    def sent(self, pk: UUID, at_ms: int) -> None:
        """The broker has confirmed it."""
        if command := self.get(pk):
            self._go(command, advance(_progress(command), "sent", at_ms))

    def acknowledged(self, answer: Acknowledged) -> None:
        """Its device has answered."""
        ack = answer.ack
        if command := self.get(command_id(ack.command_id)):
            times = (answer.at_ms, expires_ms(command))
            progress = acknowledged(_progress(command), ack, *times, replayed=answer.replayed)
            self._go(command, progress, ack.result, ack.reason)

    def refused(self, pk: UUID, reason: str, at_ms: int) -> None:
        """Its broker will not take it."""
        if command := self.get(pk):
            self._go(command, refused(_progress(command), reason, at_ms), reason=reason)

    def expired(self, pk: UUID) -> None:
        """Its time has ended. Nothing if its device has answered."""
        if command := self.get(pk):
            self._go(command, expired(_progress(command), expires_ms(command)))

    def cancelled(self, text: str, device: str, at_ms: int) -> Refused | None:
        """Somebody takes it back: it is published no more. None, or why not."""
        command = self.get(command_id(text))
        if command is None or command.device.key != device:
            return Refused("not_found", f"{device} has no command {text[:64]}")
        if not self._go(command, advance(_progress(command), "cancelled", at_ms)):
            return Refused("conflict", f"the command is {command.status} already")
        return None

    def _go(self, command: Command, progress: Progress, result: Any = None, reason: str | None = None) -> bool:
        if progress.status == command.status:
            return False
        command.status, command.timeline = progress.status, list(progress.timeline)
        command.result = command.result if result is None else result
        command.reason = reason or command.reason
        self._note(command)
        return True

    def _note(self, command: Command) -> None:
        key = command.device.key
        self._changed[command.pk] = command
        self.by_device.setdefault(key, []).append(CommandStep(key, _encode(brief(command_json(command, key)))))

    # ----------------------------------------------------------------------------------------- afterwards

    def forget(self, device: str) -> None:
        """The device was deleted, and its commands with it."""
        for pk in [pk for pk, command in self._commands.items() if command.device.key == device]:
            del self._commands[pk]
            self._changed.pop(pk, None)
        self.by_device.pop(device, None)

    def save(self, commit_of: Callable[[str], int]) -> list[Command]:
        """Store the steps, in one statement. Returns the commands of which any is told.

        Args:
            commit_of: a device key → the number of the commit that will tell them.
        """
        for command in self._changed.values():
            command.commit = commit_of(command.device.key)
        if self._changed:
            Command.objects.bulk_create(
                self._changed.values(), update_conflicts=True, unique_fields=["id"], update_fields=_STEP_COLUMNS
            )
        return list(self._changed.values())


def expires_ms(command: Command) -> int:
    """The end of its time, Unix ms."""
    return int(command.expires_at.timestamp() * 1000)


def _progress(command: Command) -> Progress:
    return Progress(cast("Status", command.status), tuple(command.timeline))
