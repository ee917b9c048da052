"""The feature of what is desired of devices in other dialects: they are told to set what they lack, now and then.

Such a device keeps no topic for it. While it is online and reports something else it is told by ``set``, at most once a
minute, and never by what must not be sent twice: nobody waits for these commands, so each has to be harmless again.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from msgspec import json

from bridge.dialects.dialect import NATIVE, Command, Refused
from bridge.messages import Publish
from bridge.names import gateway_channel
from devices.rules import documents
from devices.rules.described.contradictions import SET
from devices.rules.twin import TwinState
from devices.worker.commands.rendering import Renderer
from devices.worker.effects.feature import Feature
from devices.worker.effects.work import RoundWork
from devices.worker.memory.shard import Member, Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.rules.schedule import Schedule

EVERY_MS: Final = 60_000
NAME: Final = "foreign_desired"
_TOKEN: Final = b"w"  # what an answer begins with: nobody waits for it
_encode: Final = json.Encoder().encode


class ForeignDesiredFeature(Feature):
    """Tells them.

    Args:
        links: the gateways', as last read.
        renderer: of commands.
    """

    name = NAME
    minds_readings = False

    def __init__(self, links: LinkWatch, renderer: Renderer) -> None:
        self._links, self._renderer = links, renderer

    def join(self, shard: Shard, member: Member, now_ms: int) -> None:
        """Something may be desired of it."""
        _mind(shard, member, now_ms)

    def follow_up(self, work: RoundWork) -> None:
        """Look at those of which something is desired, or that have come online."""
        for part, effects in work.effects():
            if effects.gone:
                _looks(part.shard).remove(effects.member.key)
            else:
                _mind(part.shard, effects.member, work.now_ms)

    def publish(self, work: RoundWork) -> None:
        """Tell those whose time it is."""
        for part in work.parts.values():
            if NAME in part.shard.kept:
                work.results.downlinks += self._due(part.shard, work.now_ms)

    def _due(self, shard: Shard, now_ms: int) -> Iterator[tuple[str, Publish]]:
        looks = _looks(shard)
        while (key := looks.pop(now_ms)) is not None:
            member = shard.members.get(key)
            if member is None or not _is_concerned(member):
                continue
            looks.set(key, now_ms + EVERY_MS)
            lacking = missing(member.twin) if member.known.presence.status == "online" else {}
            if lacking:
                yield from self._told(shard, member, lacking, now_ms)

    def _told(
        self, shard: Shard, member: Member, lacking: dict[str, Any], now_ms: int
    ) -> Iterator[tuple[str, Publish]]:
        asked = Command(str(uuid4()), SET, _encode(lacking), now_ms + EVERY_MS)
        rendered = self._renderer.render_asked(shard, member.key, asked, now_ms)
        if isinstance(rendered, Refused) or rendered.retry == "once":
            return
        channel = gateway_channel(self._links.latest.gateway_of(member, shard.gateway))
        for one in rendered.publications:
            more = (one.expires_ms, one.correlation, one.response_topic)
            yield channel, Publish(shard.number, member.key, _TOKEN, one.topic, one.payload, one.qos, one.retain, *more)

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When the next is to be looked at."""
        times = (_looks(shard).first_ms() for shard in shards if NAME in shard.kept)
        return min((time_ms for time_ms in times if time_ms is not None), default=None)


def missing(twin: TwinState) -> dict[str, Any]:
    """What is desired of a device and neither among its metrics nor in its reported state, by metric."""
    return {
        name: value
        for name, value in _flat(twin.desired.value, "")
        if not (name in twin.metrics and documents.same(twin.metrics[name].value, value))
        and not documents.same(twin.reported.value.get(name), value)
    }


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, inner


def _is_concerned(member: Member) -> bool:
    return member.known.dialect != NATIVE and bool(member.known.desired_version)


def _mind(shard: Shard, member: Member, now_ms: int) -> None:
    """Look at it at once, unless it is to be looked at within a minute anyway."""
    if _is_concerned(member):
        looks = _looks(shard)
        if member.key not in looks:
            looks.set(member.key, now_ms)


def _looks(shard: Shard) -> "Schedule[str]":
    """When each is to be looked at."""
    looks: Schedule[str] = shard.kept.setdefault(NAME, Schedule())
    return looks
