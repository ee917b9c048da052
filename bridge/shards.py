"""Which shard a device belongs to: stable for ever, the same in every process."""

from zlib import crc32


def device_hash(device: str) -> int:
    """CRC-32 of a device key ``site/device``: 0 … 2³²-1."""
    return crc32(device.encode())


def shard_of(device: str, shards: int) -> int:
    """The shard (0 … ``shards`` - 1) of a device key."""
    return device_hash(device) % shards
