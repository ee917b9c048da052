"""Writing what has become of sources, in the transaction of what their messages did: in one statement, as a rule.

``model`` and ``live`` are each written only where they are another object than the one that is stored.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

import structlog
from msgspec import json

from bridge.dialects.dialect import State
from bridge.shards import device_hash
from devices.models import Source
from devices.worker.memory.bulk_writes import Row, Table
from devices.worker.sources.known_sources import KnownSource

log = structlog.get_logger(__name__)

MAX_STATE_BYTES: Final = 4 * 1024 * 1024  # of a model, and of what is live, as JSON
_KEY: Final = ("key", "dialect")
_LIVE: Final = ("revision", "live", "wake_ms", "filter_count", "written_ms")
_FIELDS: Final = (*_KEY, "hash", "model", *_LIVE)
_WHOLE: Final = Table(Source, _FIELDS, _KEY, ("model", *_LIVE))
_BUT_MODEL: Final = Table(Source, _FIELDS, _KEY, _LIVE)
_encode = json.Encoder().encode
_NOTHING: Final = (None, None)
Counts = Counter[tuple[str, str]]


class Texts(NamedTuple):
    """A source's state as JSON, as far as it is to be written."""

    model: str | None
    live: str | None


class SourceRows:
    """Rows of a transaction's sources."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._whole: list[Row] = []
        self._but_model: list[Row] = []

    def add(self, source: KnownSource, texts: Texts, wake_ms: int) -> bool:
        """Write a source's row if anything of it is not as it is stored. Whether it is written.

        Args:
            source: whose state can be written.
            texts: of it.
            wake_ms: Unix ms; by then it is to be asked what is due; 0: never.
        """
        if texts == _NOTHING and not _is_news(source.wake_stored_ms, wake_ms, self._now_ms):
            return False
        state, dialect = source.state, source.dialect
        live = texts.live or _encode(state.live).decode()
        key = (source.key, dialect.name, device_hash(source.key))
        row = (*key, texts.model or "null", dialect.revision, live, wake_ms, source.filter_count, self._now_ms)
        (self._but_model if texts.model is None else self._whole).append(row)
        source.model_stored, source.live_stored = state.model, state.live
        source.wake_stored_ms, source.is_stored = wake_ms, True
        return True

    def write(self) -> None:
        """Write them.

        Raises:
            django.db.Error: the database failed.
        """
        _WHOLE.write(self._whole)
        _BUT_MODEL.write(self._but_model)


def _is_news(stored_ms: int, wake_ms: int, now_ms: int) -> bool:
    """Whether the time of waking must be written. One that is stored too early costs the next owner a look."""
    if wake_ms and (not stored_ms or wake_ms < stored_ms):
        return True
    return bool(stored_ms) and stored_ms <= now_ms and wake_ms != stored_ms


def writable(source: KnownSource, counts: Counts) -> Texts:
    """See to it that a source's state can be written: what can't be, or is too large, is as it was before.

    Args:
        source: to look at; its state may be set back.
        counts: for the ledger; takes what is refused.
    """
    state, fresh = source.state, source.dialect.fresh()
    live_before = source.live_stored if source.is_read_back else fresh.live
    live, live_text = _checked(state.live, source.live_stored, live_before, _Refusal(source, "live", counts))
    model_before = source.model_stored if source.is_read_back else fresh.model
    model, model_text = _checked(state.model, source.model_stored, model_before, _Refusal(source, "model", counts))
    if model is not state.model or live is not state.live:
        source.state = State(model, live)
    return Texts(model_text, live_text)


class _Refusal(NamedTuple):
    """Where it is said that a part of a state was refused."""

    source: KnownSource
    what: str  # model or live
    counts: Counts


def _checked(value: Any, stored: Any, before: Any, refusal: _Refusal) -> tuple[Any, str | None]:
    """What is to be known of a part of a state, and its JSON if that is to be written."""
    if value is stored:
        return value, None
    text = _text(value, refusal)
    if text is not None:
        return value, text
    return before, None if before is stored else _encode(before).decode()


def _text(value: Any, refusal: _Refusal) -> str | None:
    """None, counted and logged: it can't be written."""
    source, what, counts = refusal
    try:
        text = _encode(value)
    except Exception:
        log.exception("a dialect's state can't be written: a bug", dialect=source.dialect.name, source=source.key)
        counts["noted", f"source_{what}_unwritable"] += 1
        return None
    if len(text) > MAX_STATE_BYTES:
        size = {"what": what, "bytes": len(text), "most": MAX_STATE_BYTES}
        log.warning("a source's state is too large: the former one stays", source=source.key, **size)
        counts["noted", f"source_{what}_too_large"] += 1
        return None
    return text.decode()


def is_nothing(source: KnownSource) -> bool:
    """Whether nothing is worth keeping of a source: it is not stored, and all that is known of it is nothing."""
    return not source.is_stored and source.state == source.dialect.fresh()
