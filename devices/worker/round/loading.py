"""Reading a shard into memory: at takeover as a whole, later a device that somebody else registered."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.db.models import F, QuerySet

from devices.models import Device, ShardState, Twin
from devices.options import DevicesOptions
from devices.requests.registry import new_twin
from devices.rules.twin import dump, upgraded
from devices.worker.effects.hooks import Hooks
from devices.worker.memory.shard import DESCRIPTION_TEXT, DOC_TEXT, Member, Shard

_CHUNK: Final = 2_000  # rows read at a time


class Loader:
    """Reads shards and devices, and has the features read what they know of them.

    Args:
        options: of the installation.
        hooks: the features'.
        clock: gives Unix ms.
    """

    def __init__(self, options: DevicesOptions, hooks: Hooks, clock: Callable[[], int]) -> None:
        self._options, self._hooks, self._clock = options, hooks, clock

    def load(self, state: ShardState) -> Shard:
        """All that is known of a shard just taken: two passes over its devices, none over their history.

        Raises:
            django.db.Error: the database failed.
        """
        now_ms = self._clock()
        shard = Shard(state.shard, state.generation, state.commit, now_ms, self._options.default_gateway)
        twins = Twin.objects.annotate(number=F("device__hash") % self._options.shards).filter(number=state.shard)
        self._join(shard, _members(twins), now_ms)
        for load in self._hooks.load:
            load(shard, now_ms)
        return shard

    def add_members(self, shard: Shard, **where: Any) -> None:
        """Know devices from now on, and what is to be done for them; ``where`` filters Twin."""
        self._join(shard, _members(Twin.objects.filter(**where)), self._clock())

    def _join(self, shard: Shard, members: Iterable[Member], now_ms: int) -> None:
        joins = self._hooks.join
        for member in members:
            shard.members[member.key] = member
            for join in joins:
                join(shard, member, now_ms)


def mend_twins(devices: list[Device]) -> None:
    """Devices that somebody made without twins get them. Safe to repeat."""
    twins = [Twin(device=device, doc=dump(new_twin(None)), rev=0, status="unknown") for device in devices]
    Twin.objects.bulk_create(twins, ignore_conflicts=True)


def _members(twins: QuerySet[Twin]) -> Iterator[Member]:
    rows = twins.values_list("device_id", "device__key", "device__stale_after_s", DOC_TEXT, DESCRIPTION_TEXT)
    for device_id, key, stale_after_s, doc, description in rows.iterator(chunk_size=_CHUNK):
        yield Member(device_id, key, stale_after_s, upgraded(doc).encode(), description)
