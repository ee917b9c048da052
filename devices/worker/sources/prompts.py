"""What sources have to be asked: when, by which gateway, and no more of them at once than their brokers can bear.

It follows from their states and is never queued. That a source has to be asked is stored with what its messages did;
what it was asked is sent after the commit, and that it was asked is stored with the next one. So a crash in between
asks twice, and never not at all.
"""

from collections.abc import Iterator
from typing import Final

import structlog

from bridge.dialects.dialect import NOTHING_DUE, Due, Publication
from bridge.dialects.refusals.guard import publish_error
from bridge.dialects.registry import Dialects
from bridge.messages import FiltersChanged, Publish, Refetch
from bridge.names import gateway_channel
from devices.worker.effects.results import Prompt
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import Links
from devices.worker.sources.known_sources import KnownSource, KnownSources

log = structlog.get_logger(__name__)

SLOT_MS: Final = 200  # of a shard: five sources a second are asked
_LEAST_MS: Final = 1_000  # until a source with nothing to ask is looked at again
_TOKEN: Final = b"p"  # what a prompt's answer begins with: nobody waits for it


def due_of(source: KnownSource, now_ms: int) -> Due:
    """What its dialect wants to ask a source. Never raises."""
    try:
        return source.dialect.due(source.state, now_ms)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=source.dialect.name, source=source.key)
        return NOTHING_DUE


def asks(due: Due) -> bool:
    """Whether anything is to be sent, or remembered."""
    return bool(due.publications or due.refetch or due.state is not None)


def wake_ms(due: Due, now_ms: int) -> int:
    """By when a source has to be looked at again, should its owner be another one then; 0: never."""
    if asks(due):
        return now_ms
    return 0 if due.again_ms is None else max(due.again_ms, now_ms + _LEAST_MS)


def ask(
    source: KnownSource, due: Due, known: KnownSources, shard: Shard, dialects: Dialects, links: Links, now_ms: int
) -> Iterator[Prompt]:
    """Ask a source what is due, unless others are first; then it is woken when it is its turn."""
    again_ms = wake_ms(Due(again_ms=due.again_ms), now_ms)
    if due.publications or due.refetch:
        if not _has_slot(source, known, now_ms):
            known.wakes.set(source.id, source.slot_ms)
            return
        channel = gateway_channel(links.serving(source.key, source.dialect.name, source.gateway, shard.gateway))
        for one in due.publications:
            if _may_publish(source, one, dialects):
                yield channel, _publish(shard.number, source.key, one)
        if due.refetch:
            yield channel, Refetch(shard.number, source.dialect.name, source.key, due.refetch)
    source.slot_ms = 0
    if due.state is not None:
        source.state = due.state
        known.asked[source.id] = source
    elif 0 < source.wake_stored_ms <= now_ms:  # or the next owner would look in vain
        known.asked[source.id] = source
    if again_ms:
        known.wakes.set(source.id, again_ms)
    else:
        known.wakes.remove(source.id)


def filters_changed(source: KnownSource, shard: Shard, links: Links) -> Iterator[Prompt]:
    """Tell the gateways that serve a source that it wants others."""
    name = source.dialect.name
    for gateway in links.all_serving(source.key, name, shard.gateway):
        yield gateway_channel(gateway), FiltersChanged(shard.number, name, source.key)


def _has_slot(source: KnownSource, known: KnownSources, now_ms: int) -> bool:
    """Whether it is the source's turn; if not, it has one from now on."""
    if not source.slot_ms:
        source.slot_ms = max(now_ms, known.free_slot_ms)
        known.free_slot_ms = source.slot_ms + SLOT_MS
    return source.slot_ms <= now_ms


def _may_publish(source: KnownSource, one: Publication, dialects: Dialects) -> bool:
    error = publish_error(dialects, source.dialect.name, one.topic)
    if error:
        log.error("a dialect publishes where it may not: a bug", source=source.key, topic=one.topic, reason=error)
    return error is None


def _publish(shard: int, device: str, one: Publication) -> Publish:
    more = (one.expires_ms, one.correlation, one.response_topic)
    return Publish(shard, device, _TOKEN, one.topic, one.payload, one.qos, one.retain, *more)
