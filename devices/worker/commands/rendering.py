"""Commands rendered by their devices' dialects, with the state of their sources.

Guarded: what a device's message has named is published with the gateway's rights.
"""

from typing import Final

import structlog
from msgspec import json

from bridge.dialects.dialect import NATIVE, Command, Refused, Rendered
from bridge.dialects.refusals.guard import publish_error
from bridge.dialects.registry import Dialects
from devices.worker.commands.known_commands import KnownCommand, expires_ms
from devices.worker.memory.shard import Member, Shard
from devices.worker.rules.ways import MAX_PUBLICATIONS, Manner, in_manner
from devices.worker.sources.sources import Sources

log = structlog.get_logger(__name__)

_encode: Final = json.Encoder().encode
_UNKNOWN: Final = Refused("unknown_dialect", "nobody speaks this device's dialect any more")
_FAILED: Final = Refused("internal_error", "its dialect failed: a bug")


def manner_of(member: Member | None, name: str) -> Manner | None:
    """What a device is said to do with an action, if that is something else than to acknowledge it, as is usual."""
    return member.described.manners.get(name) if member and member.described else None


class Renderer:
    """Renders commands to devices.

    Args:
        dialects: of the installation.
        sources: of this process's shards.
    """

    def __init__(self, dialects: Dialects, sources: Sources) -> None:
        self._dialects, self._sources = dialects, sources

    def render(self, shard: Shard, command: KnownCommand, now_ms: int) -> Rendered | Refused:
        """A command ready to be published, or why its device can't be given it. Never raises on the dialect's account.

        Raises:
            django.db.Error: the source's state had to be read, and the database failed.
        """
        asked = Command(str(command.id), command.name, _encode(command.args), expires_ms(command))
        return self.render_asked(shard, command.device, asked, now_ms)

    def render_asked(self, shard: Shard, device: str, asked: Command, now_ms: int) -> Rendered | Refused:
        """The same of a command that need not be stored."""
        member = shard.members.get(device)
        name = member.known.dialect if member else NATIVE
        speaks, state = self._dialects.by_name.get(name), self._sources.state(shard, name, device, now_ms)
        if speaks is None or state is None:
            return _UNKNOWN
        try:
            rendered = speaks.render(state, device, asked, now_ms)
        except Exception:
            log.exception("a dialect failed: a bug", dialect=name, device=device)
            return _FAILED
        if isinstance(rendered, Refused):
            return rendered
        if name != NATIVE:
            return self._guarded(rendered, name)
        manner = manner_of(member, asked.name)
        return rendered if manner is None else in_manner(rendered, manner, asked, now_ms)

    def _guarded(self, rendered: Rendered, name: str) -> Rendered | Refused:
        if not 0 < len(rendered.publications) <= MAX_PUBLICATIONS:
            return Refused("too_long", f"{len(rendered.publications)} publications")
        for one in rendered.publications:
            if error := publish_error(self._dialects, name, one.topic):
                return Refused("foreign_topic", f"{one.topic[:100]}: {error}")
        return rendered
