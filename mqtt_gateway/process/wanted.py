"""The filters that sources want, for the gateway to read. config hands in who has them: devices' workers write them.

Synchronous: for the gateway's database thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.dialects.dialect import WantedFilter


@dataclass
class Provider:
    """Who has them. Until config says so, nobody wants any."""

    filters: Callable[[], Sequence[WantedFilter]] = tuple
    stamp: Callable[[], tuple[int, int]] = lambda: (0, 0)  # another one whenever they have changed


provider: Final = Provider()


def provide(filters: Callable[[], Sequence[WantedFilter]], stamp: Callable[[], tuple[int, int]]) -> None:
    """Ask these from now on. At start-up, before anybody asks."""
    provider.filters, provider.stamp = filters, stamp
