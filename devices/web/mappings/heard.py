"""The last messages heard that nobody took, to try rules with."""

from collections.abc import Iterator

from devices.web.operations.rejected import read_rejected


def heard() -> Iterator[tuple[str, bytes]]:
    """Topic and payload (its beginning), the newest first."""
    for one in read_rejected(lambda _topic: True, None, None):
        yield one.topic, one.payload
