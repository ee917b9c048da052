"""The filters that sources want, and the rules for foreign topics, for the gateway to read.

config hands in who has them: devices' workers and people write them. Synchronous: for the gateway's database thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.dialects.dialect import WantedFilter
from bridge.dialects.mapping.rules import Rule

Stamp = tuple[int, ...]


@dataclass
class Provider:
    """Who has them. Until config says so, nobody wants any."""

    filters: Callable[[], Sequence[WantedFilter]] = tuple
    mappings: Callable[[], Sequence[Rule]] = tuple  # rules for topics that no dialect has
    stamp: Callable[[], Stamp] = lambda: (0,)  # another one whenever any of these have changed


provider: Final = Provider()


def provide(
    filters: Callable[[], Sequence[WantedFilter]], mappings: Callable[[], Sequence[Rule]], stamp: Callable[[], Stamp]
) -> None:
    """Ask these from now on. At start-up, before anybody asks."""
    provider.filters, provider.mappings, provider.stamp = filters, mappings, stamp
