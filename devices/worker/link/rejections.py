"""Samples of rejected messages: logged, and kept by topic. The uplink's feature has them stored."""

import time
from collections.abc import Iterable
from typing import Final

import structlog

from bridge.dialects.refusals.rejections import Rejection, Rejections
from bridge.messages import Delivery
from bridge.shards import shard_of
from devices.models import Rejected
from runtime.databases.topic_samples import record
from runtime.outages import SampledLog

MOST_ROWS: Final = 250  # a shard

_samples = SampledLog(structlog.get_logger(__name__), "rejected", time.monotonic)
waiting: Final = Rejections()  # this process's


def keep_sample(reason: str, delivery: Delivery) -> None:
    """A delivery was rejected."""
    _samples.add(reason, delivery.topic)
    waiting.add(delivery.topic, reason, delivery.payload, delivery.received_ms, delivery.source)


def store(samples: Iterable[Rejection], shards: int) -> None:
    """Write them, each with the shard that its device would be of. For use in a transaction."""
    by_shard: dict[int, list[Rejection]] = {}
    for one in samples:
        by_shard.setdefault(shard_of(one.source, shards), []).append(one)
    for shard, found in sorted(by_shard.items()):
        record(Rejected, str(shard), found, MOST_ROWS)
