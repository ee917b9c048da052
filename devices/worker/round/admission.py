"""Operations on devices that the shard does not know yet: registered elsewhere, to be registered, or nobody's."""

from collections.abc import Collection

from bridge.names import is_device_key
from bridge.shards import shard_of
from devices.models import Device
from devices.options import DevicesOptions
from devices.requests.registry import FoundOrMade, deleted_keys, find_or_make, take_news
from devices.worker.effects.operations import Refusal, Registered
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.memory.shard import Shard
from devices.worker.round.loading import Loader, mend_twins
from devices.worker.rules.newcomers import NewcomerQuota


class Admission:
    """Sees to it that operations are for devices that their shards know.

    Args:
        options: of the installation.
        loader: reads devices that somebody else has registered.
    """

    def __init__(self, options: DevicesOptions, loader: Loader) -> None:
        self._options, self._loader = options, loader
        self._newcomers = NewcomerQuota(options.new_devices_per_second)

    def admit(self, work: RoundWork, strange: Collection[ShardWork]) -> None:
        """See to it that each key in these shards' operations is a member; those that can't be are refused.

        Runs in the caller's transaction. All shards' devices are registered together: their sites are then made in one
        order by every worker, else two workers could wait for each other.
        """
        unknown = [(part, self._unknown(part, work)) for part in strange]
        wanted = dict.fromkeys(
            key
            for part, keys in unknown
            for key in keys
            if any(one.registers(self._options) for one in part.operations[key])
        )
        refused = dict.fromkeys((key for _, keys in unknown for key in keys if key not in wanted), "unknown_device")
        refused |= dict.fromkeys(self._deleted(wanted, unknown), "deleted")
        refused |= self._beyond_quota([key for key in wanted if key not in refused], unknown, work.now_ms)
        there = find_or_make(key for key in wanted if key not in refused) if wanted else FoundOrMade({}, set())
        for part, keys in unknown:
            self._join(part, [there.devices[key] for key in keys if key in there.devices], there.made)
            for key in keys:
                if key not in there.devices:
                    self._refuse(key, refused.get(key, "too_many_devices"), part, work)

    def _beyond_quota(
        self, wanted: Collection[str], unknown: Collection[tuple[ShardWork, list[str]]], now_ms: int
    ) -> dict[str, str]:
        """Those that nobody asked for, and that are too many at once."""
        asked = {key for part, keys in unknown for key in keys if any(one.is_asked_for for one in part.operations[key])}
        return {
            key: "too_many_new_devices"
            for key in wanted
            if key not in asked and not self._newcomers.admits(key.partition("/")[0], now_ms)
        }

    def _deleted(self, wanted: Collection[str], unknown: Collection[tuple[ShardWork, list[str]]]) -> set[str]:
        """Those that stay deleted. One query, if there are any that only a living device would make anew."""
        doubtful = [
            key
            for part, keys in unknown
            for key in keys
            if key in wanted and not any(one.revives for one in part.operations[key] if one.registers(self._options))
        ]
        return deleted_keys(doubtful) if doubtful else set()

    def _unknown(self, part: ShardWork, work: RoundWork) -> list[str]:
        """The keys that could be the shard's and that nobody has registered yet."""
        shard, operations = part.shard, part.operations
        unknown = [key for key in operations if key not in shard.members]
        for key in unknown:
            if self._is_elsewhere(key, shard):
                self._refuse(key, "wrong_shard" if is_device_key(key) else "bad_name", part, work)
        self._loader.add_members(shard, device__key__in=[key for key in unknown if key in operations])
        return [key for key in unknown if key in operations and key not in shard.members]

    def _is_elsewhere(self, key: str, shard: Shard) -> bool:
        return not is_device_key(key) or shard_of(key, self._options.shards) != shard.number

    def _join(self, part: ShardWork, devices: list[Device], made: Collection[str]) -> None:
        """Know devices that are new to us, and have it taken down. Some may have been ``made`` by others meanwhile."""
        if not devices:
            return
        self._loader.add_members(part.shard, device__in=devices)
        if bare := [device for device in devices if device.key not in part.shard.members]:
            mend_twins(bare)
            self._loader.add_members(part.shard, device__in=bare)
        others = [device.key for device in devices if device.key not in made]
        news = take_news(others) if others else {}
        for key in (device.key for device in devices):
            operations = part.operations[key]
            asked = [one.asked_by for one in operations if one.is_asked_for]
            asked = [news[key]] if key in news else asked
            operations.insert(0, Registered(bool(asked), asked[0] if asked else ""))

    def _refuse(self, key: str, reason: str, part: ShardWork, work: RoundWork) -> None:
        refusal = Refusal(key, reason, self._options, part.counted, work.settled)
        for operation in part.operations.pop(key):
            operation.refuse(refusal)
