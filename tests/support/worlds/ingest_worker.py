"""A keeper called as the engine would, by tests that hold its clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from bridge.messages import (
    Batch,
    CommandStored,
    Delivery,
    LinkAck,
    Publish,
    RequestStored,
)
from bridge.shards import device_hash, shard_of
from devices.models import Request, ShardState, Twin
from devices.rules.twin import TwinState, load_value
from devices.worker.effects.results import RoundResults
from devices.worker.effects.work import Round
from devices.worker.features import FeatureFactory, all_features
from devices.worker.ownership.fence import take
from devices.worker.ownership.followed import Followed
from devices.worker.ownership.looks import look
from devices.worker.round.rounds import RoundRunner
from tests.support.worlds.deliveries import NOW_MS, REPLY_TO, Uplink, items
from tests.support.worlds.downlinks import answer


@dataclass
class Worker:
    """A keeper of all four shards, called as the engine would; every round is a second after the last one.

    It takes its shards at the first round, whoever has them: as if the owner's lease were over.
    """

    owner: str = "me"
    epoch: int = 1  # of its gateway's connection
    shards: frozenset[int] = frozenset(range(4))
    now_ms: int = NOW_MS
    listening_since_ms: int | None = NOW_MS
    more: Sequence[FeatureFactory] = ()  # features besides the built-in ones
    followed: Followed = field(default_factory=Followed)
    last: RoundResults = field(default_factory=RoundResults)
    results: list[RoundResults] = field(default_factory=list)

    def __post_init__(self) -> None:
        features = all_features(settings.DEVICES, self.more, self.followed)
        self.keeper = RoundRunner(settings.DEVICES, features, self.owner, lambda: self.now_ms)
        self.uplink = Uplink(self.epoch)

    def round(self, *, leaving: frozenset[int] = frozenset(), **what: Any) -> RoundResults:
        """One round; ``what`` are fields of Round; shards that are left are given up."""
        if not self.results:
            seize(self.shards, self.owner)
        what = {"listening_since_ms": self.listening_since_ms, **what}
        self.last = self.keeper.work(Round(**what), self.shards, leaving)
        self.results.append(self.last)
        return self.last

    def take(self, *batches: Batch) -> RoundResults:
        """A round with batches."""
        return self.round(batches=batches)

    def hear(self, *deliveries: Delivery) -> RoundResults:
        """A round with one batch a shard of these."""
        by_shard: dict[int, list[Delivery]] = {}
        for one in deliveries:
            by_shard.setdefault(shard_of(one.source, 4), []).append(one)
        return self.take(*(self.uplink.batch(*its) for its in by_shard.values()))

    def ask(self, key: str, kind: str, **body: Any) -> Any:
        """Store a request, nudge; the result in its row."""
        return self.settle(self.store(key, kind, **body))

    def store(self, key: str, kind: str, **body: Any) -> Request:
        """Store a request."""
        return Request.objects.create(device_key=key, hash=device_hash(key), kind=kind, body=body)

    def settle(self, row: Request) -> Any:
        """Nudge; the result in the row."""
        self.round(requests=(RequestStored(row.hash % 4, row.pk, "asker"),))
        row.refresh_from_db()
        assert row.status == "settled"
        return row.result

    def published(self, sent: Publish, *, ok: bool = True, reason: str = "") -> RoundResults:
        """The gateway's answer."""
        return self.round(published=(answer(sent, ok=ok, reason=reason, at_ms=self.now_ms),))

    def commanded(self, *ids: Any) -> RoundResults:
        """Nudges for commands just stored."""
        return self.round(commands=tuple(CommandStored(0, str(pk)) for pk in ids))

    def wait(self, seconds: float) -> RoundResults:
        """Time passes, nothing comes."""
        self.now_ms += round(seconds * 1000)
        return self.round()

    def look(self) -> None:
        """A look at the leases, which sees who follows; then a round, as that wakes the rounds."""
        if self.followed.see({row.shard: row.followed for row in look(self.owner).shards}):
            self.round()

    def purge(self, steps: int = 40) -> None:
        """So many steps of retention, each when it is due."""
        for _ in range(steps):
            self.now_ms = max(self.now_ms, self.keeper.purge())

    @property
    def acks(self) -> list[LinkAck]:
        """What the last round acknowledged."""
        assert all(channel == REPLY_TO for channel, _ in self.last.acks)
        return [ack for _, ack in self.last.acks]

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What browsers see of the last round."""
        return items(self.last.commits)

    @property
    def sent(self) -> list[Publish]:
        """What went down to devices in the last round."""
        return [message for _, message in self.last.downlinks]


def seize(shards: Iterable[int], owner: str) -> None:
    """Take shards that are another's, once its lease is over."""
    ShardState.objects.bulk_create([ShardState(shard=shard) for shard in shards], ignore_conflicts=True)
    for shard in shards:
        ShardState.objects.filter(shard=shard).update(beat_ms=1)
        assert take(shard, owner)


def twin_of(key: str) -> TwinState:
    """As stored."""
    return load_value(Twin.objects.get(device__key=key).doc)
