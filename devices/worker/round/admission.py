"""Operations on devices that the shard does not know yet: registered elsewhere, to be registered, or nobody's."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import structlog

from bridge.names import is_device_key
from bridge.observations import Cleared
from bridge.shards import shard_of
from devices.models import Device
from devices.options import DevicesOptions
from devices.requests.registry import register_devices
from devices.worker.effects.operations import Operation, Registered, RequestOperation, Uplink
from devices.worker.effects.replays import Replay
from devices.worker.memory.shard import Shard
from devices.worker.round import loading
from runtime.outages import SampledLog

log = structlog.get_logger(__name__)
_samples = SampledLog(log, "rejected", time.monotonic)

_MESSAGES: Final = {
    "unknown_device": ("not_found", "there is no such device"),
    "too_many_devices": ("rate_limited", "there are as many devices as MAX_DEVICES allows"),
    "bad_name": ("bad_request", "the device's key is not site/device"),
    "wrong_shard": ("bad_request", "the request was stored for another shard"),
}

Operations = dict[str, list[Operation]]  # by device key


class Refusals:
    """What became of operations that no device carries out."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()  # deliveries by outcome and reason
        self.results: dict[int, Any] = {}  # by request id

    def add(self, key: str, operations: Iterable[Operation], reason: str) -> None:
        """Reject deliveries, refuse requests; anything else on a device that is not there is void."""
        for operation in operations:
            match operation:
                case Uplink(delivery, counts=counts):
                    self.counts["rejected", reason] += counts
                    _samples.add(reason, delivery.topic)
                case RequestOperation() | Replay():
                    code, message = _MESSAGES[reason]
                    self.results[operation.request_id] = {"error": code, "message": f"{key[:200]}: {message}"}


def admit(sought: Iterable[tuple[Shard, Operations]], options: DevicesOptions, now_ms: int) -> dict[int, Refusals]:
    """See to it that each key in a shard's operations is a member of it; those that can't be are taken out.

    Costs queries only if there are unknown keys. Runs in the caller's transaction. All shards' devices are registered
    together: their sites are then made in one order by every worker, else two workers could wait for each other.

    Returns:
        What became of the operations that were taken out, by shard.
    """
    pairs = list(sought)
    refusals = {shard.number: Refusals() for shard, _ in pairs}
    unknown = {shard.number: _unknown(shard, its, refusals[shard.number], options, now_ms) for shard, its in pairs}
    wanted = [key for shard, its in pairs for key in unknown[shard.number] if _may_register(its[key], options)]
    made = register_devices(wanted) if wanted else {}
    for shard, operations in pairs:
        mine = unknown[shard.number]
        _join(shard, operations, [made[key] for key in mine if key in made], options, now_ms)
        for key in mine:
            if key not in made:
                _refuse(refusals[shard.number], key, operations.pop(key), options, full=key in wanted)
    return refusals


def _unknown(
    shard: Shard, operations: Operations, refusals: Refusals, options: DevicesOptions, now_ms: int
) -> list[str]:
    """The keys that could be the shard's and that nobody has registered yet."""
    unknown = [key for key in operations if key not in shard.members]
    if not unknown:
        return []
    for key in unknown:
        if _not_ours(key, shard, options):
            refusals.add(key, operations.pop(key), "wrong_shard" if is_device_key(key) else "bad_name")
    loading.add_members(shard, options, now_ms, device__key__in=[key for key in unknown if key in operations])
    return [key for key in unknown if key in operations and key not in shard.members]


def _not_ours(key: str, shard: Shard, options: DevicesOptions) -> bool:
    return not is_device_key(key) or shard_of(key, options.shards) != shard.number


def _may_register(operations: Iterable[Operation], options: DevicesOptions) -> bool:
    """Whether they make a device: somebody asks for it, or it speaks. (Clearing a retained message is not speaking.)"""
    return any(
        (isinstance(one, RequestOperation) and one.kind == "register")
        or (options.auto_register and isinstance(one, Uplink) and not isinstance(one.said, Cleared))
        for one in operations
    )


def _join(shard: Shard, operations: Operations, made: list[Device], options: DevicesOptions, now_ms: int) -> None:
    """Know the devices just registered."""
    if not made:
        return
    loading.add_members(shard, options, now_ms, device__in=made)
    if bare := [device for device in made if device.key not in shard.members]:
        loading.mend_twins(bare)
        loading.add_members(shard, options, now_ms, device__in=bare)
    for device in made:
        asked = any(isinstance(one, RequestOperation) for one in operations[device.key])
        operations[device.key].insert(0, Registered(asked))


def _refuse(refusals: Refusals, key: str, operations: list[Operation], options: DevicesOptions, *, full: bool) -> None:
    if full:
        refusals.add(key, operations, "too_many_devices")
        return
    if options.auto_register:  # then only cleared messages are left: they change nothing, for nobody
        cleared = sum(isinstance(one, Uplink) and one.counts for one in operations)
        refusals.counts["applied", ""] += cleared
        operations = [one for one in operations if not isinstance(one, Uplink)]
    refusals.add(key, operations, "unknown_device")
