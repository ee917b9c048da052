"""Lists of shards as people write them: ``0-3``, ``0,2``, ``0-1,3``."""

import re
from collections.abc import Collection
from itertools import groupby

_PART = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?\Z")


def parse_shards(text: str, of: int) -> list[int]:
    """The shards of a list, in order.

    Args:
        text: as above.
        of: how many shards there are.

    Raises:
        ValueError: it is no such list, or names a shard that is not there; in words for people.
    """
    shards: set[int] = set()
    for part in text.split(","):
        match = _PART.match(part)
        if match is None:
            raise ValueError(f"{text!r} is no list of shards like 0-3 or 0,2")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"{part.strip()!r} counts backwards")
        if last >= of:
            raise ValueError(f"there is no shard {last}: BRIDGE_SHARDS is {of}, so they are 0-{of - 1}")
        shards.update(range(first, last + 1))
    return sorted(shards)


def format_shards(shards: Collection[int]) -> str:
    """The list of these shards, as short as it can be: {0, 1, 2, 4} → ``0-2,4``; none: the empty text."""
    runs = groupby(enumerate(sorted(shards)), key=lambda pair: pair[1] - pair[0])
    bounds = [[shard for _, shard in run] for _, run in runs]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in bounds)
