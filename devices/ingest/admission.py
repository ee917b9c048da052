"""Operations on devices that the shard does not know yet: registered elsewhere, to be registered, or nobody's."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import structlog

from bridge.native import is_device_key
from bridge.notices import Samples
from bridge.shards import shard_of
from devices.ingest import loading
from devices.ingest.operations import Asked, Made, Operation, Uplink
from devices.ingest.shard import Shard
from devices.options import DevicesOptions
from devices.registry import register_devices

log = structlog.get_logger(__name__)
_samples = Samples(log, "rejected", time.monotonic)

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
                case Uplink():
                    self.counts["rejected", reason] += 1
                    _samples.add(reason, operation.delivery.topic)
                case Asked():
                    code, message = _MESSAGES[reason]
                    self.results[operation.request_id] = {"error": code, "message": f"{key[:200]}: {message}"}


def admit(shard: Shard, operations: Operations, options: DevicesOptions, now_ms: int) -> Refusals:
    """See to it that each key in ``operations`` is a member of the shard; those that can't be are taken out.

    Costs queries only if there are unknown keys. Runs in the caller's transaction.
    """
    refusals = Refusals()
    unknown = {key for key in operations if key not in shard.members}
    if not unknown:
        return refusals
    for key in [key for key in unknown if _not_ours(key, shard, options)]:
        unknown.discard(key)
        refusals.add(key, operations.pop(key), "wrong_shard" if is_device_key(key) else "bad_name")
    loading.add_members(shard, options, now_ms, device__key__in=unknown)
    unknown -= shard.members.keys()
    wanted = {key for key in unknown if _deserves(operations[key], options)}
    _register(shard, operations, wanted, options, now_ms)
    for key in unknown - shard.members.keys():
        _refuse(refusals, key, operations.pop(key), options, full=key in wanted)
    return refusals


def _not_ours(key: str, shard: Shard, options: DevicesOptions) -> bool:
    return not is_device_key(key) or shard_of(key, options.shards) != shard.number


def _deserves(operations: Iterable[Operation], options: DevicesOptions) -> bool:
    """Whether they make a device: somebody asks for it, or it speaks. (Clearing a retained message is not speaking.)"""
    return any(
        (isinstance(one, Asked) and one.kind == "register")
        or (options.auto_register and isinstance(one, Uplink) and bool(one.delivery.payload))
        for one in operations
    )


def _register(shard: Shard, operations: Operations, wanted: set[str], options: DevicesOptions, now_ms: int) -> None:
    if not wanted:
        return
    devices = register_devices(key for key in operations if key in wanted)
    loading.add_members(shard, options, now_ms, device__key__in=devices)
    bare = [device for key, device in devices.items() if key not in shard.members]
    if bare:
        loading.mend_twins(bare)
        loading.add_members(shard, options, now_ms, device__in=bare)
    for key in devices:
        asked = any(isinstance(one, Asked) for one in operations[key])
        operations[key].insert(0, Made(asked))


def _refuse(refusals: Refusals, key: str, operations: list[Operation], options: DevicesOptions, *, full: bool) -> None:
    if full:
        refusals.add(key, operations, "too_many_devices")
        return
    if options.auto_register:  # then only cleared messages are left: they change nothing, for nobody
        cleared = sum(isinstance(one, Uplink) for one in operations)
        refusals.counts["applied", ""] += cleared
        operations = [one for one in operations if not isinstance(one, Uplink)]
    refusals.add(key, operations, "unknown_device")
