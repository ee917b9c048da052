"""Which shard a device belongs to: stable for ever, the same in every process.

The unit of shard and order is the *source*: who speaks to the broker. A device behind another one has the key
``source~child``; all others are their own source.
"""

from zlib import crc32


def source_of(device: str) -> str:
    """The source that speaks for a device key: the key up to its ``~``, if it has one."""
    return device.partition("~")[0]


def device_hash(device: str) -> int:
    """CRC-32 of the source of a device key ``site/device``: 0 … 2³²-1."""
    return crc32(source_of(device).encode())


def shard_of(device: str, shards: int) -> int:
    """The shard (0 … ``shards`` - 1) of a device key."""
    return device_hash(device) % shards
