"""What has come for this process's shards and is not yet carried out. Lives in the event loop. Bounded everywhere."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, TypeVar

import structlog

from bridge import wire
from bridge.messages import Batch, Batches, CommandStored, Published, RequestStored
from devices.worker.effects.work import Round
from runtime.outages import SampledLog

MAX_BATCHES: Final = 16  # a shard; a gateway has two under way. Beyond: the newest is dropped, the link repeats it
MAX_NUDGES: Final = 1_000  # of each kind; beyond: the newest is dropped, the sweeps find what it told
MAX_PUBLISHED: Final = 2_000  # beyond: the newest is dropped, the outbox publishes again
ROUND_DELIVERIES: Final = 5_000  # about as many go into one transaction: acknowledgements must not wait for seconds
ROUND_BYTES: Final = 512 * 1024  # of payloads, or a single batch: a byte may be worth 10 µs
_MAX_GATEWAY_CHARS: Final = 64  # LinkCursor.gateway

Note = CommandStored | RequestStored | Published
Incoming = Batch | Note
_Key = tuple[int, str, int, int]  # shard, gateway, epoch, seq
K = TypeVar("K")
V = TypeVar("V")


log = structlog.get_logger(__name__)
_unreadable: Final = SampledLog(log, "unreadable message on a shard's channel", time.monotonic)


def incoming(message: dict[str, Any]) -> Sequence[Incoming]:
    """What a message of the channel layer brings; nothing, and logged, if that is not for a shard.

    All may be lost, and come again: deliveries from a gateway (at least once, by the link; repeats are told by their
    numbers), nudges, and what became of a downlink. Of several shards' batches, those of shards that are another
    worker's by now are repeated to that one.
    """
    read = wire.unpack(message)
    if isinstance(read, Batches):
        return read.batches
    if isinstance(read, Incoming):
        return (read,)
    if isinstance(read, wire.Unreadable):
        _unreadable.add("unreadable", read.reason)
    else:
        _unreadable.add("not for a shard", str(message["type"]))
    return ()


class Intake:
    """Collects while a round runs, hands out the next one; keeps a round until it is known to be done."""

    def __init__(self) -> None:
        self._batches: dict[_Key, Batch] = {}
        self._in_hand: dict[_Key, Batch] = {}
        self._per_shard: Counter[int] = Counter()
        self._commands: dict[str, CommandStored] = {}
        self._requests: dict[int, RequestStored] = {}
        self._published: list[Published] = []
        self._failures = 0  # of those, so many say what could not be published
        self._notes_in_hand: list[Note] = []

    def __bool__(self) -> bool:
        return bool(self._batches or self._commands or self._requests or self._published)

    @property
    def is_urgent(self) -> bool:
        """Whether anything is to be carried out at once: what the broker has confirmed may wait a little."""
        return bool(self._batches or self._commands or self._requests or self._failures)

    def offer(self, message: Incoming) -> bool:
        """Take a message; False when it is dropped (it was there already, is outdated, or there is no room)."""
        match message:
            case Batch():
                return self._offer_batch(message)
            case CommandStored():
                return _put(self._commands, message.command_id, message)
            case RequestStored():
                return _put(self._requests, message.request_id, message)
            case Published():
                if len(self._published) >= MAX_PUBLISHED:
                    return False
                self._published.append(message)
                self._failures += not message.ok
                return True

    def _offer_batch(self, batch: Batch) -> bool:
        key = (batch.shard, batch.gateway, batch.epoch, batch.seq)
        if key in self._batches or key in self._in_hand or not 0 < len(batch.gateway) <= _MAX_GATEWAY_CHARS:
            return False
        waiting = [known for known in self._batches if known[:2] == key[:2]]
        if any(known[2] > batch.epoch for known in waiting):
            return False
        # nobody waits for the batches of a gateway's former connection: the broker delivers them again
        self._drop(known for known in waiting if known[2] < batch.epoch)
        if self._per_shard[batch.shard] >= MAX_BATCHES:
            return False
        self._batches[key] = batch
        self._per_shard[batch.shard] += 1
        return True

    def _drop(self, outdated: Iterable[_Key]) -> None:
        for key in outdated:
            del self._batches[key]
            self._per_shard[key[0]] -= 1

    def take(self, listening_since_ms: int | None, *, patient: bool = False) -> Round:
        """The next round. Follow it by :meth:`done` or :meth:`give_back`.

        ``patient``: what the broker has confirmed stays here, unless there will be a transaction anyway.
        """
        self._in_hand = self._some_batches()
        for key in self._in_hand:
            del self._batches[key]
            self._per_shard[key[0]] -= 1
        commands, requests = tuple(self._commands.values()), tuple(self._requests.values())
        published: tuple[Published, ...] = ()
        if not patient or self._in_hand or requests or self._failures:
            published, self._published, self._failures = tuple(self._published), [], 0
        self._commands, self._requests = {}, {}
        self._notes_in_hand = [*commands, *requests, *published]
        batches = tuple(self._in_hand.values())
        return Round(batches, commands, requests, published, listening_since_ms)

    def _some_batches(self) -> dict[_Key, Batch]:
        """What a round takes, of each gateway and shard from the oldest on. What is too large waits, and no other."""
        some: dict[_Key, Batch] = {}
        waiting: set[tuple[int, str]] = set()
        count, size = 0, 0
        for key, batch in self._batches.items():
            batch_bytes = sum([len(one.payload) for one in batch.deliveries])
            if key[:2] in waiting or (some and size + batch_bytes > ROUND_BYTES):
                waiting.add(key[:2])
                continue
            some[key] = batch
            count, size = count + len(batch.deliveries), size + batch_bytes
            if count >= ROUND_DELIVERIES:
                break
        return some

    def done(self) -> None:
        """The round taken last is carried out."""
        self._in_hand, self._notes_in_hand = {}, []

    def give_back(self) -> None:
        """The round taken last failed: it comes again."""
        batches, notes = self._in_hand, self._notes_in_hand
        self.done()
        later, self._batches = self._batches, {}
        self._per_shard.clear()
        for message in (*batches.values(), *later.values(), *notes):
            self.offer(message)

    def drop_all_but(self, shards: Collection[int]) -> None:
        """Drop what waits for other shards than these: it comes again, to their new owners."""
        self._drop([key for key in self._batches if key[0] not in shards])
        self._commands = {key: note for key, note in self._commands.items() if note.shard in shards}
        self._requests = {key: note for key, note in self._requests.items() if note.shard in shards}
        self._published = [note for note in self._published if note.shard in shards]
        self._failures = sum(not note.ok for note in self._published)


def _put(waiting: dict[K, V], key: K, message: V) -> bool:
    if len(waiting) >= MAX_NUDGES:
        return False
    waiting[key] = message
    return True
