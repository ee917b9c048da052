"""A gateway's side of the link for tests of the shard workers: deliveries, numbered batches, acknowledgements."""

from collections.abc import Iterable
from itertools import count, islice
from typing import Any

import msgspec

from bridge.link import Window
from bridge.messages import Batch, CommandStep, Commit, Delivery, Delta, EventRecorded, LinkAck
from bridge.shards import shard_of

GATEWAY = "test-gateway"
REPLY_TO = "gateway-reply"
NOW_MS = 1_800_000_000_000


def key_in(shard: int, shards: int = 4, name: str = "device", nth: int = 0) -> str:
    """A device key of the site ``demo`` in this shard; another for each ``nth``."""
    found = (key for key in (f"demo/{name}{number}" for number in count()) if shard_of(key, shards) == shard)
    return next(islice(found, nth, None))


def delivery(device: str, topic: str, payload: object, *, at_ms: int = NOW_MS, **more: Any) -> Delivery:
    """What the gateway makes of a PUBLISH on ``devices/{device}/{topic}``; payloads as bytes or to be JSON."""
    suffix, _, detail = topic.partition("/")
    kind = "metric" if suffix == "telemetry" and detail else suffix
    fields = {"qos": 1, "retain": False, "dup": False, "packet_id": 1, **more}
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Delivery(f"devices/{device}/{topic}", device, kind, detail, data, at_ms, **fields)


class Uplink:
    """Numbers batches as the gateway does, a window a shard.

    Args:
        epoch: of the connection.
        shards: how many there are.
        session: the broker's.
    """

    def __init__(
        self, epoch: int = 1, shards: int = 4, gateway: str = GATEWAY, reply_to: str = REPLY_TO, session: int = 0
    ) -> None:
        self._shards = shards
        self._windows = {
            shard: Window(shard, gateway, epoch, reply_to, limit=10**9, session=session) for shard in range(shards)
        }

    def hello(self, shard: int) -> Batch:
        """An empty batch."""
        return self._windows[shard].push(())

    def batch(self, *deliveries: Delivery, position: int = 0) -> Batch:
        """One batch; all deliveries are of one shard."""
        (shard,) = {shard_of(one.source, self._shards) for one in deliveries}
        return self._windows[shard].push(deliveries, position)

    def acknowledged(self, ack: LinkAck) -> None:
        """A worker's answer."""
        self._windows[ack.shard].acknowledge(ack)

    def under_way(self) -> list[Batch]:
        """All that is not acknowledged."""
        return [batch for window in self._windows.values() for batch in window.under_way]


def items(commits: Iterable[Commit]) -> list[dict[str, Any]]:
    """What browsers see of commits: delta items, event frames, commands, as JSON values."""
    out: list[dict[str, Any]] = []
    for change in (change for commit in commits for change in commit.changes):
        match change:
            case Delta():
                out.append(msgspec.json.decode(change.item))
            case EventRecorded():
                out.append(msgspec.json.decode(change.frame))
            case CommandStep():
                out.append(msgspec.json.decode(change.command))
            case _:
                out.append({"gone": change.device})
    return out
