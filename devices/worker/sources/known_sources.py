"""What a shard's owner knows of the shard's sources: states read from the database when they are first needed.

Which sources there are, and when each is to be asked what is due, is read at takeover. So a source that is not known
is new, and nothing has to be looked up for it. Of very many, or very large ones, the states that were not needed for
longest are forgotten once they are stored, and read again.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any, Final

import msgspec
import structlog
from django.db.models import F, TextField
from django.db.models.expressions import ExpressionWrapper

from bridge.dialects.dialect import Dialect, Due, Filter, Joined, State
from bridge.dialects.registry import Dialects
from devices.models import Source
from devices.worker.memory.shard import Shard
from devices.worker.rules.schedule import Schedule

log = structlog.get_logger(__name__)

NAME: Final = "sources"  # in Shard.kept
MOST_READ: Final = 5_000  # states of a shard in memory, and
MOST_READ_BYTES: Final = 16 * 1024 * 1024  # as JSON; decoded they take some times as much
_KEYS: Final = 200  # looked up at a time
_UNWRITTEN: Final = object()  # in place of what is stored
SourceId = tuple[str, str]  # its dialect's name, its key


class KnownSource:
    """A source whose state is in memory."""

    __slots__ = (
        "dialect",
        "due",
        "filter_count",
        "filters",
        "gateway",
        "is_stored",
        "key",
        "live_bytes",
        "live_stored",
        "model_bytes",
        "model_stored",
        "slot_ms",
        "state",
        "wake_stored_ms",
    )

    def __init__(self, dialect: Dialect, key: str, state: State) -> None:
        self.dialect, self.key, self.state = dialect, key, state
        self.is_stored = False
        self.model_stored: Any = _UNWRITTEN  # the object that the row was written from, or is read as
        self.live_stored: Any = _UNWRITTEN
        self.model_bytes = self.live_bytes = 0  # as JSON, as they are stored
        self.wake_stored_ms = 0  # Unix ms; 0: never
        self.filter_count = 0  # stored ones
        self.filters: dict[str, Filter] | None = None  # those, by topic filter, once they are read
        self.gateway = ""  # MQTT client id; the last one that brought something live of it to this worker
        self.due: Due | None = None  # what to ask it after the commit, as the transaction has found
        self.slot_ms = 0  # Unix ms; others are asked first, it may be asked then; 0: it need not wait

    @property
    def id(self) -> SourceId:
        """What it is known by."""
        return self.dialect.name, self.key

    @property
    def is_read_back(self) -> bool:
        """Whether its state was stored, or read as it is stored: there is one to go back to."""
        return self.model_stored is not _UNWRITTEN

    @property
    def is_unchanged(self) -> bool:
        """Whether what is stored of it is what is known of it."""
        return self.state.model is self.model_stored and self.state.live is self.live_stored


class KnownSources:
    """Those of one shard."""

    def __init__(self) -> None:
        self.unread: set[SourceId] = set()  # rows whose state is not in memory
        self.read: dict[SourceId, KnownSource] = {}
        self.wakes: Schedule[SourceId] = Schedule()  # when to ask what is due
        self.touched: dict[SourceId, KnownSource] = {}  # a message, or a gateway's connection, may have changed them
        self.asked: dict[SourceId, KnownSource] = {}  # asking has changed their states, which are not stored yet
        self.looked_at: dict[SourceId, KnownSource] = {}  # in the present round: read, or their time has come
        self.free_slot_ms = 0  # Unix ms; when one more may be asked
        self.read_bytes = 0  # of the states in memory, as JSON; of those that are not stored yet: nothing

    def __len__(self) -> int:
        return len(self.unread) + len(self.read)

    def __contains__(self, source: SourceId) -> bool:
        return source in self.read or source in self.unread

    def drop(self, source: SourceId) -> None:
        """It is no more."""
        self.unread.discard(source)
        if known := self.read.pop(source, None):
            self.weigh(known, 0, 0)
        self.touched.pop(source, None)
        self.wakes.remove(source)

    def weigh(self, source: KnownSource, model_bytes: int | None, live_bytes: int | None) -> None:
        """Its state is stored in so many bytes of JSON; None: that part is as it was."""
        before = source.model_bytes + source.live_bytes
        source.model_bytes = source.model_bytes if model_bytes is None else model_bytes
        source.live_bytes = source.live_bytes if live_bytes is None else live_bytes
        self.read_bytes += source.model_bytes + source.live_bytes - before

    def used(self, sources: Iterable[SourceId]) -> None:
        """They were needed now: others are forgotten before them."""
        for one in sources:
            self.read[one] = self.read.pop(one)

    def forget_some(self) -> None:
        """Forget states that are stored, those not needed for longest first, until no more is in memory than may be."""
        if len(self.read) <= MOST_READ and self.read_bytes <= MOST_READ_BYTES:
            return
        busy = self.touched.keys() | self.asked.keys() | self.looked_at.keys()
        for one in [*self.read][:-1]:  # what was needed last stays, however large it is
            if len(self.read) <= MOST_READ and self.read_bytes <= MOST_READ_BYTES:
                return
            source = self.read[one]
            if one not in busy and source.is_stored and source.is_unchanged and not source.slot_ms:
                del self.read[one]
                self.unread.add(one)
                self.weigh(source, 0, 0)


def known_of(shard: Shard) -> KnownSources:
    """What is known of a shard's sources."""
    known = shard.kept.get(NAME)
    if known is None:
        known = shard.kept[NAME] = KnownSources()
    assert isinstance(known, KnownSources)
    return known


# Reading ---------------------------------------------------------------------------------------------------------


def load(shard: Shard, dialects: Dialects, of: int, now_ms: int) -> None:
    """Which sources the shard has, and when they are to be asked; one whose dialect has another revision: at once.

    Raises:
        django.db.Error: the database failed.
    """
    known = shard.kept[NAME] = KnownSources()
    rows = Source.objects.annotate(number=F("hash") % of).filter(number=shard.number)
    for name, key, revision, wake_ms in rows.values_list("dialect", "key", "revision", "wake_ms").iterator():
        if speaks := dialects.by_name.get(name):
            known.unread.add((name, key))
            if wake_ms or revision != speaks.revision:
                known.wakes.set((name, key), wake_ms if revision == speaks.revision else now_ms)


def fetch(known: KnownSources, ids: Iterable[SourceId], dialects: Dialects, now_ms: int) -> None:
    """Have the states of those that are stored in memory. A query for each 200 that are not, if there are any.

    Raises:
        django.db.Error: the database failed.
    """
    wanted = list(known.unread.intersection(ids))
    for begin in range(0, len(wanted), _KEYS):
        for source in _read(wanted[begin : begin + _KEYS], dialects, now_ms):
            known.read[source.id] = source
            known.read_bytes += source.model_bytes + source.live_bytes
            if not source.is_unchanged:
                known.touched[source.id] = source
    known.unread.difference_update(wanted)


def _read(ids: Collection[SourceId], dialects: Dialects, now_ms: int) -> Iterator[KnownSource]:
    rows = Source.objects.filter(key__in=[key for _, key in ids], dialect__in={name for name, _ in ids})
    texts = rows.annotate(model_text=_text("model"), live_text=_text("live"))
    columns = ("dialect", "key", "revision", "model_text", "live_text", "wake_ms", "filter_count")
    for name, key, revision, model, live, wake_ms, filter_count in texts.values_list(*columns):
        if (name, key) in ids:
            source = _restored(dialects.by_name[name], key, revision, model, live, now_ms)
            source.is_stored, source.wake_stored_ms, source.filter_count = True, wake_ms, filter_count
            source.model_bytes, source.live_bytes = len(model), len(live)
            yield source


def _restored(dialect: Dialect, key: str, revision: int, model: str, live: str, now_ms: int) -> KnownSource:
    """As it is stored, or anew where that can't be read."""
    if revision != dialect.revision:
        log.info("a source begins anew: its dialect has changed", source=key, dialect=dialect.name)
        return KnownSource(dialect, key, joined(dialect, dialect.fresh(), "revision", now_ms))
    decode_model, decode_live = _decoders(dialect)
    try:
        state = State(decode_model(model), decode_live(live))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        log.warning("a source begins anew: what is stored of it can't be read", source=key, error=str(error))
        return KnownSource(dialect, key, joined(dialect, dialect.fresh(), "gap", now_ms))
    source = KnownSource(dialect, key, state)
    source.model_stored, source.live_stored = state.model, state.live
    return source


def joined(dialect: Dialect, state: State, why: Joined, now_ms: int) -> State:
    """A source's state when it begins or goes on. Never raises."""
    try:
        return dialect.joined(state, why, now_ms)
    except Exception:
        log.exception("a dialect failed: a bug", dialect=dialect.name, why=why)
        return state


def _text(name: str) -> Any:
    return ExpressionWrapper(F(name), output_field=TextField())


def _decoders(dialect: Dialect) -> tuple[Any, Any]:
    model, live = dialect.state_types
    return _decoder(model), _decoder(live)


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind).decode
