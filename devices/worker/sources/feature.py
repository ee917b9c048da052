"""The feature of sources: their states are stored with what their messages did, and they are asked what is due.

How a prompt survives whatever is killed is said in prompts.py.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bridge.dialects.registry import Dialects
from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.shard import Shard
from devices.worker.presence.gateway_links import LinkWatch
from devices.worker.retention.scope import PurgeTask
from devices.worker.sources import known_sources, prompts, wanted_filters
from devices.worker.sources.known_sources import NAME, KnownSource, known_of
from devices.worker.sources.purges import ForsakenSources
from devices.worker.sources.storing import SourceRows, is_nothing, writable

_STORE_MS: Final = 100  # so long what a source was asked waits for a transaction, before it gets its own


class SourcesFeature(Feature):
    """Stores what has become of sources, and asks them.

    Args:
        options: of the installation.
        dialects: of the installation.
        links: the gateways', as last read.
    """

    name = NAME
    minds_readings = False  # a transaction in which any source has changed holds more than readings

    def __init__(self, options: DevicesOptions, dialects: Dialects, links: LinkWatch) -> None:
        self._of, self._dialects, self._links = options.shards, dialects, links
        self._changed: list[tuple[ShardWork, KnownSource]] = []  # in the present round: they want other filters

    def load(self, shard: Shard, now_ms: int) -> None:
        """Which sources there are, and when they are to be asked."""
        known_sources.load(shard, self._dialects, self._of, now_ms)

    def forget(self) -> None:
        """The round is over."""
        self._changed = []

    def find(self, _round: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Those that are to be asked now; whether any were, and it is not stored yet."""
        found = False
        for shard in shards:
            known = known_of(shard)
            if known.wakes:
                self._wake(shard, now_ms)
            found = found or bool(known.asked or known.touched)
        return found

    def _wake(self, shard: Shard, now_ms: int) -> None:
        known = known_of(shard)
        ids = []
        while (one := known.wakes.pop(now_ms)) is not None:
            if one[1] not in shard.blocked:
                ids.append(one)
        known_sources.fetch(known, ids, self._dialects, now_ms)
        known.looked_at |= {one: known.read[one] for one in ids if one in known.read}

    def follow_up(self, work: RoundWork) -> None:
        """Write the states of those that messages, connections or prompts have touched, and what follows from them."""
        self._changed = []
        rows = SourceRows(work.now_ms)
        for part in work.parts.values():
            known = known_of(part.shard)
            if known.touched or known.asked:
                for source in {**known.asked, **known.touched}.values():
                    part.touched |= self._store(source, part, rows, work.now_ms)
        rows.write()

    def _store(self, source: KnownSource, part: ShardWork, rows: SourceRows, now_ms: int) -> bool:
        if is_nothing(source):
            known_of(part.shard).drop(source.id)
            return False
        texts = writable(source, part.counted)
        if texts.model is not None and wanted_filters.follow(source, self._dialects, part.counted):
            self._changed.append((part, source))
        source.due = prompts.due_of(source, now_ms)
        sizes = (None if text is None else len(text) for text in texts)
        known_of(part.shard).weigh(source, *sizes)
        return rows.add(source, texts, prompts.wake_ms(source.due, now_ms))

    def committed(self, work: RoundWork) -> None:
        """Ask."""
        links = self._links.latest
        for part, source in self._changed:
            work.results.prompts += prompts.filters_changed(source, part.shard, links)
        self._changed = []
        for part in work.parts.values():
            known, shard = known_of(part.shard), part.shard
            if not (known.touched or known.asked or known.looked_at):
                continue
            concerned = {**known.asked, **known.touched, **known.looked_at}
            concerned = {one: source for one, source in concerned.items() if one in known.read}
            known.touched, known.looked_at = {}, {}
            # what was read, for a command say, when the others had been stored already:
            known.asked = {one: source for one, source in concerned.items() if not source.is_unchanged}
            for source in concerned.values():
                if source.key not in shard.blocked:
                    due = source.due or prompts.due_of(source, work.now_ms)
                    source.due = None
                    work.results.prompts += prompts.ask(source, due, known, shard, self._dialects, links, work.now_ms)
            known.used(concerned)
            known.forget_some()

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """When the next is to be asked, or when what was asked is to be stored."""
        times = []
        for shard in shards:
            known = known_of(shard)
            if known.asked:
                times.append(now_ms + _STORE_MS)
            if (first_ms := known.wakes.first_ms()) is not None:
                times.append(first_ms)
        return min(times, default=None)

    def purges(self) -> Iterable[PurgeTask]:
        """Sources of which no device is left."""
        return (ForsakenSources(),)
